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
  /// The same in one instruction where the sum is not asked for: of an atomic, a compiler makes three.
  void bump(Number amount) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    static_assert(sizeof value_ == sizeof(Number));
    asm("add %1, %0" : "+m"(value_) : "r"(amount) : "cc");
#else
    add(amount);
#endif
  }
  void set(Number value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] Number get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Number> value_{0};
};

}  // namespace weir::track
