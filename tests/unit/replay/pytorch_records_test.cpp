// Every field that the reader needs is checked for presence, type and range, and
// the error names the field and the record.
#include "replay/pytorch_records.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "pickle_writer.hpp"

namespace weir::replay {
namespace {

using testing::as_bytes;
using testing::block;
using testing::dict;
using testing::event;
using testing::file;
using testing::integer;
using testing::large;
using testing::list;
using testing::message_of;
using testing::names;
using testing::Pickled;
using testing::segment;
using testing::snapshot;
using testing::text;
using Entries = std::vector<std::pair<std::string, Pickled>>;

std::vector<SnapshotDevice> read_records(const std::string& pickled) {
  return read_snapshot_records(Pickle::parse(as_bytes(pickled)));
}
std::string records_refusal(const std::string& pickled) {
  return message_of([&] { static_cast<void>(read_records(pickled)); });
}

/// `entries` with one replaced, or left out where the value is empty.
Pickled with(Entries entries, const std::string& name, const Pickled& value) {
  std::erase_if(entries, [&](const auto& entry) { return entry.first == name; });
  if (!value.empty()) entries.emplace_back(name, value);
  return dict(entries);
}

const Entries good_event{
    {"action", text("alloc")}, {"addr", integer(4096)}, {"size", integer(100)}, {"stream", integer(0)}};
const Entries good_block{{"address", integer(4096)},
                         {"size", integer(512)},
                         {"requested_size", integer(100)},
                         {"state", text("active_allocated")}};
const Entries good_segment{{"device", integer(0)},
                           {"address", integer(4096)},
                           {"total_size", integer(1024)},
                           {"stream", integer(0)},
                           {"blocks", list({dict(good_block)})}};

/// The refusal where the second event of device 1 has this field so.
std::string event_refusal(const std::string& name, const Pickled& value) {
  return records_refusal(snapshot({}, {{}, {dict(good_event), with(good_event, name, value)}}));
}
std::string segment_refusal(const std::string& name, const Pickled& value) {
  return records_refusal(snapshot({with(good_segment, name, value)}, {{dict(good_event)}}));
}
std::string block_refusal(const std::string& name, const Pickled& value) {
  return segment_refusal("blocks", list({with(good_block, name, value)}));
}

TEST(PytorchRecords, ReadsEventsBlocksAndSegments) {
  const auto devices = read_records(snapshot(
      {segment(0, 4096, 1024, 9, {block(4096, 512, 100, "active_allocated"), block(4608, 512, 0, "inactive")})},
      {{event("segment_alloc", 4096, 1024, 9), event("alloc", 4096, 100, 9), event("free_requested", 4096, 100, 9),
        event("free_completed", 4096, 100, 9), event("segment_unmap", 4096, 1024, 9), event("snapshot", 0, 0)}}));
  ASSERT_EQ(devices.size(), 1U);
  using Kind = SnapshotEvent::Kind;
  const auto& events = devices[0].events;
  ASSERT_EQ(events.size(), 4U) << "free_requested and snapshot tell nothing of life";
  EXPECT_EQ(events[0].kind, Kind::reserve);
  EXPECT_EQ(events[1].kind, Kind::allocate);
  EXPECT_EQ(events[1].address, 4096U);
  EXPECT_EQ(events[1].bytes, 100U);
  EXPECT_EQ(events[1].stream, 9U);
  EXPECT_EQ(events[2].kind, Kind::free);
  EXPECT_EQ(events[3].kind, Kind::release);
  ASSERT_EQ(devices[0].live_at_end.size(), 1U);
  EXPECT_EQ(devices[0].live_at_end[0].bytes, 100U);
  EXPECT_EQ(devices[0].reserved_at_end, 1024U);
}

TEST(PytorchRecords, BlocksThatAwaitTheirFreeAreLive) {
  for (const char* state : {"active_allocated", "active_awaiting_free", "active_pending_free"}) {
    const auto devices =
        read_records(snapshot({segment(0, 0, 512, 0, {block(0, 512, 5, state)})}, {{event("alloc", 0, 5)}}));
    EXPECT_EQ(devices[0].live_at_end.size(), 1U) << state;
  }
}

TEST(PytorchRecords, FallsBackWhereOldFilesLeaveFieldsOut) {
  const Pickled first = dict({{"size", integer(512)}, {"state", text("inactive")}});
  const Pickled second = dict({{"size", integer(512)}, {"state", text("active_allocated")}});
  const auto devices = read_records(snapshot({segment(0, 4096, 1024, 0, {first, second})}, {{event("alloc", 0, 5)}}));
  ASSERT_EQ(devices[0].live_at_end.size(), 1U);
  EXPECT_EQ(devices[0].live_at_end[0].address, 4608U);
  EXPECT_EQ(devices[0].live_at_end[0].bytes, 512U);
}

TEST(PytorchRecords, DevicesWithoutEventsAreSkipped) {
  const auto devices =
      read_records(snapshot({segment(0, 0, 512, 0, {}), segment(7, 0, 512, 0, {})}, {{}, {event("alloc", 0, 5)}}));
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].number, 1U);
  EXPECT_EQ(devices[0].reserved_at_end, 0U);
}

