// The host's kernels at the level v3; the build gives this file its flags.
#define WEIR_GRAPH_LEVEL v3
#include "workloads/graph/host/loops.hpp"
