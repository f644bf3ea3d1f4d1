// The builder keeps a trace's invariant, whatever it is asked.
#include "replay/trace_builder.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "trace_facts.hpp"

namespace weir::replay {
namespace {

using testing::events_text;
using testing::facts_of;
using testing::message_of;
using testing::names;

TEST(TraceBuilder, NumbersBlocksAndStreamsInOrder) {
  TraceBuilder builder(3);
  const auto first = builder.allocate(100, 0xdead);
  const auto second = builder.allocate(0, 0xbeef);
  builder.free(first, 0xbeef);
  builder.free(second, 0xdead);
  const DeviceTrace trace = std::move(builder).finish();
  EXPECT_EQ(trace.device, 3U);
  EXPECT_EQ(trace.streams, 2U);
  EXPECT_EQ(events_text(trace), "+0 +1@1 -0@1 -1");
  EXPECT_EQ(facts_of(trace).broken, "");
}

TEST(TraceBuilder, CountsLiveBytes) {
  TraceBuilder builder(0);
  EXPECT_TRUE(builder.empty());
  const auto block = builder.allocate(100, 0);
  builder.allocate(50, 0);
  EXPECT_EQ(builder.live_bytes(), 150U);
  builder.free(block, 0);
  EXPECT_EQ(builder.live_bytes(), 50U);
  EXPECT_FALSE(builder.empty());
}

TEST(TraceBuilder, RefusesMoreThanAnExbibyteLive) {
  TraceBuilder builder(0);
  builder.allocate(max_live_bytes - 1, 0);
  builder.allocate(1, 0);
  EXPECT_TRUE(names(message_of([&] { builder.allocate(1, 0); }), {"1 EiB"}));
  builder.allocate(0, 0);
  EXPECT_EQ(facts_of(std::move(builder).finish()).allocations, 3U);
}

TEST(TraceBuilder, RefusesToFreeWhatIsNotLive) {
  TraceBuilder builder(0);
  EXPECT_TRUE(names(message_of([&] { builder.free(0, 0); }), {"block 0"}));
  const auto block = builder.allocate(1, 0);
  builder.free(block, 0);
  EXPECT_TRUE(names(message_of([&] { builder.free(block, 0); }), {"block 0", "not live"}));
}

TEST(TraceBuilder, KeepsThreadsAndTimes) {
  using std::chrono::nanoseconds;
  TraceBuilder builder(0);
  builder.at("named but idle", nanoseconds(5));
  builder.at("b", nanoseconds(10));
  const auto first = builder.allocate(1, 0);
  builder.at("a", nanoseconds(7));
  const std::size_t freed = builder.free(first, 0);
  builder.at("b", nanoseconds(20));
  builder.allocate(2, 0);
  builder.reassign(freed);
  const DeviceTrace trace = std::move(builder).finish();
  EXPECT_EQ(trace.times, (std::vector<nanoseconds>{nanoseconds(10), nanoseconds(10), nanoseconds(20)}));
  EXPECT_EQ(trace.events[1].thread, 0U) << "given to the other";
  EXPECT_EQ(trace.events[2].thread, 0U);
}

TEST(TraceBuilder, ATimeThatIsMissingTakesAllOfThem) {
  TraceBuilder builder(0);
  builder.at("a", std::chrono::nanoseconds(10));
  builder.allocate(1, 0);
  builder.at("b", std::nullopt);
  builder.allocate(1, 0);
  builder.at("b", std::chrono::nanoseconds(20));
  builder.allocate(1, 0);
  const DeviceTrace trace = std::move(builder).finish();
  EXPECT_TRUE(trace.times.empty());
  EXPECT_EQ(trace.threads, 2U);
  EXPECT_EQ(facts_of(trace).broken, "");
}

TEST(TraceBuilder, KeepsThreadsAndStreamsApartBeyond16Bits) {
  constexpr std::uint32_t count = (1 << 16) + 2;
  TraceBuilder builder(0);
  for (std::uint32_t i = 0; i < count; ++i) {
    builder.at(std::to_string(i), std::nullopt);
    builder.allocate(1, std::uint64_t{i} << 32);
  }
  const DeviceTrace trace = std::move(builder).finish();
  EXPECT_EQ(trace.threads, count);
  EXPECT_EQ(trace.streams, count);
  for (std::uint32_t i = 0; i < count; ++i) {
    ASSERT_EQ(trace.events[i].thread, i);
    ASSERT_EQ(trace.events[i].stream, i);
    ASSERT_EQ(trace.stream_keys[i], std::uint64_t{i} << 32);
  }
}

}  // namespace
}  // namespace weir::replay
