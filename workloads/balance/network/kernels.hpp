// The kernels of a network that learns, an entry each; bodies.hpp has their bodies. Read by compute/kernel_table.hpp's
// macros, and by the build for the shaders.
#pragma once

#include "compute/kernel_table.hpp"

#define WEIR_BALANCE_NETWORK_KERNELS(KERNEL) \
  KERNEL(gather, words)                      \
  KERNEL(forward, words)                     \
  KERNEL(aim, words)                         \
  KERNEL(judge, words)                       \
  KERNEL(weigh, words)                       \
  KERNEL(back, words)                        \
  KERNEL(adapt, words)                       \
  KERNEL(refresh, words)

namespace weir::balance::nets {
WEIR_COMPUTE_BODIES(WEIR_BALANCE_NETWORK_KERNELS)
}  // namespace weir::balance::nets
