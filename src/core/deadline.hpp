// The end of a wait that has several steps: each step waits for what is left.
#pragma once

#include <algorithm>
#include <chrono>

namespace weir::core {

class Deadline {
 public:
  /// Has passed.
  Deadline() = default;
  /// None, or a negative time, has passed already: a wait then only looks.
  explicit Deadline(std::chrono::nanoseconds time) noexcept
      : end_(std::chrono::steady_clock::now() + std::clamp(time, std::chrono::nanoseconds(0), longest)) {}

  [[nodiscard]] std::chrono::nanoseconds left() const noexcept {
    return std::max(end_ - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
  }

 private:
  static constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);
  std::chrono::steady_clock::time_point end_{};
};

}  // namespace weir::core
