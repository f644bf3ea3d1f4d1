// The kernels of trajectories, an entry each; bodies.hpp has their bodies. Read by compute/kernel_table.hpp's macros,
// and by the build for the shaders.
#pragma once

#include "compute/kernel_table.hpp"

#define WEIR_TRAJECTORY_KERNELS(KERNEL) \
  KERNEL(launch, reals)                 \
  KERNEL(advance, reals)

namespace weir::trajectory {
WEIR_COMPUTE_BODIES(WEIR_TRAJECTORY_KERNELS)
}  // namespace weir::trajectory
