// Clocks of a run's stages: what the stages of a pipeline add up, and what a thread has computed, which
// does not depend on what else the machine does. Used by the workloads.
#pragma once

#include <chrono>
#include <ctime>

namespace weir::compute {

/// Adds the time of its life to a sum.
class Timed {
 public:
  explicit Timed(double& sum) noexcept : sum_(sum) {}
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  ~Timed() { sum_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  double& sum_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Seconds that the calling thread has had of a processor.
inline double processor_now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace weir::compute
