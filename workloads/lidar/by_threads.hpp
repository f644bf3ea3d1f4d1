// Work by a few threads that end with it: what a chunk's computation shares out, and nothing waits in between. The
// calling thread is one of them, so with one thread none is started. Used by the tree, heights, partitions and the
// calls of the kernels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
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

/// How many threads a few passes over so many points are worth: one more saves less the more there are, and costs its
/// start each time, so the best number grows with the root.
[[nodiscard]] inline std::size_t threads_for(std::size_t points, unsigned threads) noexcept {
  constexpr double second_from = 32'768;
  const double worth = 2 * std::sqrt(static_cast<double>(points) / second_from);
  return std::clamp<std::size_t>(static_cast<std::size_t>(worth), 1, std::max(threads, 1u));
}

/// Calls `work(part, first, last)` for `parts` ranges of nearly equal size, in their order, that make up [0, count).
template <class Work>
void in_ranges(std::uint32_t count, std::size_t parts, const Work& work) {
  const auto begin = [&](std::size_t part) {
    return static_cast<std::uint32_t>(std::uint64_t{count} * part / std::max<std::size_t>(parts, 1));
  };
  by_threads(parts, [&](std::size_t part) { work(part, begin(part), begin(part + 1)); });
}

}  // namespace weir::lidar
