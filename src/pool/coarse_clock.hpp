// The pool's coarse time, which gives the age of free memory. It is read where reading a
// clock is cheap beside the rest, and copied to where it is not. Every block and page has a
// stamp of it, in 32 bits: of the pool's first 24 days to a millisecond, later to two
// seconds, for 146 years. Stamps compare as the times that they stand for.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include <weir/clock.hpp>

namespace weir::pool {

class CoarseClock {
 public:
  explicit CoarseClock(const Clock& clock) : clock_(clock), started_(clock.now()) {}

  /// Time in units of 2^20 ns, about a millisecond, since the pool was made; from 1 on.
  [[nodiscard]] std::uint64_t units() const noexcept { return units_in(clock_.now() - started_) + 1; }
  [[nodiscard]] std::uint32_t now() const noexcept { return stamp(units()); }

  /// Rounded up, so that nothing is older than its stamp says.
  [[nodiscard]] static std::uint32_t stamp(std::uint64_t units) noexcept {
    return units < fine ? static_cast<std::uint32_t>(units) : coarse_stamp(units - fine + (1u << coarse_shift) - 1);
  }
  /// What was stamped at or before this has had the age; empty if nothing has yet. The age must not be negative.
  [[nodiscard]] std::optional<std::uint32_t> of_age(std::chrono::nanoseconds age) const noexcept {
    const std::uint64_t now = units();
    if (units_in(age) >= now) return std::nullopt;
    const std::uint64_t then = now - units_in(age);
    return then < fine ? static_cast<std::uint32_t>(then) : coarse_stamp(then - fine);
  }
  [[nodiscard]] std::chrono::nanoseconds since(std::uint32_t stamp) const noexcept {
    const std::uint64_t then = stamp < fine ? stamp : fine + (std::uint64_t{stamp - fine} << coarse_shift);
    const std::uint64_t now = units();
    return std::chrono::nanoseconds(static_cast<std::int64_t>(now - std::min(now, then)) << shift);
  }

 private:
  [[nodiscard]] static std::uint64_t units_in(std::chrono::nanoseconds time) noexcept {
    return static_cast<std::uint64_t>(time.count()) >> shift;
  }
  [[nodiscard]] static std::uint32_t coarse_stamp(std::uint64_t units_past_fine) noexcept {
    constexpr std::uint64_t last = UINT32_MAX - 1;  // the one after is later than all
    return static_cast<std::uint32_t>(std::min(fine + (units_past_fine >> coarse_shift), last));
  }

  static constexpr unsigned shift = 20;
  static constexpr std::uint32_t fine = std::uint32_t{1} << 31;  ///< stamps below it are units, above it 2^11 units
  static constexpr unsigned coarse_shift = 11;
  const Clock& clock_;
  const std::chrono::nanoseconds started_;
};

}  // namespace weir::pool
