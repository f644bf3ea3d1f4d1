// Counters that one thread writes and any thread reads: a relaxed load and
// store, so the writer pays no locked instruction. Called on every operation.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::track {

template <class Number>
class Counter {
 public:
  void add(Number amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(Number value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] Number get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Number> value_{0};
};

}  // namespace weir::track
