// The end of a wait that has several steps: each step waits for what is left.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

namespace weir::core {

class Deadline {
 public:
  /// Has passed.
  Deadline() = default;
  /// None, or a negative time, has passed already: a wait then only looks.
  explicit Deadline(std::chrono::nanoseconds time) noexcept
      : given_(time), end_(std::chrono::steady_clock::now() + std::clamp(time, std::chrono::nanoseconds(0), longest)) {}

  [[nodiscard]] std::chrono::nanoseconds left() const noexcept {
    return std::max(end_ - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
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
  static constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
  std::chrono::nanoseconds given_{0};
  std::chrono::steady_clock::time_point end_{};
};

}  // namespace weir::core
