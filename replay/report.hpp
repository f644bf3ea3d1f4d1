// What a replay finds. Plain values, read by the tools and by benches.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <weir/statistics.hpp>

#include "replay/policy.hpp"

namespace weir::replay {

/// Of host time, in nanoseconds.
struct Nanoseconds {
  double p50 = 0;
  double p99 = 0;
  double max = 0;
};

/// One pass of the trace, the frees at its end included. Calls are the driver's, counted by the device.
struct PassFigures {
  std::uint64_t driver_calls = 0;  ///< about memory
  std::uint64_t event_calls = 0;
  std::uint64_t creates = 0;
  std::uint64_t maps = 0;
  std::uint64_t accesses = 0;
  std::uint64_t unmaps = 0;
  std::uint64_t page_remaps = 0;
  std::chrono::nanoseconds driver{0};   ///< in calls
  std::chrono::nanoseconds waited{0};   ///< until work on the device was done
  std::chrono::nanoseconds longest{0};  ///< that one operation waited
  std::uint64_t peak_reserved = 0;      ///< bytes

  /// What the pass cost the program.
  [[nodiscard]] std::chrono::nanoseconds lost() const noexcept { return driver + waited; }
  /// Another device's part in the same pass.
  PassFigures& operator+=(const PassFigures& more) {
    driver_calls += more.driver_calls;
    event_calls += more.event_calls;
    creates += more.creates;
    maps += more.maps;
    accesses += more.accesses;
    unmaps += more.unmaps;
    page_remaps += more.page_remaps;
    driver += more.driver;
    waited += more.waited;
    longest = std::max(longest, more.longest);
    peak_reserved += more.peak_reserved;
    return *this;
  }
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
  std::uint64_t live = 0;       ///< requested bytes of the blocks that were live then
  std::string why;              ///< the pool's words
  std::uint32_t pass = 0;       ///< from 1
  std::uint64_t operation = 0;  ///< of the pass, allocations and frees, from 1
};

/// The least memory in which a trace completes, to a page of the device.
struct Tightest {
  std::uint64_t limit = 0;    ///< bytes a device
  std::uint64_t all = 0;      ///< bytes; the same summed over the devices, each with its own
  std::uint64_t refused = 0;  ///< bytes; the most known to be too little for some device
  bool interrupted = false;   ///< then the limit is the least that was found so far
};

/// What a replay found; several devices are summed, each with its own peak. All but `passes`, `refusals` and
/// `largest_holders` is of the whole trace: where a capacity was too small, of a replay without one on a dry device.
struct ReplayReport {
  std::uint64_t operations = 0;  ///< allocations + frees in the trace
  std::uint64_t streams = 0;
  std::uint64_t threads = 0;         ///< that replayed it
  Statistics pool;                   ///< summed over the devices, and of all passes
  std::uint64_t needed = 0;          ///< the most bytes reserved on one device: with as much each, the trace fits
  Nanoseconds per_operation;         ///< host time of one call, the clock's own cost taken off
  std::uint64_t peak_requested = 0;  ///< of the trace, summed over the devices
  bool has_time = false;             ///< whether passes tell times
  std::vector<PassFigures> passes;   ///< those that every device completed, under the capacity where one is given
  std::vector<PassFigures> whole;    ///< the passes of the replay that came to the end
  PolicyResult direct;
  PolicyResult pytorch;
  PolicyResult expandable;
  std::optional<std::uint64_t> recorded_peak_reserved;  ///< of the file, if it tells for every device
  std::vector<Refusal> refusals;        ///< the first of each device to which the capacity was too small
  std::vector<Holder> largest_holders;  ///< live at the refusals, largest first

  [[nodiscard]] bool fits() const noexcept { return refusals.empty(); }
};

}  // namespace weir::replay
