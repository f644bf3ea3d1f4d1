// The host's kernels at the level baseline; the build gives this file its flags.
#define WEIR_GRAPH_LEVEL baseline
#include "workloads/graph/host/loops.hpp"
