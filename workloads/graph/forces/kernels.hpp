// The kernels of a layout, an entry each; pairs.hpp, order.hpp, tree.hpp, motion.hpp and
// sums.hpp have their bodies, and compute/sort_bodies.hpp has those of a sort. Read by
// compute/kernel_table.hpp's macros, and by the build for the shaders.
#pragma once

#include "compute/kernel_table.hpp"

#define WEIR_GRAPH_KERNELS(KERNEL) \
  KERNEL(prepare, words)           \
  KERNEL(take_place, words)        \
  KERNEL(reset_figures, words)     \
  KERNEL(gather_point, words)      \
  KERNEL(repel_all, words)         \
  KERNEL(bound_nodes, words)       \
  KERNEL(bound_bounds, words)      \
  KERNEL(make_code, words)         \
  KERNEL(count_digits, words)      \
  KERNEL(sum_block, words)         \
  KERNEL(place_block, words)       \
  KERNEL(move_run, words)          \
  KERNEL(gather_sorted, words)     \
  KERNEL(make_leaf, words)         \
  KERNEL(make_cell, words)         \
  KERNEL(repel_by_tree, words)     \
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
