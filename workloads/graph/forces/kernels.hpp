// The kernels of a layout, an entry each; pairs.hpp, motion.hpp and sums.hpp have their bodies. Read by
// compute/kernel_table.hpp's macros, and by the build for the shaders.
#pragma once

#include "compute/kernel_table.hpp"

#define WEIR_GRAPH_KERNELS(KERNEL) \
  KERNEL(prepare, words)           \
  KERNEL(take_place, words)        \
  KERNEL(reset_figures, words)     \
  KERNEL(gather_point, words)      \
  KERNEL(repel_all, words)         \
  KERNEL(attract, words)           \
  KERNEL(sum_swinging, words)      \
  KERNEL(sum_movement, words)      \
  KERNEL(sum_sums, words)          \
  KERNEL(tell_movement, words)     \
  KERNEL(adapt_speed, words)       \
  KERNEL(move, words)

namespace weir::graph::forces {
WEIR_COMPUTE_BODIES(WEIR_GRAPH_KERNELS)
}  // namespace weir::graph::forces
