// What another allocator would have done with a trace: the memory it would have
// held, and pass by pass its calls into the driver and their time. And the loop
// that puts a trace through a model of one. Used by the models, read by replay.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "device/driver_model.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// What a trace is put through besides itself.
struct PolicyOptions {
  std::uint32_t passes = 1;         ///< what is live at a pass's end is freed before the next
  device::DriverModel driver = {};  ///< what calls cost
};

/// A count and a cost of calls about memory. Not whole nanoseconds: the largest traces would overflow those.
struct DriverUse {
  std::uint64_t calls = 0;
  std::chrono::duration<double, std::nano> time{0};

  void charge(std::uint64_t count, std::chrono::duration<double, std::nano> each) {
    calls += count;
    time += static_cast<double>(count) * each;
  }
  DriverUse& operator+=(const DriverUse& more) {
    calls += more.calls;
    time += more.time;
    return *this;
  }
  friend DriverUse operator-(DriverUse a, const DriverUse& b) { return {a.calls - b.calls, a.time - b.time}; }
};

struct PolicyResult {
  std::uint64_t peak_reserved = 0;   ///< bytes, over all passes
  std::uint64_t driver_calls = 0;    ///< until the last event of the first pass
  std::uint64_t peak_requested = 0;  ///< bytes
  std::vector<DriverUse> passes;     ///< with the frees at each one's end

  /// Of another device of the same trace.
  PolicyResult& operator+=(const PolicyResult& more) {
    peak_reserved += more.peak_reserved;
    driver_calls += more.driver_calls;
    peak_requested += more.peak_requested;
    passes.resize(std::max(passes.size(), more.passes.size()));
    for (std::size_t i = 0; i < more.passes.size(); ++i) passes[i] += more.passes[i];
    return *this;
  }
};

/// Puts a trace through a model, which has Place allocate(bytes, stream), free(Place), reserved() in bytes and used()
/// since its beginning. Blocks of zero bytes take no part.
template <class Model>
PolicyResult run_policy(const DeviceTrace& trace, const PolicyOptions& options, Model& model) {
  using Place = decltype(model.allocate(std::uint64_t{}, std::uint32_t{}));
  PolicyResult result;
  std::vector<Place> places(trace.block_bytes.size());
  std::vector<bool> live(trace.block_bytes.size());
  for (std::uint32_t pass = 0; pass < options.passes; ++pass) {
    const DriverUse before = model.used();
    std::uint64_t requested = 0;
    for (const TraceEvent& event : trace.events) {
      const std::uint64_t bytes = trace.block_bytes[event.block];
      if (bytes == 0) continue;
      live[event.block] = event.kind == TraceEvent::Kind::allocate;
      if (live[event.block]) {
        places[event.block] = model.allocate(bytes, event.stream);
        requested += bytes;
        result.peak_requested = std::max(result.peak_requested, requested);
        result.peak_reserved = std::max(result.peak_reserved, model.reserved());
      } else {
        model.free(places[event.block]);
        requested -= bytes;
      }
    }
    if (pass == 0) result.driver_calls = model.used().calls;
    for (std::size_t block = 0; block < live.size(); ++block) {
      if (live[block]) model.free(places[block]);
      live[block] = false;
    }
    result.passes.push_back(model.used() - before);
  }
  return result;
}

}  // namespace weir::replay
