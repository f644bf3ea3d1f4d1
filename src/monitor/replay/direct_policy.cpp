// See direct_policy.hpp.
#include "monitor/replay/direct_policy.hpp"

#include <algorithm>

namespace weir::replay {

DirectPolicyResult simulate_direct_policy(const DeviceTrace& trace) {
  constexpr std::uint64_t page = std::uint64_t{2} << 20;
  DirectPolicyResult result;
  std::uint64_t reserved = 0;
  std::uint64_t requested = 0;
  for (const TraceEvent& event : trace.events) {
    const std::uint64_t bytes = trace.block_bytes[event.block];
    if (bytes == 0) continue;
    const std::uint64_t rounded = (bytes + page - 1) / page * page;
    ++result.driver_calls;
    if (event.kind == TraceEvent::Kind::allocate) {
      reserved += rounded;
      requested += bytes;
      result.peak_reserved = std::max(result.peak_reserved, reserved);
      result.peak_requested = std::max(result.peak_requested, requested);
    } else {
      reserved -= rounded;
      requested -= bytes;
    }
  }
  return result;
}

}  // namespace weir::replay
