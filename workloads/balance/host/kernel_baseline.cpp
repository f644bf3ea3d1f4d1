// The host's kernels at the level baseline; the build gives this file its flags.
#define WEIR_BALANCE_LEVEL baseline
#include "workloads/balance/host/loops.hpp"
