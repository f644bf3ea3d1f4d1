// See trace_streams.hpp.
#include "replay/trace_streams.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include <weir/errors.hpp>

namespace weir::replay {

namespace {

constexpr std::size_t no_event = std::numeric_limits<std::size_t>::max();

}  // namespace

TraceStreams::TraceStreams(const DeviceTrace& trace, Device& device, std::size_t threads)
    : trace_(trace), device_(device), streams_(trace.streams) {
  if (trace.streams > max_pairs / std::max<std::size_t>(threads, 1)) {
    find_last_events(trace);
  } else {
    for (std::optional<Stream>& stream : streams_) stream = device.stream();
  }
}

void TraceStreams::find_last_events(const DeviceTrace& trace) {
  last_events_.resize(trace.streams, no_event);
  std::vector<std::uint32_t> allocated_on(trace.block_bytes.size());
  std::vector<bool> live(trace.block_bytes.size());
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    const TraceEvent& event = trace.events[i];
    last_events_[event.stream] = i;
    live[event.block] = event.kind == TraceEvent::Kind::allocate;
    if (live[event.block]) allocated_on[event.block] = event.stream;
  }
  // What lives to the end is freed there, on the stream that it was allocated on.
  for (std::size_t block = 0; block < live.size(); ++block) {
    if (live[block]) last_events_[allocated_on[block]] = no_event;
  }

  std::uint64_t in_use = 0;
  std::uint64_t max_in_use = 0;
  std::vector<bool> begun(trace.streams);
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    const std::uint32_t stream = trace.events[i].stream;
    if (!begun[stream]) max_in_use = std::max(max_in_use, ++in_use);
    begun[stream] = true;
    if (last_events_[stream] == i) --in_use;
  }
  if (max_in_use > max_pairs) {
    throw InvalidArgument("device " + std::to_string(trace.device) + " of the trace has " + std::to_string(max_in_use) +
                              " streams in use at once, and a pool serves at most " + std::to_string(max_pairs) +
                              "; record a shorter part of the program",
                          {.name = "streams", .limit = max_pairs});
  }
}

StreamId TraceStreams::of(std::uint32_t stream) {
  std::optional<Stream>& made = streams_[stream];
  if (!made) made = device_.stream();
  return made->id();
}

void TraceStreams::after(std::size_t event) {
  if (last_events_.empty()) return;
  const std::uint32_t stream = trace_.events[event].stream;
  if (last_events_[stream] == event) streams_[stream].reset();
}

}  // namespace weir::replay
