// Threads that a pool refuses at about the same time: the first fails, so that what it holds may come free as its error
// is handled, and the others wait for that. Thread-safe; asked where a request is refused.
#pragma once

#include <chrono>
#include <mutex>
#include <thread>

namespace weir::pool {

class RefusedThreads {
 public:
  /// Whether this thread is the first that is refused for a while, which fails; another one waits.
  [[nodiscard]] bool is_first() noexcept {
    constexpr std::chrono::milliseconds at_once{50};
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    if (first_ != std::thread::id() && first_ != std::this_thread::get_id() && now - when_ < at_once) return false;
    first_ = std::this_thread::get_id();
    when_ = now;
    return true;
  }

 private:
  std::mutex mutex_;
  std::thread::id first_;
  std::chrono::steady_clock::time_point when_;
};

}  // namespace weir::pool