TEST(PytorchRecords, NamesTheTopLevelField) {
  EXPECT_TRUE(names(records_refusal(file(list({}))), {"a list", "dict", "device_traces"}));
  EXPECT_TRUE(names(records_refusal(file(text("x"))), {"a str"}));
  EXPECT_TRUE(names(records_refusal(file(dict({{"segments", list({})}}))), {"no field 'device_traces'"}));
  EXPECT_TRUE(names(records_refusal(file(dict({{"device_traces", integer(1)}}))), {"'device_traces'", "int", "list"}));
  EXPECT_TRUE(names(records_refusal(file(dict({{"device_traces", list({})}, {"segments", dict({})}}))),
                    {"'segments'", "dict", "list"}));
  EXPECT_TRUE(
      names(records_refusal(file(dict({{"device_traces", list({list({}), dict({})})}}))), {"device 1", "dict"}));
}

TEST(PytorchRecords, NamesTheFieldAndTheEvent) {
  for (const std::string name : {"action", "addr", "size", "stream"}) {
    EXPECT_TRUE(names(event_refusal(name, ""), {"device 1, event 1", "no field '" + name + "'"}));
    EXPECT_TRUE(names(event_refusal(name, "N"), {"device 1, event 1", "'" + name + "'", "None"}));
    EXPECT_TRUE(names(event_refusal(name, list({})), {"device 1, event 1", "'" + name + "'", "list"}));
  }
  EXPECT_TRUE(names(event_refusal("action", integer(1)), {"'action'", "int", "str"}));
  EXPECT_TRUE(names(event_refusal("size", text("1")), {"'size'", "str", "int"}));
  EXPECT_TRUE(names(event_refusal("size", "\x88"), {"'size'", "bool", "int"}));
  EXPECT_TRUE(names(event_refusal("size", integer(-1)), {"'size'", "negative"}));
  EXPECT_TRUE(names(event_refusal("size", integer(INT64_MAX)), {"'size'", "1 EiB"}));
  const std::string two_to_64("\x8a\x09\0\0\0\0\0\0\0\0\x01", 11);
  for (const std::string name : {"addr", "size", "stream"}) {
    EXPECT_TRUE(names(event_refusal(name, two_to_64), {"event 1", "'" + name + "'", "more than 64 bits"}));
  }
  EXPECT_TRUE(names(event_refusal("size", large(UINT64_MAX)), {"'size'", "1 EiB"}));
  EXPECT_TRUE(names(records_refusal(snapshot({}, {{text("alloc")}})), {"device 0, event 0", "str", "dict"}));
}

// Drivers map memory from 2^63 on, and writers give such an address with a sign or without.
TEST(PytorchRecords, AddressesAndStreamsOfAll64Bits) {
  constexpr std::uint64_t high = 0xff00'0000'0000'1000;
  for (const Pickled& address : {large(high), integer(static_cast<std::int64_t>(high))}) {
    const Pickled live = with(good_block, "address", address);
    Entries held = good_segment;
    held[1].second = address;
    held[3].second = address;
    held[4].second = list({live});
    Entries made = good_event;
    made[1].second = address;
    const auto devices = read_records(snapshot({dict(held)}, {{with(made, "stream", address)}}));
    EXPECT_EQ(devices.at(0).events.at(0).address, high);
    EXPECT_EQ(devices[0].events[0].stream, high);
    EXPECT_EQ(devices[0].live_at_end.at(0).address, high);
    EXPECT_EQ(devices[0].live_at_end[0].stream, high);
  }
}

