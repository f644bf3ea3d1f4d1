// Threads that take turns: one works at a time, as the caller says, so that what
// several threads did in a recorded order is done by as many threads in that order
// and comes out the same each time. A turn costs two wake-ups; a thread begins with
// its first turn and ends with the crew. Used by replays.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace weir::replay {

class Crew {
 public:
  /// What a process can be asked for without a thought for its limits.
  static constexpr std::size_t max_threads = 1024;

  /// Member 0 is the caller's thread. Throws InvalidArgument above max_threads.
  explicit Crew(std::size_t threads);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// Has a member do something, and waits for it; what is thrown there is thrown here. Throws DriverError where the
  /// system has no thread left. For one caller.
  void on(std::size_t member, const std::function<void()>& work);

 private:
  struct Worker;
  std::vector<std::unique_ptr<Worker>> workers_;  // of the members from 1 on; none before its first turn
};

}  // namespace weir::replay
