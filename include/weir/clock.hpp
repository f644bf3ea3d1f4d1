// Time as weir sees it: a monotonic clock that tests may replace, so that ages
// and idle times can be tried without waiting. Read by pools, never by hits
// (those use a coarse copy that is refreshed every few operations).
#pragma once

#include <chrono>

namespace weir {

/// A source of monotonic time. Thread-safe; must never go back.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Time since an arbitrary fixed point.
  [[nodiscard]] virtual std::chrono::nanoseconds now() const noexcept = 0;

  /// The system's monotonic clock; lives for the whole program.
  [[nodiscard]] static const Clock& system() noexcept;
};

}  // namespace weir
