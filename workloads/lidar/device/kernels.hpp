// The kernels of a chunk, an entry each: the enumeration, the calls in C++ and CUDA, the shaders and their words follow
// from it. Read by compute/kernel_table.hpp's macros, and by the build for the shaders; order.hpp, boxes.hpp, query.hpp
// and heights.hpp have the bodies, members of thread.hpp's struct by these names.
#pragma once

#include "compute/kernel_table.hpp"

#define WEIR_LIDAR_KERNELS(KERNEL) \
  KERNEL(make_code, words)         \
  KERNEL(count_digits, words)      \
  KERNEL(sum_block, words)         \
  KERNEL(place_block, words)       \
  KERNEL(move_run, words)          \
  KERNEL(gather_point, words)      \
  KERNEL(make_leaf, words)         \
  KERNEL(make_box, words)          \
  KERNEL(find_features, reals)     \
  KERNEL(find_height, reals)

namespace weir::lidar::bodies {
WEIR_COMPUTE_BODIES(WEIR_LIDAR_KERNELS)
}  // namespace weir::lidar::bodies
