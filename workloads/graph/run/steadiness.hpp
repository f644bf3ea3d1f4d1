// How many driver calls about memory a run makes where it should make none: past the first steps of a graph, and past
// those that follow a change of it, when pools and slots have taken what they need. Used by runs.
#pragma once

#include <cstdint>
#include <optional>

#include "compute/pool_counts.hpp"

namespace weir::graph {

class Steadiness {
 public:
  static constexpr std::uint64_t warm_up = 10;  ///< steps

  explicit Steadiness(const MemoryManager& memory) : memory_(memory) {}

  /// A step was queued, with all that it asks of memory.
  void stepped() {
    if (++steps_ != warm_up) return;
    is_warm_ = true;
    calls_before_ = compute::PoolCounts(memory_).driver_calls;
  }
  /// What comes now may call the driver, and so may the first steps after it.
  void interrupted() {
    count();
    steps_ = 0;
  }
  /// Nothing where there were too few steps to be warm.
  [[nodiscard]] std::optional<std::uint64_t> driver_calls() {
    interrupted();
    return calls_;
  }

 private:
  void count() {
    if (is_warm_) calls_ = calls_.value_or(0) + compute::PoolCounts(memory_).driver_calls - calls_before_;
    is_warm_ = false;
  }

  const MemoryManager& memory_;
  bool is_warm_ = false;
  std::uint64_t steps_ = 0, calls_before_ = 0;
  std::optional<std::uint64_t> calls_;
};

}  // namespace weir::graph
