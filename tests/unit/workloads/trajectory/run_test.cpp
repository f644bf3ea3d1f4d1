// Runs: chunks, threads and kernels change no result; memory comes from the pool; errors end a run in order; and on
// GPUs, or what plays one, the same flights within what their numbers allow.
#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "open_backend.hpp"
#include "unit/workloads/trajectory/kept.hpp"
#include "workloads/trajectory/host/levels.hpp"
#include "workloads/trajectory/run/paths.hpp"

namespace weir::trajectory::test {
namespace {

TEST(TrajectoryRun, ChunksThreadsAndKernelsChangeNothing) {
  std::vector<Launch> launches = awkward_launches();
  for (const Launch& each : random_launches(1000, all_launches())) launches.push_back(each);
  const std::vector<Flight> whole = fly(launches, {.threads = 1});
  for (const std::size_t chunk : {1013U, 500U, 97U, 1U}) {
    EXPECT_TRUE(same(fly(launches, {.chunk = chunk, .threads = 1}), whole)) << chunk;
  }
  EXPECT_TRUE(same(fly(launches, {.chunk = 300, .threads = 3}), whole));
  for (const Level& level : levels()) {
    EXPECT_TRUE(same(fly(launches, {.threads = 1, .kernels = std::string(level.name)}), whole)) << level.name;
  }
}

TEST(TrajectoryRun, ThePoolServesAllChunksAfterTheSecond) {
  MemoryManager memory = open_memory({.backend = "host"});
  Kept kept;
  std::uint64_t told = 0;
  RunSettings settings{.chunk = 64, .threads = 1};
  settings.progress = [&](std::uint64_t done, std::uint64_t all) {
    EXPECT_GT(done, told);
    EXPECT_EQ(all, 2000);
    told = done;
  };
  const auto launch = [](std::uint64_t number) { return random_launch({}, 3, number); };
  const RunReport report = run(2000, launch, settings, memory, kept);
  EXPECT_EQ(told, 2000);
  EXPECT_TRUE(kept.in_order);
  EXPECT_EQ(kept.all.size(), 2000);
  EXPECT_EQ(report.chunks, 31);
  EXPECT_EQ(report.chunk_launches, 80) << "the last 16 join the chunk before them";
  EXPECT_EQ(report.retries, 0);
  EXPECT_EQ(report.tensors, 2 * report.chunks);
  EXPECT_GE(report.tensors_reused, report.tensors * 3 / 4);  // two chunks may be under way, or one, as threads go
  EXPECT_GE(report.requests, 2 * report.chunks);
  EXPECT_GT(report.hit_rate(), 0.9);
  EXPECT_EQ(report.driver_calls_after_second_chunk, 0);
  EXPECT_GT(report.driver_calls, 0);
  std::uint64_t steps = 0;
  for (const Flight& each : kept.all) steps += each.steps;
  EXPECT_EQ(report.steps, steps);
  EXPECT_EQ(memory.statistics().buffers, 0);
}

TEST(TrajectoryRun, NumbersOfLaunchesOutOfRangeAreRefused) {
  MemoryManager memory = open_memory({.backend = "host"});
  Kept kept;
  for (const std::uint64_t count : {std::uint64_t{0}, max_launches + 1, UINT64_MAX}) {
    try {
      static_cast<void>(run(
          count, [](std::uint64_t) { return Launch{}; }, {}, memory, kept));
      FAIL() << count << " is not refused";
    } catch (const InvalidArgument& refused) {
      EXPECT_NE(refused.message().find("launches is " + std::to_string(count)), std::string::npos);
      EXPECT_NE(refused.message().find("from 1 to 10000000"), std::string::npos) << refused.message();
    }
  }
  for (const double tolerance : {0.0, -1.0, 1.0, std::nan("")}) {
    RunSettings settings;
    settings.physics.tolerance = tolerance;
    EXPECT_THROW(static_cast<void>(fly({{}}, settings)), InvalidArgument) << tolerance;
  }
  EXPECT_TRUE(kept.all.empty());
}

TEST(TrajectoryRun, WhatASinkThrowsEndsTheRun) {
  class : public Sink {
    void take(std::uint64_t first, std::span<const Launch>, std::span<const Flight>) override {
      if (first >= 20) throw std::runtime_error("no space left");
    }
  } full;
  MemoryManager memory = open_memory({.backend = "host"});
  const auto launch = [](std::uint64_t number) { return random_launch({}, 3, number); };
  EXPECT_THROW(static_cast<void>(run(1000, launch, {.chunk = 10}, memory, full)), std::runtime_error);
  EXPECT_EQ(memory.statistics().buffers, 0);
}

TEST(TrajectoryRun, ChunksThatAreRefusedMemoryAreHalved) {
  const auto launch = [](std::uint64_t number) { return random_launch({}, 3, number); };
  MemoryManager small = open_memory({.backend = "host", .limit = std::uint64_t{4} << 20});
  Kept kept, whole, automatic;
  const RunReport report = run(60'000, launch, {.chunk = 60'000}, small, kept);
  EXPECT_GT(report.retries, 0);
  EXPECT_LE(report.chunk_launches, 30'000);
  EXPECT_EQ(report.launches, 60'000);
  EXPECT_TRUE(kept.in_order);
  EXPECT_EQ(small.statistics().buffers, 0);
  MemoryManager large = open_memory({.backend = "host"});
  EXPECT_EQ(run(60'000, launch, {.chunk = 60'000}, large, whole).chunks, 1);
  EXPECT_TRUE(same(kept.all, whole.all));
  EXPECT_EQ(run(20'000, launch, {}, small, automatic).retries, 0) << "chunks are chosen by what is free";
}

TEST(TrajectoryRun, ALimitThatDoesNotHoldOneLaunchIsToldAndLeavesNothing) {
  MemoryManager memory(open_device({.backend = "host"}), {.name = "small", .transfers = {.pinned_limit = 64}});
  Kept kept;
  const auto launch = [](std::uint64_t number) { return random_launch({}, 3, number); };
  EXPECT_THROW(static_cast<void>(run(1000, launch, {.chunk = 1000}, memory, kept)), LimitExceeded);
  EXPECT_EQ(memory.statistics().buffers, 0);
  EXPECT_TRUE(kept.all.empty());
}

TEST(TrajectoryRun, ADeviceWithoutKernelsIsRefusedByName) {
  EXPECT_THROW(static_cast<void>(fly({{}}, {}, {.backend = "dry"})), Unsupported);
}

class TrajectoryOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { WEIR_NEEDS_BACKEND(std::string(GetParam())) }
};

void expect_the_hosts(const std::string& backend, bool floats) {
  std::vector<Launch> launches = random_launches(300);
  for (const Launch& each : awkward_launches()) launches.push_back(each);
  MemoryManager memory = open_memory({.backend = backend});
  Kept kept;
  const RunReport report = run(
      launches.size(), [&](std::uint64_t number) { return launches.at(number); }, {.chunk = 40, .floats = floats},
      memory, kept);
  const std::vector<Flight> host = fly(launches);
  const double metres = report.real_bits == 64 ? 1e-4 : 0.05;
  ASSERT_EQ(kept.all.size(), host.size());
  EXPECT_TRUE(backend != "cuda" || same(kept.all, host));
  for (std::size_t i = 0; i < host.size(); ++i) {
    EXPECT_NEAR(kept.all[i].carry, host[i].carry, metres) << i;
    EXPECT_NEAR(kept.all[i].apex, host[i].apex, metres) << i;
    EXPECT_NEAR(kept.all[i].time, host[i].time, metres / 10) << i;
    EXPECT_NEAR(kept.all[i].landing_speed, host[i].landing_speed, metres / 10) << i;
    EXPECT_NEAR(kept.all[i].drift, host[i].drift, metres) << i;
    EXPECT_EQ(kept.all[i].ending, host[i].ending) << i;
  }
  EXPECT_EQ(report.driver_calls_after_second_chunk, 0);
  EXPECT_TRUE(!floats || report.real_bits == 32);
}

TEST_P(TrajectoryOn, FlightsAreTheHosts) { expect_the_hosts(GetParam(), false); }

TEST_P(TrajectoryOn, FlightsOfFloatsAreTheHostsWithinCentimetres) {
  if (std::string(GetParam()) == "vulkan") return expect_the_hosts(GetParam(), true);
  EXPECT_THROW(expect_the_hosts(GetParam(), true), Unsupported);
}

TEST_P(TrajectoryOn, FollowedPathsAreTheHosts) {
  const std::vector<Launch> launches = random_launches(20);
  MemoryManager memory = open_memory({.backend = GetParam()}), here = open_memory({.backend = "host"});
  const auto found = follow(launches, {}, memory), host = follow(launches, {}, here);
  for (std::size_t i = 0; i < launches.size(); ++i) {
    EXPECT_NEAR(found[i].back().x, host[i].back().x, 0.05) << i;
    EXPECT_NEAR(found[i].back().time, host[i].back().time, 0.005) << i;
    EXPECT_NEAR(static_cast<double>(found[i].size()), static_cast<double>(host[i].size()), 3) << i;
  }
}

/// More attempts than one plan has: the chunk is queued again.
TEST_P(TrajectoryOn, PathsOfManyStepsAreFollowedToTheirEnd) {
  RunSettings settings{.chunk = 16};
  settings.physics.tolerance = 1e-10;
  const std::vector<Launch> launches = random_launches(40);
  const std::vector<Flight> host = fly(launches, settings), found = fly(launches, settings, {.backend = GetParam()});
  ASSERT_EQ(found.size(), host.size());
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    EXPECT_NEAR(found[i].carry, host[i].carry, 0.05) << i;
    EXPECT_EQ(found[i].ending, Ending::ground) << i;
    most = std::max(most, host[i].steps);
  }
  EXPECT_GT(most, 128);
}

INSTANTIATE_TEST_SUITE_P(, TrajectoryOn, testing::Values("vulkan", "cuda"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace weir::trajectory::test
