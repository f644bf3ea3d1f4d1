// The host's kernels at the level baseline; the build gives this file its flags.
#define WEIR_TRAJECTORY_LEVEL baseline
#include "workloads/trajectory/host/loops.hpp"
