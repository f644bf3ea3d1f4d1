// Wall time and the calling thread's share of a core over a span. The share tells a slow allocator
// from a machine that gave the core to somebody else. Used by the driver only.
#pragma once

#include <chrono>
#include <ctime>

namespace bench::subject {

class Stopwatch {
 public:
  using Clock = std::chrono::steady_clock;

  void stop() {
    end_ = Clock::now();
    cpu_ = thread_seconds() - cpu_start_;
  }
  [[nodiscard]] Clock::time_point start() const { return start_; }
  [[nodiscard]] Clock::time_point end() const { return end_; }
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(end_ - start_).count(); }
  [[nodiscard]] double cpu_share() const { return cpu_ / seconds(); }

 private:
  static double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  double cpu_start_ = thread_seconds();
  Clock::time_point start_ = Clock::now();
  Clock::time_point end_{};
  double cpu_ = 0;
};

}  // namespace bench::subject
