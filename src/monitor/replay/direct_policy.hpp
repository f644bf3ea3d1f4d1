// The other yardstick: no pool at all, every block a driver allocation of its
// own. Called by the replay report.
#pragma once

#include <cstdint>

#include "monitor/replay/trace.hpp"

namespace weir::replay {

struct DirectPolicyResult {
  std::uint64_t peak_reserved = 0;   ///< bytes, each block rounded up to 2 MiB
  std::uint64_t driver_calls = 0;    ///< one to allocate a block and one to free it
  std::uint64_t peak_requested = 0;  ///< bytes
};

/// Blocks of zero bytes reserve nothing and call nothing; a block that the trace
/// never frees makes one call.
[[nodiscard]] DirectPolicyResult simulate_direct_policy(const DeviceTrace& trace);

}  // namespace weir::replay
