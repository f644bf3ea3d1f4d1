// One device's passes: what each counts, in what time, by which threads.
#include "replay/device_replay.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "message_of.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using testing::message_of;
using testing::names;

/// Passes of a trace under options.
std::vector<PassFigures> passes_of(const DeviceTrace& trace, const ReplayOptions& options) {
  DeviceReplay replay(trace, options);
  std::vector<PassFigures> passes;
  while (passes.size() < options.passes) {
    const auto pass = replay.run_pass();
    if (!pass) {
      ADD_FAILURE() << "refused in pass " << passes.size() + 1;
      break;
    }
    passes.push_back(*pass);
  }
  return passes;
}

/// Blocks of 4 MiB by two threads in turns, on a stream each; some are never freed.
DeviceTrace two_threads(int rounds) {
  TraceBuilder builder(0);
  for (int i = 0; i < rounds; ++i) {
    const bool second = i % 2 == 1;
    builder.at(second ? "second" : "first", nanoseconds(std::chrono::milliseconds(i)));
    const auto block = builder.allocate(4_MiB, second ? 1 : 0);
    if (i % 3 != 0) builder.free(block, second ? 1 : 0);
  }
  return std::move(builder).finish();
}

TEST(DeviceReplay, WhatIsLiveIsFreedBeforeTheNextPass) {
  TraceBuilder builder(0);
  builder.allocate(10_MiB, 0);
  builder.free(builder.allocate(6_MiB, 0), 0);
  const DeviceTrace trace = std::move(builder).finish();
  const ReplayOptions options{.capacity = 16_MiB, .passes = 5};
  DeviceReplay replay(trace, options);
  for (int pass = 0; pass < 5; ++pass) {
    ASSERT_TRUE(replay.run_pass().has_value()) << "a block of the pass before is still live in pass " << pass + 1;
    EXPECT_EQ(replay.statistics().requested.live, 0U);
  }
  EXPECT_EQ(replay.statistics().allocations, 10U);
}

TEST(DeviceReplay, PassesAreDifferencesAndTheFirstPays) {
  TraceBuilder builder(0);
  builder.free(builder.allocate(20_MiB, 0), 0);
  const DeviceTrace trace = std::move(builder).finish();
  const auto passes = passes_of(trace, {.passes = 4, .driver = {.create = microseconds(3), .map = microseconds(5)}});
  ASSERT_EQ(passes.size(), 4U);
  EXPECT_GT(passes[0].creates, 0U);
  EXPECT_GT(passes[0].driver_calls, 0U);
  EXPECT_EQ(passes[0].driver, microseconds(3 * passes[0].creates) + microseconds(5 * passes[0].maps));
  for (const std::size_t later : {2U, 3U}) {
    EXPECT_EQ(passes[later].driver_calls, 0U);
    EXPECT_EQ(passes[later].driver, nanoseconds(0));
  }
  for (const PassFigures& pass : passes) EXPECT_GE(pass.peak_reserved, 20_MiB);
}

// A large first pass and a small second one cannot be told from one trace; a trace whose end is small can: the peak of
// a pass is no less than what is held when it begins, and no less than its own.
TEST(DeviceReplay, ThePeakIsThePassesOwn) {
  TraceBuilder builder(0);
  const auto first = builder.allocate(40_MiB, 0);
  builder.free(first, 0);
  builder.allocate(2_MiB, 0);
  const DeviceTrace trace = std::move(builder).finish();
  const ReplayOptions options{.passes = 2, .gap = std::chrono::seconds(60)};  // idle memory goes back
  const auto passes = passes_of(trace, options);
  ASSERT_EQ(passes.size(), 2U);
  for (const PassFigures& pass : passes) {
    EXPECT_GE(pass.peak_reserved, 40_MiB);
    EXPECT_LE(pass.peak_reserved, 44_MiB);
  }
}

TEST(DeviceReplay, RepeatsExactlyWithRealThreads) {
  const DeviceTrace trace = two_threads(400);
  ASSERT_EQ(trace.threads, 2U);
  const ReplayOptions options{
      .passes = 3,
      .driver = {.event = microseconds(6), .create = microseconds(7), .unmap = microseconds(11)},
      .gap = microseconds(1)};
  const auto once = passes_of(trace, options);
  const auto again = passes_of(trace, options);
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].driver_calls, again[i].driver_calls);
    EXPECT_EQ(once[i].event_calls, again[i].event_calls);
    EXPECT_EQ(once[i].driver, again[i].driver);
    EXPECT_EQ(once[i].waited, again[i].waited);
    EXPECT_EQ(once[i].peak_reserved, again[i].peak_reserved);
  }
}

/// Threads of this process now.
std::ptrdiff_t threads_now() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