TEST(PytorchRecords, RangesEndAt2To64AtMost) {
  EXPECT_EQ(read_records(snapshot({}, {{with(good_event, "addr", integer(-100))}})).at(0).events.at(0).bytes, 100U);
  for (const Pickled& address : {integer(-99), large(UINT64_MAX - 98)}) {
    EXPECT_TRUE(names(event_refusal("addr", address), {"device 1, event 1", "'size'", "past 2^64", "'addr'"}));
  }
  Entries last = good_segment;
  last[1].second = integer(-1024);
  last[4].second = list({with(good_block, "address", large(UINT64_MAX - 511))});
  const auto devices = read_records(snapshot({dict(last)}, {{dict(good_event)}}));
  EXPECT_EQ(devices.at(0).live_at_end.at(0).address, UINT64_MAX - 511);
  EXPECT_TRUE(names(segment_refusal("address", integer(-1023)), {"segment 0", "'total_size'", "past 2^64"}));
  last[4].second = list({with(good_block, "address", integer(-511))});
  EXPECT_TRUE(names(records_refusal(snapshot({dict(last)}, {{dict(good_event)}})), {"block 0", "does not fit"}));
}

TEST(PytorchRecords, OtherActionsNeedNoFields) {
  const Pickled oom = dict({{"action", text("oom")}, {"device_free", integer(5)}});
  EXPECT_EQ(read_records(snapshot({}, {{oom, event("alloc", 0, 5)}}))[0].events.size(), 1U);
  const Pickled map = dict({{"action", text("segment_map")}, {"size", integer(5)}});
  EXPECT_EQ(read_records(snapshot({}, {{map}}))[0].events.size(), 1U);
}

TEST(PytorchRecords, NamesTheFieldAndTheSegment) {
  for (const std::string name : {"device", "address", "total_size", "stream", "blocks"}) {
    EXPECT_TRUE(names(segment_refusal(name, ""), {"segment 0", "no field '" + name + "'"}));
    EXPECT_TRUE(names(segment_refusal(name, "N"), {"segment 0", "'" + name + "'", "None"}));
  }
  EXPECT_TRUE(names(segment_refusal("device", integer(-1)), {"'device'", "negative"}));
  EXPECT_TRUE(names(records_refusal(snapshot({text("x")}, {{dict(good_event)}})), {"segment 0", "str"}));
}

TEST(PytorchRecords, NamesTheFieldAndTheBlock) {
  for (const std::string name : {"size", "state"}) {
    EXPECT_TRUE(names(block_refusal(name, ""), {"segment 0, block 0", "no field '" + name + "'"}));
    EXPECT_TRUE(names(block_refusal(name, "N"), {"segment 0, block 0", "'" + name + "'", "None"}));
  }
  EXPECT_TRUE(names(block_refusal("state", text("lost\n")), {"'state'", "'lost\\x0a'"}));
  EXPECT_TRUE(names(block_refusal("requested_size", text("1")), {"'requested_size'", "str"}));
  EXPECT_TRUE(names(block_refusal("requested_size", integer(513)), {"'requested_size'", "more than 'size'"}));
}

TEST(PytorchRecords, BlocksLieInTheirSegmentInOrder) {
  EXPECT_TRUE(names(block_refusal("address", integer(0)), {"segment 0, block 0", "does not fit"}));
  EXPECT_TRUE(names(block_refusal("address", integer(4096 + 1000)), {"does not fit"}));
  EXPECT_TRUE(names(block_refusal("address", integer(INT64_MAX)), {"does not fit"}));
  EXPECT_TRUE(names(block_refusal("size", integer(1025)), {"does not fit"}));
  EXPECT_TRUE(names(segment_refusal("blocks", list({dict(good_block), dict(good_block)})),
                    {"segment 0, block 1", "does not fit"}));
}

TEST(PytorchRecords, SegmentsHaveASum) {
  const Pickled huge = with(good_segment, "total_size", integer(std::int64_t{1} << 60));
  EXPECT_TRUE(names(records_refusal(snapshot({huge, huge}, {{dict(good_event)}})), {"segment 1", "1 EiB"}));
}

