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
  /// As DeviceRequest::backend. Empty: a dry device of the replay's own, whose pool obeys nothing but these options,
  /// so that an answer does not depend on WEIR_LIMIT and WEIR_POOL; a device that is named obeys them.
  std::string device = {};
  std::optional<std::uint64_t> capacity = {};  ///< bytes a device has; empty: a dry one has no bound, others their own
  /// Called now and then with the events done and all events.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
};

struct Nanoseconds {
  double p50 = 0;
  double p99 = 0;
  double max = 0;
};

/// One block of the trace, with the names that the recording itself has for it.
struct Holder {
  std::uint32_t device = 0;     ///< the recorder's number
  std::uint64_t bytes = 0;      ///< requested
  std::uint64_t allocated = 0;  ///< of the pool; 0 for a request that was refused
  std::uint64_t stream = 0;     ///< the recorder's key of the stream that it was allocated on
  std::uint64_t number = 0;     ///< of its allocation among the device's, from 0
  std::optional<std::uint64_t> address;
  std::uint64_t line = 0;  ///< of a CSV, from 1; 0 where there are no lines
  std::string label;       ///< a CSV's id, a snapshot's frame that tells most; may be empty
};

/// A device's end under a capacity.
struct Refusal {
  Holder request;
  std::uint64_t live = 0;  ///< requested bytes of the blocks that were live then
  std::string why;         ///< the pool's words
};

/// What a replay found; several devices are summed, each with its own peak. All but `refusals` and `largest_holders`
/// is of the whole trace: where a capacity was too small, of a replay without one on a dry device.
struct ReplayReport {
  std::uint64_t operations = 0;  ///< allocations + frees in the trace
  std::uint64_t streams = 0;
  Statistics pool;            ///< summed over the devices
  std::uint64_t needed = 0;   ///< the most bytes reserved on one device: with as much each, the trace fits
  Nanoseconds per_operation;  ///< host time of one call, the clock's own cost taken off
  DirectPolicyResult direct;
  PytorchPolicyResult pytorch;
  std::optional<std::uint64_t> recorded_peak_reserved;  ///< of the file, if it tells for every device
  std::vector<Refusal> refusals;        ///< the first of each device to which the capacity was too small
  std::vector<Holder> largest_holders;  ///< live at the refusals, largest first

  [[nodiscard]] bool fits() const noexcept { return refusals.empty(); }
};

/// Throws what open_device throws, DriverError where the device fails, and OutOfMemory that names the block where
/// a request is refused and no capacity was given, or none would do.
[[nodiscard]] ReplayReport replay(const Trace& trace, const ReplayOptions& options);

}  // namespace weir::replay
