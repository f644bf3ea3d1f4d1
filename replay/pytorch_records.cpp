// Field by field from the pickle; see pytorch_records.hpp. The names of fields,
// actions and states are those of torch.cuda.memory._snapshot.
#include "replay/pytorch_records.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "replay/snapshot_frames.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {

namespace {

using Kind = Pickle::Kind;
using Value = Pickle::Value;

/// Where a record stands; turned into words only when something is wrong with it.
struct Place {
  std::string_view list;
  std::size_t index = 0;
  const Place* inside = nullptr;

  [[nodiscard]] std::string words() const {
    const std::string outer = inside != nullptr ? inside->words() + ", " : std::string();
    return outer + std::string(list) + " " + std::to_string(index);
  }
};

[[noreturn]] void fail(const Place& place, std::string_view what) {
  throw ParseError(place.words() + ": " + std::string(what));
}

/// One dict of the snapshot. Fields are looked up by going through all of them,
/// and the file may share one dict among many lists, so its size is bounded.
class PickledRecord {
 public:
  static constexpr std::size_t max_fields = 64;

  PickledRecord(Value value, const Place& place) : value_(value), place_(place) {
    if (value.kind() != Kind::dict) {
      fail(place, "is " + std::string(one(value.kind())) + ", not a dict");
    }
    if (value.size() > max_fields) {
      fail(place, "has " + std::to_string(value.size()) + " fields; at most 64 are read");
    }
  }

  [[nodiscard]] std::optional<Value> find(std::string_view name) const { return value_.find(name); }

  [[nodiscard]] std::string_view text(std::string_view name) const {
    const Value value = get(name);
    if (!value.text()) wrong_type(name, value, "a str");
    return *value.text();
  }

  [[nodiscard]] Value list(std::string_view name) const {
    const Value value = get(name);
    if (value.kind() != Kind::list) wrong_type(name, value, "a list");
    return value;
  }

  /// A number as its 64 bits, with a sign or without: an address or a stream's handle.
  [[nodiscard]] std::uint64_t bits(std::string_view name) const {
    const Value value = get(name);
    if (!value.bits()) wrong_type(name, value, "an int");
    return *value.bits();
  }

  /// Microseconds of a clock; nothing where the field is missing, and where it is beyond any date.
  [[nodiscard]] std::optional<std::chrono::microseconds> time(std::string_view name) const {
    constexpr std::int64_t max_time = std::int64_t{1} << 53;  // in the year 2255
    const std::optional<Value> value = find(name);
    if (!value || !value->integer() || *value->integer() < 0 || *value->integer() > max_time) return std::nullopt;
    return std::chrono::microseconds(*value->integer());
  }

  [[nodiscard]] std::uint64_t natural(std::string_view name) const {
    const std::uint64_t value = bits(name);
    if (value >> 63 != 0 && get(name).integer()) fail(place_, "field '" + std::string(name) + "' is negative");
    return value;
  }

  [[nodiscard]] std::uint64_t bytes(std::string_view name) const {
    const std::uint64_t value = natural(name);
    if (value > max_live_bytes) fail(place_, "field '" + std::string(name) + "' is more than 1 EiB");
    return value;
  }

  /// Bytes of a range that starts at the address of another field, and so ends within 64 bits.
  [[nodiscard]] std::uint64_t bytes_from(std::string_view start, std::string_view name) const {
    const std::uint64_t value = bytes(name);
    if (value != 0 && value - 1 > ~bits(start)) {
      fail(place_, "field '" + std::string(name) + "' reaches past 2^64, from '" + std::string(start) + "' on");
    }
    return value;
  }

 private:
  [[nodiscard]] Value get(std::string_view name) const {
    const std::optional<Value> value = find(name);
    if (!value) fail(place_, "no field '" + std::string(name) + "'");
    return *value;
  }

  [[noreturn]] void wrong_type(std::string_view name, Value value, std::string_view wanted) const {
    const std::string what = "field '" + std::string(name) + "' is " + std::string(one(value.kind()));
    // Wide as it is, it is one.
    if (value.kind() == Kind::wide_integer && wanted == "an int") fail(place_, what + "; at most 64 are read");
    fail(place_, what + ", not " + std::string(wanted));
  }

  Value value_;
  const Place& place_;
};

/// Each record takes more than a byte of the file, unless lists are shared: then
/// a small file could mean any number of records.
class Budget {
 public:
  explicit Budget(std::size_t file_bytes) : left_(file_bytes) {}
  void spend(const Place& place) {
    if (left_-- == 0) fail(place, "a list is shared too often: the file would have more records than bytes");
  }