TEST(PytorchRecords, ListsThatAreSharedCannotMultiplyTheRecords) {
  // One list of 200 events, memoized, as the trace of 200 devices.
  std::string events = "](";
  events += dict(good_event) + "q" + std::string(1, '\0');
  for (int i = 0; i < 199; ++i) events += std::string("h") + '\0';
  events += "e";
  std::string traces = "](" + events + "q\x01";
  for (int i = 0; i < 199; ++i) traces += "h\x01";
  EXPECT_TRUE(names(records_refusal(file("}(" + text("device_traces") + traces + "eu")), {"more records than bytes"}));
}

TEST(PytorchRecords, RecordsHaveABoundedNumberOfFields) {
  Entries entries = good_event;
  for (int i = 0; i < 61; ++i) entries.emplace_back("extra" + std::to_string(i), "N");
  EXPECT_TRUE(names(records_refusal(snapshot({}, {{dict(entries)}})), {"event 0", "65 fields"}));
  entries.pop_back();
  EXPECT_EQ(read_records(snapshot({}, {{dict(entries)}})).size(), 1U);
}

TEST(PytorchRecords, SaysWhatAValueIsInWordsThatHold) {
  const Pickled wide = std::string("\x8a\x0a") + std::string(9, '\0') + "\x01";
  EXPECT_TRUE(names(event_refusal("size", wide), {"'size' is an int of more than 64 bits; at most 64 are read"}));
  EXPECT_TRUE(names(event_refusal("size", text("x")), {"'size' is a str, not an int"}));
  EXPECT_TRUE(names(event_refusal("action", wide), {"'action' is an int of more than 64 bits, not a str"}));
}

TEST(PytorchRecords, TheFrameThatTellsOfWhatIsAllocated) {
  const auto frame = [](const std::string& name, std::int64_t line) {
    return dict({{"filename", text("dir/" + name + ".py")}, {"line", integer(line)}, {"name", text(name)}});
  };
  const Pickled two = list({frame("inner", 7), frame("outer", 1)});
  const auto frames_of = [&](const Pickled& frames) {
    const std::vector<SnapshotDevice> devices = read_records(snapshot({}, {{with(good_event, "frames", frames)}}));
    return devices.at(0).frames.text(devices.at(0).events.at(0).frame);
  };
  EXPECT_EQ(frames_of(two), "dir/inner.py:7 inner");
  EXPECT_EQ(frames_of(list({dict({{"name", text("kernel")}})})), "kernel");
  // With C++ frames the innermost are the allocator's; a package's are less the program's own.
  const auto other = [](const std::string& file) { return dict({{"filename", text(file)}, {"name", text("f")}}); };
  const Pickled unwind = other("??");
  const Pickled package = other("/lib/python3/site-packages/torch/nn/linear.py");
  EXPECT_EQ(frames_of(list({unwind, other("CUDACachingAllocator.cpp"), package, frame("model", 9), frame("main", 1)})),
            "dir/model.py:9 model");
  EXPECT_EQ(frames_of(list({unwind, package, other("main.c")})), "/lib/python3/site-packages/torch/nn/linear.py f");
  EXPECT_EQ(frames_of(list({unwind, other("a.cpp")})), "f");
  const Pickled derived = dict({{"filename", text("??")}, {"line", integer(0)}, {"name", text("MmBackward0::apply")}});
  EXPECT_EQ(frames_of(list({unwind, other("a.cpp"), derived, other("b.cpp")})), "MmBackward0::apply");
  // Frames are no reason to refuse a file.
  for (const Pickled& odd : {Pickled(), list({}), integer(3), list({integer(3)}), list({dict({})}),
                             list({dict({{"filename", integer(1)}, {"line", text("x")}})})}) {
    EXPECT_EQ(frames_of(odd), "");
  }
  const std::string shown = frames_of(list({frame(std::string(100'000, 'x'), 1)}));
  EXPECT_LE(shown.size(), 200U);
  const auto devices = read_records(
      snapshot({with(good_segment, "blocks", list({with(good_block, "frames", two)}))}, {{dict(good_event)}}));
  EXPECT_EQ(devices.at(0).frames.text(devices.at(0).live_at_end.at(0).frame), "dir/inner.py:7 inner");
}

}  // namespace
}  // namespace weir::replay
