// Wakes a reader of events that sleeps, from threads that write them. Waking takes no lock
// and is done once a sleep, so that a writer pays a system call for some ten thousand events.
// A reader that would rather have its writers wait than lose events says for how long.
// Shared by the reader and the taps that it reads.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>

namespace weir::track {

class Wakeup {
 public:
  /// `patience`: how long a writer whose ring is full waits at most.
  explicit Wakeup(std::chrono::nanoseconds patience = {}) noexcept : patience_(patience) { sem_init(&bell_, 0, 0); }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  ~Wakeup() { sem_destroy(&bell_); }

  // --- For writers ---

  void wake() noexcept {
    if (!rung_.exchange(true, std::memory_order_acq_rel)) sem_post(&bell_);
  }
  /// Lets other threads run until `done()` or until patience ends.
  template <class Done>
  void wait_for(Done done) noexcept {
    if (patience_.count() == 0) return;
    const auto end = std::chrono::steady_clock::now() + patience_;
    while (!done() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  }

  // --- For the reader ---

  /// Returns when somebody has woken it since the last sleep, or after `time`.
  void sleep(std::chrono::nanoseconds time) noexcept {
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    constexpr long second = 1'000'000'000;
    const long sum = until.tv_nsec + static_cast<long>(time.count() % second);
    until.tv_sec += static_cast<time_t>(time.count() / second + sum / second);
    until.tv_nsec = sum % second;
    while (sem_timedwait(&bell_, &until) != 0 && errno == EINTR) {
    }
    rung_.store(false, std::memory_order_release);
  }

 private:
  const std::chrono::nanoseconds patience_;
  std::atomic<bool> rung_{false};
  sem_t bell_{};
};

}  // namespace weir::track
