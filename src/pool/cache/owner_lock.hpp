// A lock for data that one thread uses all the time and others almost never.
// The owner enters with one plain store and a load; a visitor pays for both by
// making every running thread pass a memory barrier (membarrier) before it
// looks whether the owner is inside. Where that system call is missing the
// owner goes the careful way, with a full fence. The owner never blocks inside.
// A visitor may leave the lock asleep: the owner then finds it shut, at no cost to
// the quick way, and must have it woken. Waking is for whoever counts the sleepers.
#pragma once

#include <atomic>

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
  void wait_for_visitors() const noexcept { gate_.wait(Gate::visited, std::memory_order_acquire); }

  // A visitor may announce itself to many owners, all in the same order, then pass one barrier for all.
  void announce() noexcept {
    Gate before = gate_.exchange(Gate::visited, std::memory_order_seq_cst);
    for (; before == Gate::visited; before = gate_.exchange(Gate::visited, std::memory_order_seq_cst)) {
      wait_for_visitors();
    }
    asleep_ = before == Gate::asleep;
  }
  static void barrier() noexcept;
  void await_owner() const noexcept;
  void depart() noexcept {
    // Sequentially consistent, else notify_all could miss a thread that begins to wait.
    gate_.store(asleep_ ? Gate::asleep : usual_gate(), std::memory_order_seq_cst);
    gate_.notify_all();
  }
  /// Called by a visitor that is inside: keeps the owner out from its departure on.
  void put_to_sleep() noexcept { asleep_ = true; }
  /// Lets the owner in again; false if it was awake. Waits for visitors.
  bool wake() noexcept {
    Gate seen = gate_.load(std::memory_order_acquire);
    while (seen == Gate::visited || seen == Gate::asleep) {
      if (seen == Gate::asleep && gate_.compare_exchange_strong(seen, usual_gate())) return true;
      if (seen == Gate::visited) {
        wait_for_visitors();
        seen = gate_.load(std::memory_order_acquire);
      }
    }
    return false;
  }
  /// False while a visitor is inside: the visitor decides then.
  [[nodiscard]] bool asleep() const noexcept { return gate_.load(std::memory_order_seq_cst) == Gate::asleep; }
  /// Keeps the owner out for good, in a process that must not go on (after fork). Needs no other thread.
  void close() noexcept { gate_.store(Gate::visited, std::memory_order_seq_cst); }

 private:
  enum class Gate : int { open, careful, asleep, visited };  // of the size that the system can wait on
  [[nodiscard]] static Gate usual_gate() noexcept { return barriers_on_demand_ ? Gate::open : Gate::careful; }

  static const bool barriers_on_demand_;
  std::atomic<bool> inside_{false};
  std::atomic<Gate> gate_{usual_gate()};
  bool asleep_ = false;  // a visitor's: what the gate is to be at its departure
};

}  // namespace weir::pool
