// A lock for data that one thread uses all the time and others almost never.
// The owner enters with one plain store and a load; a visitor pays for both by
// making every running thread pass a memory barrier (membarrier) before it
// looks whether the owner is inside. Where that system call is missing the
// owner goes the careful way, with a full fence. The owner never blocks inside.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace weir::pool {

class OwnerLock {
 public:
  /// The owner's way in; false when a visitor is there or the quick way is not safe here.
  [[nodiscard]] bool enter() noexcept {
    inside_.store(true, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (gate_.load(std::memory_order_acquire) == Gate::open) [[likely]]
      return true;
    leave();
    return false;
  }
  /// The careful way in; false only when a visitor is there: call wait_for_visitors and retry.
  [[nodiscard]] bool enter_carefully() noexcept {
    inside_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (gate_.load(std::memory_order_acquire) != Gate::visited) return true;
    leave();
    return false;
  }
  void leave() noexcept { inside_.store(false, std::memory_order_release); }
  void wait_for_visitors() noexcept { const std::lock_guard lock(visitors_); }

  // A visitor may announce itself to many owners, then pass one barrier for all.
  void announce() noexcept {
    visitors_.lock();
    gate_.store(Gate::visited, std::memory_order_seq_cst);
  }
  static void barrier() noexcept;
  void await_owner() const noexcept;
  void depart() noexcept {
    gate_.store(usual_gate(), std::memory_order_release);
    visitors_.unlock();
  }
  /// Keeps the owner out for good, in a process that must not go on (after fork). Needs no other thread.
  void close() noexcept { gate_.store(Gate::visited, std::memory_order_seq_cst); }

 private:
  enum class Gate : std::uint8_t { open, careful, visited };
  [[nodiscard]] static Gate usual_gate() noexcept { return barriers_on_demand_ ? Gate::open : Gate::careful; }

  static const bool barriers_on_demand_;
  std::atomic<bool> inside_{false};
  std::atomic<Gate> gate_{usual_gate()};
  std::mutex visitors_;
};

}  // namespace weir::pool
