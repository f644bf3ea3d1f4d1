// From checked records to a trace, by one walk back in time and one forward; see
// pytorch_snapshot.hpp.
#include "replay/pytorch_snapshot.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <weir/errors.hpp>

#include "replay/address_ranges.hpp"
#include "replay/live_blocks.hpp"
#include "replay/pytorch_records.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {

namespace {

using SnapshotKind = SnapshotEvent::Kind;

// The mark of a LiveBlocks::Block while walking back: where its end is recorded, or 1 + its place in live_at_end.
constexpr std::uint32_t ends_in_history = 0;

/// What was live before the first event: what is live at the end, with each free
/// undone by making its block live and each allocation by removing its block.
/// A later block in the way of an earlier one began without a record, after it;
/// its beginning is unknown, so it is left out.
LiveBlocks live_at_start(const SnapshotDevice& device, Trace& trace) {
  LiveBlocks live;
  const auto leave_out = [&trace](const LiveBlocks::Block& block) {
    // One whose end is recorded is counted there, walking forward.
    if (block.index != ends_in_history) ++trace.incomplete_blocks;
  };
  std::uint32_t place = 0;
  for (const SnapshotBlock& block : device.live_at_end) {
    live.take_overlapping(block.address, block.bytes, [&device](const LiveBlocks::Block&) {
      throw ParseError("device " + std::to_string(device.number) + ": two live blocks of its segments overlap");
    });
    live.add(block.address, {block.bytes, block.stream, ++place});
  }
  for (auto event = device.events.rbegin(); event != device.events.rend(); ++event) {
    if (event->kind == SnapshotKind::allocate) {
      live.take(event->address);
      live.take_overlapping(event->address, event->bytes, leave_out);
    } else if (event->kind == SnapshotKind::free) {
      live.take_overlapping(event->address, event->bytes, leave_out);
      live.add(event->address, {event->bytes, event->stream, ends_in_history});
    }
  }
  return live;
}

/// The most bytes reserved at any time, walking back from the end. Unknown where
/// the file does not tell about segments or their history has holes.
std::optional<std::uint64_t> peak_reserved(const SnapshotDevice& device) {
  if (!device.has_segments) return std::nullopt;
  std::uint64_t reserved = device.reserved_at_end;
  std::uint64_t peak = reserved;
  for (auto event = device.events.rbegin(); event != device.events.rend(); ++event) {
    if (event->kind == SnapshotKind::reserve) {
      if (event->bytes > reserved) return std::nullopt;
      reserved -= event->bytes;
    } else if (event->kind == SnapshotKind::release) {
      if (event->bytes > max_live_bytes - reserved) return std::nullopt;
      reserved += event->bytes;
    }
    peak = std::max(peak, reserved);
  }
  if (peak == 0) return std::nullopt;
  return peak;
}

/// What the allocator had from its driver before the first event, walking back from the end.
AddressRanges segments_at_start(const SnapshotDevice& device) {
  AddressRanges ranges;
  for (const SnapshotSegment& each : device.segments_at_end) {
    if (each.bytes != 0) ranges.add(each.address, each.bytes);
  }
  for (auto event = device.events.rbegin(); event != device.events.rend(); ++event) {
    if (event->bytes == 0) continue;
    if (event->kind == SnapshotKind::reserve) ranges.remove(event->address, event->bytes);
    if (event->kind == SnapshotKind::release) ranges.add(event->address, event->bytes);
  }
  return ranges;
}

DeviceTrace read_device(const SnapshotDevice& device, Trace& trace) {
  TraceBuilder builder(device.number);
  const LiveBlocks start = live_at_start(device, trace);
  builder.reserve(start.by_address().size() + device.events.size());

  LiveBlocks live;
  const auto begin = [&](std::uint64_t address, std::uint64_t bytes, std::uint64_t stream, std::uint32_t frame) {
    const BlockOrigin origin{.address = address, .label = builder.label(device.frames.text(frame))};
    live.add(address, {bytes, stream, builder.allocate(bytes, stream, origin)});
  };
  // What was live before is taken to have come with the first event, in the one thread of which a snapshot tells.
  if (!device.events.empty()) builder.at({}, device.events.front().time);
  for (const auto& [address, block] : start.by_address()) {
    const bool is_known = block.index != ends_in_history;
    begin(address, block.bytes, block.stream, is_known ? device.live_at_end[block.index - 1].frame : 0);
  }

  const std::optional<std::uint64_t> peak = peak_reserved(device);
  std::vector<SegmentEvent> segments;
  if (peak) {
    const AddressRanges at_start = segments_at_start(device);
    for (const auto& [address, bytes] : at_start.by_address()) {
      segments.push_back({.before = 0, .address = address, .bytes = bytes, .taken = true});
    }
  }
  for (const SnapshotEvent& event : device.events) {
    if (event.kind == SnapshotKind::reserve || event.kind == SnapshotKind::release) {
      if (!peak) continue;
      segments.push_back({.before = builder.size(),
                          .address = event.address,
                          .bytes = event.bytes,
                          .taken = event.kind == SnapshotKind::reserve});
      continue;
    }
    builder.at({}, event.time);
    if (event.kind == SnapshotKind::allocate) {
      live.take_overlapping(event.address, event.bytes, [&](const LiveBlocks::Block& lost) {
        builder.free(lost.index, lost.stream);
        ++trace.incomplete_blocks;
      });
      begin(event.address, event.bytes, event.stream, event.frame);
    } else if (event.kind == SnapshotKind::free) {
      if (const auto block = live.take(event.address)) {
        builder.free(block->index, event.stream);
      } else {
        ++trace.unmatched_frees;
      }
    }
  }
  DeviceTrace read = std::move(builder).finish();
  read.recorded_peak_reserved = peak;
  read.segments = std::move(segments);
  return read;
}

}  // namespace

Trace read_pytorch_snapshot(std::span<const std::byte> file) {
  const std::vector<SnapshotDevice> devices = read_snapshot_records(Pickle::parse(file));
  Trace trace;
  trace.format = TraceFormat::pytorch_snapshot;
  for (const SnapshotDevice& device : devices) {
    trace.failures += device.failures;
    DeviceTrace read = read_device(device, trace);
    if (!read.events.empty()) trace.devices.push_back(std::move(read));
  }
  if (trace.devices.empty()) {
    throw ParseError(
        "no device trace holds an allocation or a free; call "
        "torch.cuda.memory._record_memory_history() before what is to be recorded");
  }
  return trace;
}

}  // namespace weir::replay
