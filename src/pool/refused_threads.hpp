// Where threads wait that a pool would refuse while other threads have its memory: for these to free some. A pool
// cannot know whether they will, so three things bound the waits. Of threads that all wait, one is refused at once, so
// that it gives back what it holds as its error is handled, and the others wait for that. Waits in vain draw on an
// account, which a wait that pays fills again. And a request has its deadline. Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "core/deadline.hpp"
#include "core/pacing.hpp"

namespace weir::pool {

class RefusedThreads {
 public:
  /// `account`: how long threads may wait in vain, all together, until one wait pays. It fills by a 64th of the time.
  explicit RefusedThreads(std::chrono::nanoseconds account) noexcept
      : full_(std::min(account, core::longest_wait)), account_(full_), filled_(Clock::now()) {}

  /// Waits for frees of other threads until `retry` gives true; false where the request is to be refused. `threads`
  /// counts those that may use the pool's memory, the calling one included; `frees` is a number that changes with each
  /// free. No lock is held while one of these is called.
  template <class Threads, class Frees, class Retry>
  [[nodiscard]] bool wait(const core::Deadline& deadline, Threads threads, Frees frees, Retry retry) {
    const Clock::time_point began = Clock::now();
    Wait wait{.began = began};
    if (!enter(wait, threads())) return false;
    core::Pacing pacing;
    try {
      for (bool last = false;;) {
        const std::uint64_t seen = frees();
        if (retry()) {
          leave(wait, true);
          return true;
        }
        if (last) break;
        rest(wait, true);
        // Tried once more at the end: a thread that has ended, too, may have freed as its last act.
        while (!(last = !goes_on(wait, threads(), deadline.passed())) && frees() == seen) {
          pacing.rest(Clock::now() - began, deadline.left());
        }
        if (!last) rest(wait, false);
      }
      leave(wait, false);
      return false;
    } catch (...) {
      leave(wait, false);
      throw;
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Wait {
    Clock::time_point began = {};
    Clock::time_point ends = {};
    std::chrono::nanoseconds part{0};  // how long it waits for one thread
    std::uint64_t refusals = 0;        // that it has seen
    bool rests = false;                // it is one of waiting_
  };

  [[nodiscard]] bool enter(Wait& wait, std::size_t threads) {
    constexpr std::chrono::milliseconds least{1};  // a shorter wait is hardly one
    const std::lock_guard lock(mutex_);
    fill(wait.began);
    wait.part = account_ / 2;
    if (waiting_ + 1 >= threads || wait.part < least) {
      ++refusals_;
      return false;
    }
    wait.ends = wait.began + wait.part;
    wait.refusals = refusals_;
    return true;
  }
  // One that tries is not among those that wait: it may have the memory already that another one is refused for, and
  // free it soon.
  void rest(Wait& wait, bool rests) {
    const std::lock_guard lock(mutex_);
    wait.rests = rests;
    rests ? ++waiting_ : --waiting_;
  }
  // One that was refused meanwhile may free what it holds. Who does not go on waits no more, so that of several that
  // all wait one goes.
  [[nodiscard]] bool goes_on(Wait& wait, std::size_t threads, bool late) {
    const std::lock_guard lock(mutex_);
    const Clock::time_point now = Clock::now();
    if (wait.refusals != refusals_) {
      wait.refusals = refusals_;
      wait.ends = std::min(now + wait.part, wait.began + 2 * wait.part);
    }
    if (!late && waiting_ < threads && now < wait.ends) return true;
    wait.rests = false;
    --waiting_;
    return false;
  }
  void leave(const Wait& wait, bool paid) {
    const std::lock_guard lock(mutex_);
    end(wait, Clock::now(), paid);
  }
  void end(const Wait& wait, Clock::time_point now, bool paid) noexcept {
    fill(now);
    if (wait.rests) --waiting_;
    if (paid) {
      account_ = full_;
      return;
    }
    ++refusals_;
    account_ -= std::min<std::chrono::nanoseconds>(account_, now - wait.began);
  }
  void fill(Clock::time_point now) noexcept {
    constexpr int part_of_time = 64;
    if (now <= filled_) return;
    account_ = std::min<std::chrono::nanoseconds>(full_, account_ + (now - filled_) / part_of_time);
    filled_ = now;
  }

  const std::chrono::nanoseconds full_;
  std::mutex mutex_;
  std::size_t waiting_ = 0;
  std::uint64_t refusals_ = 0;
  std::chrono::nanoseconds account_;
  Clock::time_point filled_;
};

}  // namespace weir::pool
