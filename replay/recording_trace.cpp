// From a recording to a trace, which knows blocks only, and back; see recording.hpp.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include <weir/errors.hpp>

#include "index/size_bins.hpp"
#include "monitor/pool_state.hpp"
#include "replay/block_walk.hpp"
#include "replay/recording.hpp"
#include "replay/text_table.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {

namespace {

using track::Event;
using track::EventKind;

/// The allocations and frees of one pool.
class PoolTrace final : public BlockVisitor {
 public:
  PoolTrace(const RecordedPool& pool, const std::vector<std::string>& names, Trace& trace)
      : names_(names), trace_(trace), builder_(pool.number - 1U) {
    builder_.reserve(pool.live_before.size() + pool.events.size());
    walk(pool, *this);
  }

  [[nodiscard]] DeviceTrace take() && { return std::move(builder_).finish(); }

  void allocated(const Event& allocation) override {
    at(allocation);
    const BlockOrigin origin{.address = allocation.address, .label = builder_.label(names_[allocation.tag])};
    blocks_.insert_or_assign(allocation.block, builder_.allocate(allocation.bytes, allocation.stream, origin));
  }
  void freed(const Event& allocation, const Event& end) override {
    at(end);
    builder_.free(blocks_.at(allocation.block), end.stream);
    if (end.kind == EventKind::allocate) ++trace_.incomplete_blocks;
  }
  void resized(const Event& before, const Event& after) override {
    BlockVisitor::resized(before, after);
    ++trace_.resizes;
  }
  void unmatched(const Event&) override { ++trace_.unmatched_frees; }
  void other(const Event& event) override {
    if (event.kind == EventKind::refuse) ++trace_.failures;
  }

 private:
  void at(const Event& event) {
    // No time is past what 63 bits hold, wherever the clock began.
    builder_.at(std::to_string(event.thread), std::chrono::nanoseconds(event.time & (~std::uint64_t{0} >> 1)));
  }

  const std::vector<std::string>& names_;
  Trace& trace_;
  TraceBuilder builder_;
  std::unordered_map<std::uint32_t, std::uint32_t> blocks_;  // of the trace, by the recording's number
};

/// A pool that did what a trace's device did.
RecordedPool pool_of(const DeviceTrace& device, const std::vector<std::uint32_t>& names, bool has_addresses) {
  constexpr std::uint64_t a_step = 1000;  // nanoseconds between events that have no times
  RecordedPool pool;
  pool.name = "device " + std::to_string(device.device);
  pool.device = pool.name;
  pool.mode = "recorded elsewhere";
  pool.has_times = !device.times.empty();
  pool.has_addresses = has_addresses;
  pool.events.reserve(device.events.size() + device.segments.size());
  std::size_t segment = 0;
  const auto add_segments = [&](std::size_t before, std::uint64_t time) {
    for (; segment < device.segments.size() && device.segments[segment].before <= before; ++segment) {
      const SegmentEvent& each = device.segments[segment];
      Event event;
      event.time = time;
      event.kind = each.taken ? EventKind::create : EventKind::destroy;
      event.way = track::EventWay::segment;
      event.bytes = each.bytes;
      event.address = each.address;
      event.generation = 1;  // a handle
      pool.events.push_back(event);
    }
  };
  std::uint64_t next_address = index::granule_bytes;
  std::vector<std::uint64_t> addresses(device.block_bytes.size());
  for (std::size_t i = 0; i < device.events.size(); ++i) {
    const TraceEvent& each = device.events[i];
    Event event;
    event.time = device.times.empty() ? i * a_step : static_cast<std::uint64_t>(device.times[i].count());
    add_segments(i, event.time);
    event.block = each.block;
    event.stream = each.stream;
    event.thread = static_cast<std::uint16_t>(std::min<std::uint32_t>(each.thread + 1, UINT16_MAX));
    if (each.kind == TraceEvent::Kind::allocate) {
      const BlockOrigin& origin = device.origins[each.block];
      event.bytes = device.block_bytes[each.block];
      const std::uint64_t granules = index::granules_for(event.bytes);
      event.granules = static_cast<std::uint32_t>(std::min<std::uint64_t>(granules, UINT32_MAX));
      event.tag = names[origin.label];
      event.address = has_addresses ? origin.address.value_or(0) : next_address;
      next_address += granules * index::granule_bytes;
    } else {
      event.kind = EventKind::free;
    }
    pool.events.push_back(event);
  }
  add_segments(device.events.size(), pool.events.empty() ? 0 : pool.events.back().time);
  return pool;
}

}  // namespace

Trace trace_of(const Recording& recording) {
  Trace trace;
  trace.format = TraceFormat::weir_recording;
  trace.is_cut = recording.damaged_at.has_value() || !recording.ended;
  trace.notes = notes_on(recording);
  for (const RecordedPool& pool : recording.pools) {
    DeviceTrace made = PoolTrace(pool, recording.names, trace).take();
    made.recorded_peak_reserved = pool.totals.reserved.peak;
    if (!made.events.empty()) trace.devices.push_back(std::move(made));
  }
  if (trace.devices.empty()) throw ParseError("is a recording in which no pool allocated anything");
  return trace;
}

Recording recording_of(const Trace& trace) {
  Recording made;
  made.ended = true;
  TextTable names;
  for (const DeviceTrace& device : trace.devices) {
    std::vector<std::uint32_t> numbers;
    numbers.reserve(device.labels.size());
    for (const std::string& label : device.labels) numbers.push_back(names.number(label));
    const bool has_addresses =
        std::all_of(device.origins.begin(), device.origins.end(), [](const BlockOrigin& each) { return each.address; });
    RecordedPool pool = pool_of(device, numbers, has_addresses);
    pool.number = static_cast<std::uint16_t>(made.pools.size() + 1);
    monitor::PoolState state;
    for (const Event& event : pool.events) static_cast<void>(state.apply(event));
    pool.totals = state.counts();
    if (device.recorded_peak_reserved) pool.totals.reserved.peak = *device.recorded_peak_reserved;
    made.pools.push_back(std::move(pool));
  }
  made.names = std::move(names).take();
  return made;
}

}  // namespace weir::replay
