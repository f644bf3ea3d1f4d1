// The end of a wait that has several steps: each step waits for what is left.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include <weir/clock.hpp>

namespace weir::core {

/// Longer than any wait, and still a time from now.
inline constexpr std::chrono::nanoseconds longest_wait = std::chrono::hours(24 * 365);

class Deadline {
 public:
  /// Has passed.
  Deadline() = default;
  /// None, or a negative time, has passed already: a wait then only looks. Where a device's time is simulated, waits
  /// for it go by its clock.
  explicit Deadline(std::chrono::nanoseconds time, const Clock& clock = Clock::system()) noexcept
      : clock_(&clock), given_(time), end_(clock.now() + std::clamp(time, std::chrono::nanoseconds(0), longest_wait)) {}

  [[nodiscard]] std::chrono::nanoseconds left() const noexcept {
    return clock_ == nullptr ? std::chrono::nanoseconds(0)
                             : std::max(end_ - clock_->now(), std::chrono::nanoseconds(0));
  }

  [[nodiscard]] bool passed() const noexcept { return left().count() == 0; }

  /// As it was given, for messages: "20 ms", or "500 us" where it is shorter.
  [[nodiscard]] std::string text() const {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(given_).count();
    if (milliseconds != 0 || given_.count() == 0) return std::to_string(milliseconds) + " ms";
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(given_).count()) + " us";
  }
  /// The same for ErrorFacts::limit; a negative one is 0.
  [[nodiscard]] std::uint64_t milliseconds() const noexcept {
    const auto given = std::chrono::duration_cast<std::chrono::milliseconds>(given_).count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(given, 0));
  }

 private:
  const Clock* clock_ = nullptr;  // which outlives it
  std::chrono::nanoseconds given_{0};
  std::chrono::nanoseconds end_{0};
};

}  // namespace weir::core
