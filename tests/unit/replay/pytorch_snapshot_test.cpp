// The walks through a snapshot's history: what was live at its start, what its
// holes do, and the peak that PyTorch itself reserved.
#include "replay/pytorch_snapshot.hpp"

#include <array>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "pickle_writer.hpp"
#include "snapshot_bytes.hpp"
#include "trace_facts.hpp"

namespace weir::replay {
namespace {

using testing::as_bytes;
using testing::block;
using testing::dict;
using testing::event;
using testing::events_text;
using testing::file;
using testing::list;
using testing::message_of;
using testing::names;
using testing::Pickled;
using testing::segment;
using testing::snapshot;

constexpr std::int64_t k = 1024;
using Bytes = std::vector<std::uint64_t>;

/// Reads a snapshot and holds it to a trace's promises.
Trace read_devices(const std::vector<Pickled>& segments, const std::vector<std::vector<Pickled>>& traces) {
  const std::string pickled = snapshot(segments, traces);
  Trace trace = read_pytorch_snapshot(as_bytes(pickled));
  EXPECT_EQ(testing::broken_promise(trace), "");
  return trace;
}

Pickled live(std::int64_t address, std::int64_t bytes) {
  return block(address, (bytes + 511) / 512 * 512, bytes, "active_allocated");
}

TEST(PytorchSnapshot, ACompleteHistory) {
  const Trace trace = read_devices({segment(0, 0, 4 * k, 0, {live(0, 100)})},
                                   {{event("segment_alloc", 0, 4 * k), event("alloc", 0, 100), event("alloc", 512, 700),
                                     event("free_requested", 512, 700), event("free_completed", 512, 700)}});
  ASSERT_EQ(trace.devices.size(), 1U);
  EXPECT_EQ(trace.format, TraceFormat::pytorch_snapshot);
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1 -1");
  EXPECT_EQ(trace.devices[0].block_bytes, Bytes({100, 700}));
  EXPECT_EQ(trace.devices[0].recorded_peak_reserved, 4U * k);
  EXPECT_EQ(trace.skipped(), 0U);
}

TEST(PytorchSnapshot, WhatPythonWroteInEachProtocol) {
  const auto check = [](std::span<const std::uint8_t> pickled) {
    const Trace trace = read_pytorch_snapshot(std::as_bytes(pickled));
    ASSERT_EQ(trace.devices.size(), 1U);
    EXPECT_EQ(events_text(trace.devices[0]), "+0 +1 -1");
    EXPECT_EQ(trace.devices[0].block_bytes, Bytes({1000, 70000}));
    EXPECT_EQ(trace.devices[0].recorded_peak_reserved, 2097152U);
    EXPECT_EQ(trace.skipped(), 0U);
  };
  check(testing::snapshot_protocol_2);
  check(testing::snapshot_protocol_3);
  check(testing::snapshot_protocol_4);
  check(testing::snapshot_protocol_5);
}

TEST(PytorchSnapshot, WhatWasLiveAtTheStartComesFirstByAddress) {
  // At 3 KiB lives to the end; at 1 KiB and 0 blocks are freed that no event allocated.
  const Trace trace = read_devices({segment(0, 0, 8 * k, 0, {live(3 * k, 300)})},
                                   {{event("free_completed", k, 111), event("alloc", k, 222),
                                     event("free_completed", k, 222), event("free_completed", 0, 50)}});
  EXPECT_EQ(trace.devices[0].block_bytes, Bytes({50, 111, 300, 222}));
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1 +2 -1 +3 -3 -0");
  EXPECT_EQ(trace.skipped(), 0U);
}

TEST(PytorchSnapshot, ABlockThatAwaitsItsFreeIsStillLive) {
  const Trace trace = read_devices({segment(0, 0, 4 * k, 0, {block(0, 512, 100, "active_awaiting_free")})},
                                   {{event("alloc", k, 5), event("free_requested", 0, 100)}});
  EXPECT_EQ(trace.devices[0].block_bytes, Bytes({100, 5}));
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1");
}

TEST(PytorchSnapshot, KeepsStreamsAndDevices) {
  const Trace trace =
      read_devices({segment(2, 0, 4 * k, 77, {live(0, 9)})},
                   {{event("alloc", 0, 1, 5), event("alloc", k, 2, 6), event("free_completed", 0, 1, 5)},
                    {},
                    {event("alloc", k, 3, 0), event("alloc", 2 * k, 4, 77)}});
  ASSERT_EQ(trace.devices.size(), 2U);
  EXPECT_EQ(trace.devices[0].device, 0U);
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1@1 -0");
  EXPECT_EQ(trace.devices[1].device, 2U);
  EXPECT_EQ(events_text(trace.devices[1]), "+0 +1@1 +2");
  EXPECT_EQ(trace.devices[1].streams, 2U);
}

TEST(PytorchSnapshot, ATruncatedRingLosesOnlyWhatItNeverSaw) {
  // The first events of a longer history are gone: a free without its allocation is a block of the start.
  const Trace trace = read_devices({segment(0, 0, 8 * k, 0, {live(0, 10), live(k, 20)})},
                                   {{event("free_completed", 2 * k, 30), event("alloc", k, 20)}});
  EXPECT_EQ(trace.devices[0].block_bytes, Bytes({10, 30, 20}));
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1 -1 +2");
  EXPECT_EQ(trace.skipped(), 0U);
}

TEST(PytorchSnapshot, ABlockWhosePlaceIsTakenEndsThere) {
  // The free of the first block was not recorded.
  const Trace same =
      read_devices({}, {{event("alloc", 0, 100), event("alloc", 0, 200), event("free_completed", 0, 200)}});
  EXPECT_EQ(events_text(same.devices[0]), "+0 -0 +1 -1");
  EXPECT_EQ(same.skipped(), 1U);
  const Trace inside = read_devices({}, {{event("alloc", 0, 3 * k), event("alloc", k, 10)}});
  EXPECT_EQ(events_text(inside.devices[0]), "+0 -0 +1");
  EXPECT_EQ(inside.skipped(), 1U);
  const Trace over = read_devices({}, {{event("alloc", k, 10), event("alloc", 3 * k, 10), event("alloc", 0, 8 * k)}});
  EXPECT_EQ(events_text(over.devices[0]), "+0 +1 -0 -1 +2");
  EXPECT_EQ(over.skipped(), 2U);
}

TEST(PytorchSnapshot, ABlockThatCannotHaveBeenThereIsLeftOut) {
  // Freed twice: the second life began without a record.
  const Trace twice = read_devices({}, {{event("free_completed", 0, 100), event("free_completed", 0, 100)}});
  EXPECT_EQ(events_text(twice.devices[0]), "+0 -0");
  EXPECT_EQ(twice.skipped(), 1U);
  // Live at the end, where another block was freed and nothing allocated.
  const Trace at_end = read_devices({segment(0, 0, 4 * k, 0, {live(0, 100)})}, {{event("free_completed", 0, 300)}});
  EXPECT_EQ(at_end.devices[0].block_bytes, Bytes({300}));
  EXPECT_EQ(at_end.skipped(), 1U);
  // Live at the end in the middle of what was allocated and never freed.
  const Trace inside = read_devices({segment(0, 0, 4 * k, 0, {live(k, 100)})}, {{event("alloc", 0, 2 * k)}});
  EXPECT_EQ(inside.devices[0].block_bytes, Bytes({2 * k}));
  EXPECT_EQ(inside.skipped(), 1U);
}

TEST(PytorchSnapshot, ABlockAtTheTopOfTheAddresses) {
  const Trace trace = read_devices({segment(0, -4 * k, 4 * k, -2, {live(-4 * k, 100)})},
                                   {{event("alloc", -k, k, -2), event("free_completed", -k, k, -2),
                                     event("alloc", -512, 512, 3), event("free_completed", -512, 512, 3)}});
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1 -1 +2@1 -2@1");
  EXPECT_EQ(trace.devices[0].stream_keys, (std::vector<std::uint64_t>{UINT64_MAX - 1, 3}));
  EXPECT_EQ(trace.devices[0].origins[1].address, UINT64_MAX - k + 1);
  EXPECT_EQ(trace.skipped(), 0U);
  // The free of the first block was not recorded: the second lies in it.
  const Trace over = read_devices({}, {{event("alloc", -k, k), event("alloc", -512, 512)}});
  EXPECT_EQ(events_text(over.devices[0]), "+0 -0 +1");
}

TEST(PytorchSnapshot, AnyPartOfAHistoryGivesAnOrderlyTrace) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<Pickled> events;
    for (int i = 0; i < 40; ++i) {
      const std::int64_t address = (static_cast<std::int64_t>(random() % 16) - 20) * 512;
      const std::int64_t bytes = static_cast<std::int64_t>(random() % 2000);
      events.push_back(event(random() % 2 == 0 ? "alloc" : "free_completed", address, bytes));
    }
    const auto place = static_cast<std::int64_t>(random() % 8) * 512;
    read_devices({segment(0, place, 4 * k, 0, {live(place, 700), live(place + k, 1000)})}, {events});
  }
}

