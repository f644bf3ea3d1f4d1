// The pool's coarse time, by which free memory ages: read where reading a clock is
// cheap beside the rest, and copied to where it is not.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <weir/clock.hpp>

namespace weir::pool {

class CoarseClock {
 public:
  explicit CoarseClock(const Clock& clock) : clock_(clock), started_(clock.now()) {}

  /// About milliseconds since the pool was made, from 1 on.
  [[nodiscard]] std::uint32_t now() const noexcept { return units(clock_.now() - started_) + 1; }
  [[nodiscard]] static std::uint32_t units(std::chrono::nanoseconds time) noexcept {
    return static_cast<std::uint32_t>(time.count() >> shift);
  }
  [[nodiscard]] std::chrono::nanoseconds since(std::uint32_t stamp) const noexcept {
    const std::uint32_t here = now();
    return std::chrono::nanoseconds(std::int64_t{here - std::min(here, stamp)} << shift);
  }

 private:
  static constexpr unsigned shift = 20;  // 2^20 ns are about a millisecond
  const Clock& clock_;
  const std::chrono::nanoseconds started_;
};

}  // namespace weir::pool
