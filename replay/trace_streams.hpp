// The device's streams that stand for those of a trace. A pool serves only so
// many at a time, so a trace with more has each made at its first use and ended
// after its last one, as a program with so many must. Of other traces all are
// kept, through every pass. Used by DeviceReplay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <weir/device.hpp>
#include <weir/stream.hpp>

#include "pool/cache/thread_cache.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

class TraceStreams {
 public:
  /// What a pool serves at a time: pairs of a thread and a stream.
  static constexpr std::uint64_t max_pairs = pool::max_caches;

  /// `threads` replay it. Throws InvalidArgument where more than max_pairs streams are in use at once. The trace must
  /// outlive this.
  TraceStreams(const DeviceTrace& trace, Device& device, std::size_t threads);

  /// The stream that stands for the trace's. Throws what the device throws.
  [[nodiscard]] StreamId of(std::uint32_t stream);
  /// The event was done: its stream ends, if no later event or free at the pass's end needs it. For the thread that did
  /// the event, so that the pool's cache for both becomes free at once.
  void after(std::size_t event);

  /// Ends all streams.
  void end() noexcept { streams_.clear(); }

 private:
  void find_last_events(const DeviceTrace& trace);

  const DeviceTrace& trace_;
  Device& device_;
  std::vector<std::optional<Stream>> streams_;
  std::vector<std::size_t> last_events_;  // of each stream; empty where all streams are kept
};

}  // namespace weir::replay
