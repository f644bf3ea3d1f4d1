// The host's kernels at the level v3; the build gives this file its flags.
#define WEIR_TRAJECTORY_LEVEL v3
#include "workloads/trajectory/host/loops.hpp"
