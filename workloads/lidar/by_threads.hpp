// Work by a few threads that end with it: what a chunk's computation shares out, and nothing waits in between. The
// calling thread is one of them, so with one thread none is started. Used by the calls of the kernels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace weir::lidar {

/// Calls `work(self)` for each self below `threads`, at the same time; returns when all have ended, and throws what
/// the first of them threw.
template <class Work>
void by_threads(std::size_t threads, const Work& work) {
  if (threads <= 1) {
    work(std::size_t{0});
    return;
  }
  std::vector<std::exception_ptr> failures(threads);
  const auto run = [&](std::size_t self) {
    try {
      work(self);
    } catch (...) {
      failures[self] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t self = 1; self < threads; ++self) others.emplace_back(run, self);
    run(0);
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace weir::lidar
