// The kernels of robots, an entry each; bodies.hpp has their bodies. Read by compute/kernel_table.hpp's macros, and by
// the build for the shaders.
#pragma once

#include "compute/kernel_table.hpp"

#define WEIR_BALANCE_ROBOT_KERNELS(KERNEL) \
  KERNEL(start, words)                     \
  KERNEL(observe, words)                   \
  KERNEL(decide, words)                    \
  KERNEL(move, words)                      \
  KERNEL(advance, words)

namespace weir::balance::robots {
WEIR_COMPUTE_BODIES(WEIR_BALANCE_ROBOT_KERNELS)
}  // namespace weir::balance::robots