 private:
  std::size_t left_;
};

std::optional<SnapshotEvent::Kind> kind_of(std::string_view action) {
  using enum SnapshotEvent::Kind;
  if (action == "alloc") return allocate;
  if (action == "free_completed") return free;
  if (action == "segment_alloc" || action == "segment_map") return reserve;
  if (action == "segment_free" || action == "segment_unmap") return release;
  return std::nullopt;
}

/// Only shown, so that a file without it is read, too.
std::uint64_t segment_address(const PickledRecord& record) {
  const std::optional<Value> value = record.find("addr");
  const std::uint64_t address = value && value->bits() ? *value->bits() : 0;
  return record.bytes("size") <= ~address ? address : 0;
}

void read_events(Value trace, const Place& at, Budget& budget, SnapshotFrames& frames, SnapshotDevice& device) {
  Place place{"event", 0, &at};
  trace.for_each([&](Value value) {
    budget.spend(place);
    const PickledRecord record(value, place);
    const std::string_view action = record.text("action");
    if (action == "oom") ++device.failures;
    if (const auto kind = kind_of(action)) {
      const bool block = *kind == SnapshotEvent::Kind::allocate || *kind == SnapshotEvent::Kind::free;
      device.events.push_back(
          {.address = block ? record.bits("addr") : segment_address(record),
           .bytes = block ? record.bytes_from("addr", "size") : record.bytes("size"),
           .stream = block ? record.bits("stream") : 0,
           .kind = *kind,
           .frame = *kind == SnapshotEvent::Kind::allocate ? frames.telling(record.find("frames"), device.frames) : 0,
           .time = record.time("time_us")});
    }
    ++place.index;
  });
}

bool is_live(std::string_view state, const Place& place) {
  if (state == "active_allocated") return true;
  // Freed by the program, but another stream may still be using it.
  if (state == "active_awaiting_free" || state == "active_pending_free") return true;
  if (state == "inactive") return false;
  fail(place, "field 'state' is " + files::excerpt(state) + ", which is not a state of a block");
}

void read_blocks(const PickledRecord& segment, const Place& place, Budget& budget, SnapshotFrames& frames,
                 SnapshotDevice& device) {
  const std::uint64_t start = segment.bits("address");
  const std::uint64_t total = segment.bytes_from("address", "total_size");
  const std::uint64_t stream = segment.bits("stream");
  std::uint64_t next = 0;  // where the next block may start, in the segment: its end's address may be 2^64
  Place at{"block", 0, &place};
  segment.list("blocks").for_each([&](Value value) {
    budget.spend(at);
    const PickledRecord block(value, at);
    // Blocks cover their segment in order; files before PyTorch 2.1 leave their addresses out.
    const std::uint64_t offset = block.find("address") ? block.bits("address") - start : next;
    const std::uint64_t size = block.bytes("size");
    if (offset < next || offset > total || size > total - offset) fail(at, "does not fit in its segment");
    next = offset + size;
    if (is_live(block.text("state"), at)) {
      const std::uint64_t requested = block.find("requested_size") ? block.bytes("requested_size") : size;
      if (requested > size) fail(at, "field 'requested_size' is more than 'size'");
      device.live_at_end.push_back(
          {start + offset, requested, stream, frames.telling(block.find("frames"), device.frames)});
    }
    ++at.index;
  });
}

/// By number; empty where a device has no event.
using Devices = std::vector<std::optional<SnapshotDevice>>;

void read_segments(Value segments, std::size_t file_bytes, std::vector<SnapshotFrames>& frames, Devices& devices) {
  Budget budget(file_bytes);
  Place place{"segment", 0, nullptr};
  segments.for_each([&](Value value) {
    budget.spend(place);
    const PickledRecord segment(value, place);
    const std::uint64_t number = segment.natural("device");
    if (number < devices.size() && devices[static_cast<std::size_t>(number)]) {
      SnapshotDevice& device = *devices[static_cast<std::size_t>(number)];
      read_blocks(segment, place, budget, frames[static_cast<std::size_t>(number)], device);
      const std::uint64_t bytes = segment.bytes("total_size");
      device.segments_at_end.push_back({.address = segment.bits("address"), .bytes = bytes});
      device.reserved_at_end += bytes;
      if (device.reserved_at_end > max_live_bytes) fail(place, "the segments add up to more than 1 EiB");
    }
    ++place.index;
  });
}

std::optional<Value> top_level_list(Value root, std::string_view name) {
  const std::optional<Value> value = root.find(name);
  if (value && value->kind() != Kind::list) {
    throw ParseError("field '" + std::string(name) + "' is " + std::string(one(value->kind())) + ", not a list");
  }
  return value;
}

}  // namespace

std::vector<SnapshotDevice> read_snapshot_records(const Pickle& pickle) {
  const Value root = pickle.root();
  if (root.kind() != Kind::dict) {
    throw ParseError("the pickle holds " + std::string(one(root.kind())) +
                     "; a PyTorch memory snapshot is a dict with 'segments' and 'device_traces'");
  }
  const std::optional<Value> traces = top_level_list(root, "device_traces");
  if (!traces) throw ParseError("no field 'device_traces'; this is not a PyTorch memory snapshot");
  const std::optional<Value> segments = top_level_list(root, "segments");

  Devices devices;
  std::vector<SnapshotFrames> frames;  // of each device
  Budget budget(pickle.file_bytes());
  Place place{"device", 0, nullptr};
  traces->for_each([&](Value trace) {
    if (trace.kind() != Kind::list) {
      fail(place, "its trace is " + std::string(one(trace.kind())) + ", not a list");
    }
    devices.emplace_back();
    frames.emplace_back();
    if (trace.size() > 0) {
      SnapshotDevice& device = devices.back().emplace();
      device.number = static_cast<std::uint32_t>(place.index);
      device.has_segments = segments.has_value();
      read_events(trace, place, budget, frames.back(), device);
    }
    ++place.index;
  });
  if (segments) read_segments(*segments, pickle.file_bytes(), frames, devices);

  std::vector<SnapshotDevice> recorded;
  for (std::optional<SnapshotDevice>& device : devices) {
    if (device) recorded.push_back(std::move(*device));
  }
  return recorded;
}

}  // namespace weir::replay
