// Counts the threads that have memory in hand: memory that a thread has taken out of caches or
// arenas, or is about to give back, is in none of them for a moment. A thread that finds too
// little waits for such threads once, rather than be refused what is there. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace weir::pool {

class Motion {
 public:
  /// Counts the calling thread among those that move memory, for as long as it lives. Once: what the thread begins
  /// within is part of it, else it would take its own end for another's.
  class Moving {
   public:
    explicit Moving(Motion& motion) noexcept : motion_(motion), around_(current_) {
      if (around_ != &motion_) ++motion_.moving_;
      current_ = &motion_;
    }
    ~Moving() {
      current_ = around_;
      if (around_ != &motion_) motion_.end();
    }
    Moving(const Moving&) = delete;
    Moving& operator=(const Moving&) = delete;

   private:
    Motion& motion_;
    const Motion* const around_;
  };
  [[nodiscard]] Moving begin() noexcept { return Moving(*this); }

  /// How often a thread was done with it.
  [[nodiscard]] std::uint64_t ended() const noexcept { return ended_.load(); }
  /// For a thread that moves memory itself: true if another was done since `seen`, or is before long. It waits only as
  /// long as some thread moves memory that does not wait here too: two that are both refused do not wait for each
  /// other.
  [[nodiscard]] bool await_others(std::uint64_t seen) noexcept {
    constexpr std::chrono::milliseconds moment{100};  // the driver's slowest call, about
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();  // who waits for this one alone need not go on
    changed_.wait_for(lock, moment, [&] { return ended_.load() != seen || moving_.load() <= waiting_.load(); });
    --waiting_;
    return ended_.load() != seen;
  }

 private:
  void end() noexcept {
    ++ended_;
    --moving_;
    if (waiting_.load() == 0) return;
    { const std::lock_guard lock(mutex_); }  // who is about to wait waits by now
    changed_.notify_all();
  }

  static inline thread_local const Motion* current_ = nullptr;  // in which the thread moves memory

  std::atomic<std::uint32_t> moving_{0};
  std::atomic<std::uint64_t> ended_{0};
  std::atomic<std::uint32_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace weir::pool
