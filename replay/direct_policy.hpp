// The other yardstick: no pool at all, every block a driver allocation of its
// own. Called by the replay report.
#pragma once

#include "replay/policy.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// Each block is rounded up to 2 MiB, and takes one call to allocate it and one to free it. Blocks of zero bytes
/// reserve nothing and call nothing; a block that the trace never frees makes one call.
[[nodiscard]] PolicyResult simulate_direct_policy(const DeviceTrace& trace, const PolicyOptions& options = {});

}  // namespace weir::replay
