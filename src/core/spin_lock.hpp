// A lock for sections of a few dozen nanoseconds that are almost never contended:
// one exchange to take it, one store to give it back. A waiter soon yields, so
// that an owner who lost its core can go on. Meets Lockable.
#pragma once

#include <atomic>
#include <thread>

namespace weir::core {

class SpinLock {
 public:
  void lock() noexcept {
    while (taken_.exchange(true, std::memory_order_acquire)) [[unlikely]] wait();
  }
  [[nodiscard]] bool try_lock() noexcept { return !taken_.exchange(true, std::memory_order_acquire); }
  void unlock() noexcept { taken_.store(false, std::memory_order_release); }

 private:
  void wait() const noexcept {
    for (int spins = 0; taken_.load(std::memory_order_relaxed); ++spins) {
      if (spins >= spins_before_yield) std::this_thread::yield();
    }
  }
  static constexpr int spins_before_yield = 64;
  std::atomic<bool> taken_{false};
};

}  // namespace weir::core
