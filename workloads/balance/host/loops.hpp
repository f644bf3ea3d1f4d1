// The loops of one level: WEIR_BALANCE_LEVEL names it and its namespace. Included by one source file a level, which the
// build gives the level's flags. Calls nothing that another level might share: the linker would keep one copy of it.
#include "workloads/balance/host/levels.hpp"

namespace weir::balance::WEIR_BALANCE_LEVEL {
namespace {

// NOLINTBEGIN(google-build-using-namespace): the bodies have GLSL's one namespace.
using namespace robots;
// NOLINTEND(google-build-using-namespace)

/// The items of one part, of `count`.
struct Share {
  Share(uint count, uint part, uint parts)
      : first(static_cast<uint>(std::uint64_t{count} * part / parts)),
        last(static_cast<uint>(std::uint64_t{count} * (part + 1) / parts)) {}
  uint first, last;
};

#include "workloads/balance/host/infer_loops.hpp"
#include "workloads/balance/host/network_loops.hpp"
#include "workloads/balance/host/robot_loops.hpp"

}  // namespace

// Declared by levels.cpp.
void run_robots(const RobotStep& step, const robots::Buffers& buffers, std::uint32_t part, std::uint32_t parts) {
  run_robot_loops(step, buffers, Share(step.items, part, parts));
}
void run_network(const NetworkStep& step, const nets::Buffers& buffers, std::uint32_t part, std::uint32_t parts) {
  run_network_loops(step, buffers, part, parts);
}
const float* infer(const PaddedNetwork& network, const float* observation, float* values) {
  return infer_padded(network, observation, values);
}

}  // namespace weir::balance::WEIR_BALANCE_LEVEL
