// The host's kernels at the level v4; the build gives this file its flags.
#define WEIR_GRAPH_LEVEL v4
#include "workloads/graph/host/loops.hpp"
