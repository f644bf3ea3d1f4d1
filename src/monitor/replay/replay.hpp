// Replays a trace through a real pool, block by block and stream by stream, and
// measures what came of it. Called by the tools and by benches.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weir/statistics.hpp>

#include "monitor/replay/direct_policy.hpp"
#include "monitor/replay/pytorch_policy.hpp"
#include "monitor/replay/trace.hpp"

namespace weir::replay {

struct ReplayOptions {
  std::string device = "dry";             ///< as DeviceRequest::backend
  std::optional<std::uint64_t> capacity;  ///< bytes a device has; empty: a dry one has no bound, others their own
  /// Called now and then with the events done and all events.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

struct Nanoseconds {
  double p50 = 0;
  double p99 = 0;
  double max = 0;
};

/// What a replay found; several devices are summed, each with its own peak.
struct ReplayReport {
  std::uint64_t operations = 0;  ///< allocations + frees in the trace
  std::uint64_t streams = 0;
  Statistics pool;            ///< summed over the devices
  Nanoseconds per_operation;  ///< host time of one call, the clock's own cost taken off
  DirectPolicyResult direct;
  PytorchPolicyResult pytorch;
  std::optional<std::uint64_t> recorded_peak_reserved;  ///< of the file, if it tells for every device
  bool fits = true;                        ///< false: a request was refused; the replay of that device ended there
  std::string refusal;                     ///< why, if it was
  std::vector<LiveBlock> largest_holders;  ///< at the refusal, largest first
};

/// Throws what open_device throws, and DriverError where the device fails.
[[nodiscard]] ReplayReport replay(const Trace& trace, const ReplayOptions& options);

}  // namespace weir::replay