TEST(PytorchSnapshot, PeakReservedIsFoundFromTheEnd) {
  const Pickled alloc = event("alloc", 0, 1);
  const std::vector<Pickled> at_end{segment(0, 0, 10 * k, 0, {})};
  const auto peak = [&](std::vector<Pickled> events) {
    events.push_back(alloc);
    return read_devices(at_end, {events}).devices[0].recorded_peak_reserved;
  };
  EXPECT_EQ(peak({}), 10U * k);
  EXPECT_EQ(peak({event("segment_free", 0, 5 * k)}), 15U * k);
  EXPECT_EQ(peak({event("segment_unmap", 0, 5 * k), event("segment_free", 0, k)}), 16U * k);
  EXPECT_EQ(peak({event("segment_alloc", 0, 10 * k)}), 10U * k);
  EXPECT_EQ(peak({event("segment_free", 0, 9 * k), event("segment_map", 0, 8 * k)}), 11U * k);
  EXPECT_EQ(peak({event("segment_alloc", 0, 11 * k)}), std::nullopt) << "more than was ever reserved";
}

TEST(PytorchSnapshot, PeakReservedIsUnknownWithoutSegments) {
  const std::string pickled = file(dict({{"device_traces", list({list({event("alloc", 0, 1)})})}}));
  EXPECT_EQ(read_pytorch_snapshot(as_bytes(pickled)).devices[0].recorded_peak_reserved, std::nullopt);
  EXPECT_EQ(read_devices({}, {{event("alloc", 0, 1)}}).devices[0].recorded_peak_reserved, std::nullopt);
  EXPECT_EQ(read_devices({}, {{event("alloc", 0, 1), event("segment_free", 0, k)}}).devices[0].recorded_peak_reserved,
            1U * k);
}

