// The host's kernels of trajectories, built for three levels of x86-64 of which choose_level() takes the best that runs
// here. All give the same bits as the kernels' bodies: nothing is contracted.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "compute/step.hpp"
#include "workloads/trajectory/device/thread.hpp"

namespace weir::trajectory {

using PlanStep = compute::Step<Body, Parameters>;

/// The items [first, last) of a step.
using RunItems = void (*)(const PlanStep& step, const Buffers& buffers, std::uint32_t first, std::uint32_t last);

struct Level {
  std::string_view name;  ///< "x86-64", "x86-64-v3", "x86-64-v4"; "baseline" elsewhere
  RunItems run;
};
/// Those that run here, the best last.
[[nodiscard]] std::vector<Level> levels();
/// The best, or the one that `name` asks for. Throws NotFound, which lists those that run here.
[[nodiscard]] Level choose_level(std::string_view name = {});

}  // namespace weir::trajectory