TEST(DeviceReplay, ThreadsAreRealUnlessMerged) {
  const DeviceTrace trace = two_threads(10);
  const auto max_threads = [&](ReplayOptions::Threads threads) {
    const ReplayOptions options{.threads = threads};
    DeviceReplay replay(trace, options);
    std::ptrdiff_t most = 0;
    EXPECT_TRUE(replay.run_pass(nullptr, [&](std::uint64_t) { most = std::max(most, threads_now()); }).has_value());
    return most;
  };
  const std::ptrdiff_t before = threads_now();
  EXPECT_EQ(max_threads(ReplayOptions::Threads::merge), before);
  EXPECT_EQ(max_threads(ReplayOptions::Threads::recorded), before + 1);
  EXPECT_EQ(threads_now(), before) << "they end with the replay";
}

TEST(DeviceReplay, RefusesMoreThreadsThanACrewHas) {
  TraceBuilder builder(0);
  for (int i = 0; i < 1025; ++i) {
    builder.at(std::to_string(i), std::nullopt);
    builder.free(builder.allocate(1, 0), 0);
  }
  const DeviceTrace trace = std::move(builder).finish();
  ReplayOptions options;
  EXPECT_TRUE(names(message_of<InvalidArgument>([&] { DeviceReplay replay(trace, options); }),
                    {"1024", "1025", "--threads merge"}));
  options.threads = ReplayOptions::Threads::merge;
  EXPECT_EQ(passes_of(trace, options).size(), 1U);
}

// Pages that lie apart are mapped side by side, which can only be done once the work that used them is.
TEST(DeviceReplay, WaitsAreCountedInTheDevicesTime) {
  TraceBuilder builder(0);
  std::vector<std::uint32_t> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(builder.allocate(2_MiB, 0));
  builder.free(blocks[0], 0);
  builder.free(blocks[2], 0);
  builder.allocate(4_MiB, 0);
  const DeviceTrace trace = std::move(builder).finish();
  const auto passes = passes_of(trace, {.capacity = 8_MiB, .driver = {.event = std::chrono::milliseconds(2)}});
  ASSERT_EQ(passes.size(), 1U);
  EXPECT_GT(passes[0].longest, nanoseconds(0));
  EXPECT_LE(passes[0].longest, passes[0].waited);
  EXPECT_GT(passes[0].event_calls, 0U);
  EXPECT_GT(passes[0].unmaps, 0U);
  EXPECT_EQ(passes[0].lost(), passes[0].driver + passes[0].waited);
}

TEST(DeviceReplay, GapsAsRecordedNeedTimes) {
  TraceBuilder builder(0);
  builder.allocate(1, 0);
  const DeviceTrace untimed = std::move(builder).finish();
  const ReplayOptions options{.gap = std::nullopt};
  EXPECT_TRUE(
      names(message_of<InvalidArgument>([&] { DeviceReplay replay(untimed, options); }), {"no times", "--gap"}));
  const DeviceTrace timed = two_threads(10);
  EXPECT_EQ(passes_of(timed, options).size(), 1U);
}

TEST(DeviceReplay, ARefusalNamesPassAndOperation) {
  TraceBuilder builder(0);
  builder.free(builder.allocate(2_MiB, 0), 0);
  builder.allocate(2_MiB, 0);
  builder.allocate(8_MiB, 0, {.line = 9});
  const DeviceTrace trace = std::move(builder).finish();
  const ReplayOptions options{.capacity = 6_MiB, .passes = 2};
  DeviceReplay replay(trace, options);
  EXPECT_FALSE(replay.run_pass().has_value());
  const Refusal refusal = replay.refusal();
  EXPECT_EQ(refusal.pass, 1U);
  EXPECT_EQ(refusal.operation, 4U);
  EXPECT_EQ(refusal.request.line, 9U);
  EXPECT_EQ(refusal.live, 2_MiB);
}

TEST(DeviceReplay, IsInterruptedWhenAsked) {
  const DeviceTrace trace = two_threads(10);
  int asked = 0;
  const ReplayOptions options{.interrupted = [&] { return ++asked == 3; }};
  DeviceReplay replay(trace, options);
  EXPECT_THROW(static_cast<void>(replay.run_pass()), Interrupted);
}

TEST(DeviceReplay, ADeviceInRealTimeTellsNone) {
  const DeviceTrace trace = two_threads(10);
  const ReplayOptions options{.device = "host"};
  DeviceReplay replay(trace, options);
  EXPECT_FALSE(replay.has_time());
  const auto pass = replay.run_pass();
  ASSERT_TRUE(pass.has_value());
  EXPECT_GT(pass->driver_calls, 0U);
  EXPECT_GE(pass->peak_reserved, 4_MiB);
}

}  // namespace
}  // namespace weir::replay
