// More streams than a pool serves at a time are replayed one after the other, and
// are refused where a trace uses them all at once.
#include "replay/trace_streams.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "message_of.hpp"
#include "replay/device_replay.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {
namespace {

using testing::message_of;
using testing::names;

constexpr std::uint64_t too_many = 70'000;  // for pairs in a pool, and for its streams

/// Streams one after the other, each with a block that the next frees, by this many threads in turns.
DeviceTrace a_stream_each(std::uint64_t streams, std::uint64_t threads) {
  TraceBuilder builder(0);
  std::uint32_t held = builder.allocate(1_MiB, 0);
  for (std::uint64_t stream = 1; stream < streams; ++stream) {
    builder.at(std::to_string(stream % threads), {});
    const std::uint32_t next = builder.allocate(1_MiB, stream);
    builder.free(held, stream);
    held = next;
  }
  return std::move(builder).finish();
}

TEST(TraceStreams, MoreThanAPoolServesAreReplayedOneAfterTheOther) {
  const DeviceTrace trace = a_stream_each(too_many, 1);
  ASSERT_EQ(trace.streams, too_many);
  const ReplayOptions options{.passes = 2};
  DeviceReplay replay(trace, options);
  for (int pass = 0; pass < 2; ++pass) {
    const auto figures = replay.run_pass();
    ASSERT_TRUE(figures.has_value());
    EXPECT_LE(figures->peak_reserved, 8_MiB) << "streams that ended leave their memory to others";
  }
  EXPECT_EQ(replay.statistics().allocations, 2 * too_many);
  EXPECT_EQ(replay.statistics().requested.live, 0U);
}

TEST(TraceStreams, AFewAreKept) {
  Device device = open_device({.backend = "dry"});
  const DeviceTrace trace = a_stream_each(3, 1);
  TraceStreams streams(trace, device, 1);
  const StreamId first = streams.of(0);
  for (std::size_t i = 0; i < trace.events.size(); ++i) streams.after(i);
  EXPECT_EQ(streams.of(0), first);
  EXPECT_NE(streams.of(1), first);
}

TEST(TraceStreams, ManyEndAfterTheirLastUse) {
  Device device = open_device({.backend = "dry"});
  const DeviceTrace trace = a_stream_each(TraceStreams::max_pairs + 1, 1);
  TraceStreams streams(trace, device, 1);
  const StreamId first = streams.of(0);
  streams.after(0);
  EXPECT_NE(streams.of(0), first) << "no later event is on it";
  const StreamId second = streams.of(1);
  streams.after(1);
  EXPECT_EQ(streams.of(1), second) << "a free is still to come";
  const auto last = static_cast<std::uint32_t>(trace.streams - 1);
  const StreamId kept = streams.of(last);
  streams.after(trace.events.size() - 1);
  EXPECT_EQ(streams.of(last), kept) << "the block that lives to the end is freed on it";
}

TEST(TraceStreams, RefusesMoreInUseAtOnceThanAPoolServes) {
  TraceBuilder builder(7);
  for (std::uint64_t stream = 0; stream <= TraceStreams::max_pairs; ++stream) builder.allocate(1, stream);
  const DeviceTrace trace = std::move(builder).finish();
  const ReplayOptions options;
  EXPECT_TRUE(names(message_of<InvalidArgument>([&] { DeviceReplay(trace, options); }),
                    {"device 7", "32768 streams in use at once", "at most 32767", "shorter part"}));
}

TEST(TraceStreams, SaysWhatHelpsWherePairsWithThreadsAreTooMany) {
  // Each stream is used by both threads, and its blocks live to the end.
  TraceBuilder builder(0);
  for (const char* thread : {"a", "b"}) {
    builder.at(thread, {});
    for (std::uint64_t stream = 0; stream < TraceStreams::max_pairs / 2 + 1; ++stream) builder.allocate(1, stream);
  }
  const DeviceTrace trace = std::move(builder).finish();
  const ReplayOptions threads;
  DeviceReplay replay(trace, threads);
  EXPECT_TRUE(names(message_of<Unsupported>([&] { static_cast<void>(replay.run_pass()); }),
                    {"32767 pairs", "16384 streams and 2 threads", "--threads merge"}));
  const ReplayOptions merged{.threads = ReplayOptions::Threads::merge};
  DeviceReplay one(trace, merged);
  EXPECT_TRUE(one.run_pass().has_value());
}

}  // namespace
}  // namespace weir::replay