TEST(PytorchSnapshot, RefusesASnapshotWithoutEvents) {
  const auto refusal = [](const std::string& pickled) {
    return message_of([&] { static_cast<void>(read_pytorch_snapshot(as_bytes(pickled))); });
  };
  EXPECT_TRUE(names(refusal(snapshot({}, {})), {"_record_memory_history"}));
  EXPECT_TRUE(names(refusal(snapshot({}, {{}, {}})), {"_record_memory_history"}));
  EXPECT_TRUE(names(refusal(snapshot({}, {{event("snapshot", 0, 0)}})), {"_record_memory_history"}));
}

TEST(PytorchSnapshot, RefusesSegmentsThatOverlap) {
  const std::string pickled =
      snapshot({segment(0, 0, 4 * k, 0, {live(k, 600)}), segment(0, k + 512, 4 * k, 0, {live(k + 512, 100)})},
               {{event("alloc", 0, 1)}});
  EXPECT_TRUE(
      names(message_of([&] { static_cast<void>(read_pytorch_snapshot(as_bytes(pickled))); }), {"device 0", "overlap"}));
}

TEST(PytorchSnapshot, RefusesEveryPrefixOfAFile) {
  const auto bytes = std::as_bytes(std::span(testing::snapshot_protocol_5));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const std::string message = message_of([&] { static_cast<void>(read_pytorch_snapshot(bytes.first(length))); });
    EXPECT_TRUE(names(message, {"byte "})) << length;
  }
}

TEST(PytorchSnapshot, WhatRanOutOfMemoryIsCounted) {
  const Trace trace = read_devices({}, {{event("alloc", 0, 100), event("oom", 0, 1 << 30), event("oom", 0, 1 << 30)}});
  EXPECT_EQ(events_text(trace.devices[0]), "+0");
  EXPECT_EQ(trace.failures, 2U);
}

TEST(PytorchSnapshot, KeepsTheNamesThatTheRecordingHas) {
  const auto framed = [](Pickled plain, const std::string& name) {
    const Pickled frames = list({dict({{"filename", testing::text(name)}, {"line", testing::integer(3)}})});
    return plain.insert(plain.size() - 1, testing::text("frames") + frames);
  };
  // Live at the start and at the end; live at the start only; recorded whole.
  const Trace trace =
      read_devices({segment(0, 0, 8 * k, 5, {framed(live(0, 10), "old.py")})},
                   {{event("free_completed", 2 * k, 30, 6), framed(event("alloc", k, 20, 7), "new.py")}});
  const DeviceTrace& device = trace.devices.at(0);
  ASSERT_EQ(device.block_bytes, Bytes({10, 30, 20}));
  const auto label = [&](std::size_t block) { return device.labels.at(device.origins.at(block).label); };
  EXPECT_EQ(label(0), "old.py:3");
  EXPECT_EQ(label(1), "");
  EXPECT_EQ(label(2), "new.py:3");
  EXPECT_EQ(device.origins[0].address, 0U);
  EXPECT_EQ(device.origins[2].address, 1024U);
  EXPECT_EQ(device.stream_keys, Bytes({5, 6, 7}));
}

}  // namespace
}  // namespace weir::replay
