// A few threads that compute something together, step by step: between two steps they look out for the next a moment
// before they sleep, so a step may be as short as some microseconds. The calling thread is one of them, so a team of
// one starts none. Used by whatever a workload computes on the host.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace weir::compute {

class Team {
 public:
  explicit Team(std::size_t threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return failures_.size(); }

  /// Calls `work(self)` for each self below size(), at the same time; returns when all have ended, and throws what the
  /// first of them threw.
  void each(const std::function<void(std::size_t)>& work);

  /// Calls `work(self, i)` for each i below `count`, each by the thread that is free first; none begins after one
  /// threw.
  template <class Work>
  void in_turn(std::size_t count, const Work& work) {
    std::atomic<std::size_t> next{0};
    each([&](std::size_t self) {
      try {
        for (std::size_t i = next++; i < count; i = next++) work(self, i);
      } catch (...) {
        next = count;
        throw;
      }
    });
  }

  /// Calls `work(self, first, last)` for a range for each thread; they are of nearly equal size, in the order of the
  /// threads, and make up [0, count).
  template <class Work>
  void in_ranges(std::uint32_t count, const Work& work) {
    const auto begin = [&](std::size_t self) {
      return static_cast<std::uint32_t>(std::uint64_t{count} * self / size());
    };
    each([&](std::size_t self) { work(self, begin(self), begin(self + 1)); });
  }

 private:
  void help(std::size_t self);
  void run(std::size_t self) noexcept;

  const std::function<void(std::size_t)>* work_ = nullptr;  // none: they end
  std::atomic<std::uint32_t> step_{0};
  std::atomic<std::size_t> busy_{0};  // helpers that have not ended the step
  std::vector<std::exception_ptr> failures_;
  std::vector<std::jthread> helpers_;
};

/// How many threads so many points are worth: one more saves less the more there are, and costs its start, so the best
/// number grows with the root. `second_from` points are worth two.
[[nodiscard]] inline std::size_t threads_for(std::size_t points, unsigned threads, double second_from) noexcept {
  const double worth = 2 * std::sqrt(static_cast<double>(points) / second_from);
  return std::clamp<std::size_t>(static_cast<std::size_t>(worth), 1, std::max(threads, 1u));
}

}  // namespace weir::compute
