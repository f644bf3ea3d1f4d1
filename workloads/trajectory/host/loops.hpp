// The loops of one level: WEIR_TRAJECTORY_LEVEL names it and its namespace. Included by one source file a level, which
// the build gives the level's flags. Calls nothing that another level might share: the linker would keep one copy of
// it.
#include "workloads/trajectory/host/levels.hpp"

namespace weir::trajectory::WEIR_TRAJECTORY_LEVEL {
namespace {

/// The bodies in this level's own namespace: a Thread that others share would be one copy.
struct Bodies : Buffers, Parameters {
  Bodies(const Buffers& buffers, const Parameters& parameters) : Buffers(buffers), Parameters(parameters) {}

#include "workloads/trajectory/device/bodies.hpp"
};

#include "workloads/trajectory/host/path_loops.hpp"

}  // namespace

// Declared by levels.cpp.
void run_items(const PlanStep& step, const Buffers& buffers, std::uint32_t first, std::uint32_t last) {
  if (step.body == Body::advance) return advance_all(buffers, step.parameters, first, last);
  Bodies bodies(buffers, step.parameters);
  for (uint i = first; i < last; ++i) bodies.launch(i);
}

}  // namespace weir::trajectory::WEIR_TRAJECTORY_LEVEL
