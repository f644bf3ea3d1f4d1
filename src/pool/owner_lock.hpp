// A lock for data that one thread uses all the time and others almost never.
// The owner enters with one plain store and a load; a visitor pays for both by
// making every running thread pass a memory barrier (membarrier) before it
// looks whether the owner is inside. Where that system call is missing the
// owner goes the careful way, with a full fence. The owner never blocks inside.
// A visitor may leave the lock asleep: the owner then finds it shut, at no cost to
// the quick way, and must have it woken. Waking is for whoever counts the sleepers.
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
  /// The careful way in; false only when a visitor is there, or it is asleep: wait_for_visitors or wake, and retry.
  [[nodiscard]] bool enter_carefully() noexcept {
    inside_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (gate_.load(std::memory_order_acquire) <= Gate::careful) return true;
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
    gate_.store(asleep_ ? Gate::asleep : usual_gate(), std::memory_order_seq_cst);
    visitors_.unlock();
  }
  /// For a visitor that is there: from its departure on the owner stays out.
  void put_to_sleep() noexcept { asleep_ = true; }
  /// Lets the owner in again; false if it was awake. Waits for visitors.
  bool wake() noexcept {
    const std::lock_guard lock(visitors_);
    if (!asleep_) return false;
    asleep_ = false;
    gate_.store(usual_gate(), std::memory_order_release);
    return true;
  }
  /// Not while a visitor is there: then that decides.
  [[nodiscard]] bool asleep() const noexcept { return gate_.load(std::memory_order_seq_cst) == Gate::asleep; }
  /// Keeps the owner out for good, in a process that must not go on (after fork). Needs no other thread.
  void close() noexcept { gate_.store(Gate::visited, std::memory_order_seq_cst); }

 private:
  enum class Gate : std::uint8_t { open, careful, asleep, visited };
  [[nodiscard]] static Gate usual_gate() noexcept { return barriers_on_demand_ ? Gate::open : Gate::careful; }

  static const bool barriers_on_demand_;
  std::atomic<bool> inside_{false};
  std::atomic<Gate> gate_{usual_gate()};
  std::mutex visitors_;
  bool asleep_ = false;  // guarded by visitors_
};

}  // namespace weir::pool
