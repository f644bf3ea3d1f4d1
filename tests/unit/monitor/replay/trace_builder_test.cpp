// The builder keeps a trace's invariant, whatever it is asked.
#include "monitor/replay/trace_builder.hpp"

#include <utility>

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

}  // namespace
}  // namespace weir::replay
