// The replay itself: what it reports of a trace that fits, of one that does not, and of several devices.
#include "replay/replay.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "replay/trace_builder.hpp"

namespace weir::replay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// One device's blocks, none of them freed.
DeviceTrace device_with(std::uint32_t number, const std::vector<std::uint64_t>& blocks) {
  TraceBuilder builder(number);
  for (const std::uint64_t bytes : blocks) builder.allocate(bytes, 7, {.label = builder.label("tensor")});
  return std::move(builder).finish();
}

std::vector<std::uint64_t> sizes(const std::vector<Holder>& holders) {
  std::vector<std::uint64_t> all;
  for (const Holder& holder : holders) all.push_back(holder.bytes);
  return all;
}

TEST(Replay, HasNoBoundUnlessAsked) {
  Trace trace;
  trace.devices.push_back(device_with(0, std::vector<std::uint64_t>(6, 900_GiB)));
  const ReplayReport report = replay(trace, {});
  EXPECT_TRUE(report.fits());
  EXPECT_EQ(report.pool.requested.peak, 6 * 900_GiB);
  EXPECT_EQ(report.needed, report.pool.reserved.peak);
}

TEST(Replay, AfterARefusalTheFiguresAreOfTheWholeTrace) {
  Trace trace;
  trace.devices.push_back(device_with(0, {1_MiB, 3_MiB, 5_MiB, 2_MiB}));
  const ReplayReport whole = replay(trace, {});
  std::uint64_t last = 0;
  const ReplayReport report = replay(trace, {.capacity = 6_MiB, .progress = [&](std::uint64_t done, std::uint64_t all) {
                                               EXPECT_LE(done, all);
                                               last = all - done;
                                             }});
  EXPECT_EQ(last, 0U);
  EXPECT_EQ(report.pool.requested.peak, 11_MiB);
  EXPECT_EQ(report.pool.allocations, 4U);
  EXPECT_EQ(report.needed, whole.needed);
  ASSERT_EQ(report.refusals.size(), 1U);
  EXPECT_EQ(report.refusals[0].request.bytes, 5_MiB);
  EXPECT_EQ(report.refusals[0].request.number, 2U);
  EXPECT_EQ(report.refusals[0].request.stream, 7U);
  EXPECT_EQ(report.refusals[0].live, 4_MiB);
  EXPECT_THAT(sizes(report.largest_holders), ElementsAre(3_MiB, 1_MiB));
  EXPECT_EQ(report.largest_holders[0].label, "tensor");
  EXPECT_TRUE(replay(trace, {.capacity = whole.needed}).fits());
}

TEST(Replay, HoldersAreMergedOverDevices) {
  Trace trace;
  trace.devices.push_back(device_with(0, {1_MiB, 9_MiB}));
  trace.devices.push_back(device_with(1, {1_MiB}));
  trace.devices.push_back(device_with(2, {5_MiB, 4_MiB}));
  const ReplayReport report = replay(trace, {.capacity = 6_MiB});
  ASSERT_EQ(report.refusals.size(), 2U);
  EXPECT_EQ(report.refusals[1].request.device, 2U);
  EXPECT_THAT(sizes(report.largest_holders), ElementsAre(5_MiB, 1_MiB));
  EXPECT_EQ(report.largest_holders[0].device, 2U);
  EXPECT_EQ(report.operations, 5U);
  EXPECT_LT(report.needed, report.pool.reserved.peak);
}

TEST(Replay, ABlockThatNoPoolHoldsIsNamed) {
  Trace trace;
  trace.devices.push_back(device_with(0, {1_MiB, 3_TiB}));
  try {
    static_cast<void>(replay(trace, {}));
    ADD_FAILURE() << "was replayed";
  } catch (const OutOfMemory& error) {
    EXPECT_THAT(error.message(), HasSubstr("allocation number 2, of 3.00 TiB"));
    EXPECT_THAT(error.message(), HasSubstr("at most 2.00 TiB"));
  }
}

TEST(Replay, OnANamedDevice) {
  Trace trace;
  trace.devices.push_back(device_with(0, {1_MiB, 3_MiB, 5_MiB}));
  EXPECT_TRUE(replay(trace, {.device = "host:0"}).fits());
  EXPECT_TRUE(replay(trace, {.device = "dry:0"}).fits());
  EXPECT_FALSE(replay(trace, {.device = "host", .capacity = 6_MiB}).fits());
  EXPECT_THROW(static_cast<void>(replay(trace, {.device = "host:99"})), NotFound);
}

TEST(Replay, PassesAreSummedOverDevices) {
  Trace trace;
  trace.devices.push_back(device_with(0, {4_MiB}));
  trace.devices.push_back(device_with(1, {6_MiB}));
  const ReplayReport report = replay(trace, {.passes = 3, .driver = {.create = std::chrono::microseconds(1)}});
  EXPECT_TRUE(report.has_time);
  ASSERT_EQ(report.passes.size(), 3U);
  EXPECT_GE(report.passes[0].peak_reserved, 10_MiB);
  EXPECT_GE(report.passes[0].creates, 2U);
  EXPECT_EQ(report.passes[2].driver_calls, 0U);
  EXPECT_EQ(report.peak_requested, 10_MiB);
  EXPECT_EQ(report.pool.allocations, 6U);
  EXPECT_EQ(report.threads, 2U);
  EXPECT_EQ(report.pytorch.passes.size(), 3U);
  EXPECT_EQ(report.expandable.passes.size(), 3U);
}

TEST(Replay, ARefusedPassEndsTheRepeats) {
  Trace trace;
  trace.devices.push_back(device_with(0, {4_MiB, 6_MiB}));
  const ReplayReport report = replay(trace, {.capacity = 8_MiB, .passes = 3});
  ASSERT_EQ(report.refusals.size(), 1U);
  EXPECT_EQ(report.refusals[0].pass, 1U);
  EXPECT_EQ(report.refusals[0].operation, 2U);
  EXPECT_TRUE(report.passes.empty()) << "none was completed under the capacity";
  EXPECT_EQ(report.whole.size(), 3U) << "of the replay without one";
  EXPECT_TRUE(replay(trace, {.capacity = report.needed, .passes = 3}).fits());
}

TEST(Replay, RefusesPassesBeyondItsLimits) {
  Trace trace;
  trace.devices.push_back(device_with(0, {1}));
  for (const std::uint32_t passes : {0U, 1001U}) {
    try {
      static_cast<void>(replay(trace, {.passes = passes}));
      ADD_FAILURE() << "was replayed";
    } catch (const InvalidArgument& error) {
      EXPECT_THAT(error.message(), HasSubstr("1 to 1000 passes"));
    }
  }
}

}  // namespace
}  // namespace weir::replay
