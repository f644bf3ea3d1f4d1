// A lock for data that one thread uses all the time and others almost never.
// The owner enters with two plain stores and a load; a visitor pays for both by
// making every running thread pass a memory barrier (membarrier) before it
// looks whether the owner is inside. Without that system call the owner pays a
// full fence instead. The owner never blocks while inside.
#pragma once

#include <atomic>
#include <mutex>

namespace weir::pool {

class OwnerLock {
 public:
  /// The owner's way in; false when a visitor is there or waiting: call wait_for_visitors and retry.
  [[nodiscard]] bool enter() noexcept {
    inside_.store(true, std::memory_order_relaxed);
    if (barriers_on_demand_) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    if (!visited_.load(std::memory_order_acquire)) [[likely]] return true;
    leave();
    return false;
  }
  void leave() noexcept { inside_.store(false, std::memory_order_release); }
  void wait_for_visitors() noexcept { const std::lock_guard lock(visitors_); }

  // A visitor may announce itself to many owners, then pass one barrier for all.
  void announce() noexcept {
    visitors_.lock();
    visited_.store(true, std::memory_order_seq_cst);
  }
  static void barrier() noexcept;
  void await_owner() const noexcept;
  void depart() noexcept {
    visited_.store(false, std::memory_order_release);
    visitors_.unlock();
  }
  /// Keeps the owner out for good, in a process that must not go on (after fork). Needs no other thread.
  void close() noexcept { visited_.store(true, std::memory_order_seq_cst); }

 private:
  static const bool barriers_on_demand_;
  std::atomic<bool> inside_{false};
  std::atomic<bool> visited_{false};
  std::mutex visitors_;
};

}  // namespace weir::pool
