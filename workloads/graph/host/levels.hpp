// The host's kernels of a layout, built for three levels of x86-64 of which choose_level() takes the best that runs
// here. All give the same bits as the kernels' bodies: each sum has the body's order, and nothing is contracted.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "workloads/graph/forces/plan.hpp"

namespace weir::graph {

/// Part `part` of `parts` of a step, in whatever shares. Of repel_all only what a tile meets in `round`, of
/// rounds_of(step), which come one after the other; of all others there is one round. A sort is done as a whole by part
/// 0 of its first step, and leaves something else than the plan's passes only in what they leave behind.
using RunPart = void (*)(const PlanStep& step, const forces::Buffers& buffers, std::uint32_t round, std::uint32_t part,
                         std::uint32_t parts);

struct Level {
  std::string_view name;  ///< "x86-64", "x86-64-v3", "x86-64-v4"; "baseline" elsewhere
  RunPart run;
};
/// Those that run here, the best last.
[[nodiscard]] std::vector<Level> levels();
/// The best, or the one that `name` asks for. Throws NotFound, which lists those that run here.
[[nodiscard]] Level choose_level(std::string_view name = {});

[[nodiscard]] std::uint32_t rounds_of(const PlanStep& step);
/// How much a step has to do, in multiplications or so.
[[nodiscard]] std::uint64_t work_of(const PlanStep& step);

}  // namespace weir::graph
