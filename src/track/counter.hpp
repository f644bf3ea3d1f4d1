// Counters that one thread writes and any thread reads: a relaxed load and
// store, so the writer pays no locked instruction. Called on every operation.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::track {

template <class Number>
class Counter {
 public:
  /// Gives the sum.
  Number add(Number amount) noexcept {
    const Number sum = value_.load(std::memory_order_relaxed) + amount;
    value_.store(sum, std::memory_order_relaxed);
    return sum;
  }
  void set(Number value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] Number get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Number> value_{0};
};

}  // namespace weir::track
