// The device is lost in mid-run: the run goes on and its flights are those of an undisturbed one, wherever it was lost;
// one that is lost without end is given up.
#include <gtest/gtest.h>

#include "losing_device.hpp"
#include "unit/workloads/trajectory/kept.hpp"
#include "workloads/trajectory/run/paths.hpp"

namespace weir::trajectory::test {
namespace {

class TrajectoryLoss : public testing::Test {
 protected:
  static constexpr std::uint64_t launches = 150;

  static Launch launch(std::uint64_t number) { return random_launch({}, 3, number); }
  static RunSettings settings() { return {.chunk = 32, .threads = 2}; }
  /// A run over devices whose faults `on_open` plans.
  RunReport fly_on(LosingDevice& devices, Kept& kept) {
    MemoryManager memory(devices.open(), {.name = "trajectory"});
    const RunReport report = run(launches, launch, settings(), memory, kept);
    EXPECT_EQ(memory.statistics().buffers, 0u);
    EXPECT_NO_THROW(memory.pool().verify());
    EXPECT_EQ(report.launches, launches);
    EXPECT_EQ(report.lost_bytes, 0u);
    EXPECT_TRUE(kept.in_order);
    return report;
  }
  std::vector<Flight> undisturbed() {
    std::vector<Launch> all;
    for (std::uint64_t i = 0; i < launches; ++i) all.push_back(launch(i));
    return fly(all, settings());
  }
};

TEST_F(TrajectoryLoss, AtEverySubmitChangesNoFlight) {
  const std::vector<Flight> whole = undisturbed();
  std::uint64_t n = 0;
  for (bool fired = true; fired;) {
    SCOPED_TRACE(testing::Message() << "lost at submit " << ++n);
    LosingDevice devices("host");
    std::shared_ptr<device::FaultyBackend> first;
    devices.on_open = [&](device::FaultyBackend& device, std::size_t before) {
      if (before == 0) device.lose_at_submit(n);
      if (before == 0) first = devices.newest();
    };
    Kept kept;
    const RunReport report = fly_on(devices, kept);
    fired = first->fired();
    EXPECT_EQ(report.recoveries, fired ? 1u : 0u);
    EXPECT_TRUE(same(kept.all, whole));
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(n, 15u) << "several a chunk";
  RecordProperty("losses", std::to_string(n - 1));
}

TEST_F(TrajectoryLoss, AtAnyCallChangesNoFlight) {
  const std::vector<Flight> whole = undisturbed();
  bool fired = true;
  for (std::uint64_t n = 1; fired; n += 3) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    LosingDevice devices("host");
    std::shared_ptr<device::FaultyBackend> first;
    devices.on_open = [&](device::FaultyBackend&, std::size_t before) {
      if (before == 0) first = devices.newest();
    };
    MemoryManager memory(devices.open(), {.name = "trajectory"});
    first->lose(n);
    Kept kept;
    static_cast<void>(run(launches, launch, settings(), memory, kept));
    fired = first->fired();
    EXPECT_TRUE(same(kept.all, whole));
    EXPECT_TRUE(kept.in_order);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(TrajectoryLoss, AgainAndAgainIsSurvivedWhileTheRunGetsOn) {
  LosingDevice devices("host");
  devices.on_open = [](device::FaultyBackend& device, std::size_t) { device.lose_at_submit(12); };
  Kept kept;
  const RunReport report = fly_on(devices, kept);
  EXPECT_GE(report.recoveries, 2u);
  EXPECT_TRUE(same(kept.all, undisturbed()));
}

TEST_F(TrajectoryLoss, WithoutAStepForwardIsGivenUp) {
  LosingDevice devices("host");
  devices.on_open = [](device::FaultyBackend& device, std::size_t before) {
    device.lose_at_submit(before == 0 ? 4 : 6);  // the first download; that a device works takes two
  };
  MemoryManager memory(devices.open(), {.name = "trajectory"});
  Kept kept;
  EXPECT_THROW(static_cast<void>(run(launches, launch, settings(), memory, kept)), DeviceLost);
  EXPECT_EQ(devices.count(), 4u);
  EXPECT_TRUE(kept.all.empty());
  EXPECT_EQ(memory.statistics().buffers, 0u);
}

TEST_F(TrajectoryLoss, PathsThatAreFollowedComeAgain) {
  const std::vector<Launch> few = random_launches(3);
  MemoryManager undisturbed_memory = open_memory({.backend = "host"});
  const auto whole = follow(few, {.threads = 1}, undisturbed_memory);
  for (const std::uint64_t n : {1U, 2U, 5U, 20U, 50U}) {
    LosingDevice devices("host");
    devices.on_open = [&](device::FaultyBackend& device, std::size_t before) {
      if (before == 0) device.lose_at_submit(n);
    };
    MemoryManager memory(devices.open(), {.name = "trajectory"});
    const auto found = follow(few, {.threads = 1}, memory);
    EXPECT_EQ(memory.statistics().recoveries, 1u);
    ASSERT_EQ(found.size(), whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(found[i].size(), whole[i].size()) << n << ' ' << i;
  }
}

}  // namespace
}  // namespace weir::trajectory::test
