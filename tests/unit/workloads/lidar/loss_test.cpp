// The device is lost in mid-run: the run goes on with the chunk that was not written, and the features are those of an
// undisturbed run, wherever it was lost, in the queries past halos too.
#include <gtest/gtest.h>

#include "clouds.hpp"
#include "losing_device.hpp"
#include "workloads/lidar/run/pipeline.hpp"

namespace weir::lidar::test {
namespace {

class LidarLoss : public testing::Test {
 protected:
  LidarLoss() {
    settings_.features = FeatureSet::parse("planarity,radius,height_above_ground");
    settings_.k = 6;
    settings_.threads = 2;
    settings_.chunk = 500;
    whole_ = run_kept(memory_.cloud, settings_);
  }

  /// A run over devices whose faults their `on_open` plans, with the rows of the undisturbed one.
  RunReport expect_the_same(LosingDevice& devices) {
    MemoryManager memory(devices.open(), {.name = "lidar"});
    Kept rows(settings_.features, memory_.cloud.points());
    const RunReport report = run(memory_.cloud, settings_, memory, rows);
    EXPECT_EQ(difference(whole_->rows, rows), "");
    EXPECT_EQ(report.coincident, whole_->report.coincident);
    EXPECT_EQ(report.beyond_halo, whole_->report.beyond_halo);
    EXPECT_EQ(report.lost_bytes, 0u);
    EXPECT_EQ(memory.statistics().buffers, 0u);
    EXPECT_NO_THROW(memory.pool().verify());
    return report;
  }

  const Memory memory_{mixed_points(2'000)};
  RunSettings settings_;
  std::unique_ptr<Ran> whole_;
};

TEST_F(LidarLoss, AtEverySubmitChangesNoFeature) {
  ASSERT_GT(whole_->report.beyond_halo, 0u) << "no query looks past its halo";
  std::uint64_t n = 0;
  for (bool fired = true; fired;) {
    SCOPED_TRACE(testing::Message() << "lost at submit " << ++n);
    LosingDevice devices("host");
    std::shared_ptr<device::FaultyBackend> first;
    devices.on_open = [&](device::FaultyBackend& device, std::size_t before) {
      if (before == 0) device.lose_at_submit(n);
      if (before == 0) first = devices.newest();
    };
    const RunReport report = expect_the_same(devices);
    fired = first->fired();
    EXPECT_EQ(report.recoveries, fired ? 1u : 0u);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(n, 12u) << "several a chunk";
  RecordProperty("losses", std::to_string(n - 1));
}

TEST_F(LidarLoss, AtAnyCallChangesNoFeature) {
  bool fired = true;
  for (std::uint64_t n = 1; fired; n += 7) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    LosingDevice devices("host");
    std::shared_ptr<device::FaultyBackend> first;
    devices.on_open = [&](device::FaultyBackend& device, std::size_t before) {
      if (before == 0) device.lose(n + 12);  // once the manager is there
      if (before == 0) first = devices.newest();
    };
    static_cast<void>(expect_the_same(devices));
    fired = first->fired();
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(LidarLoss, AgainAndAgainIsSurvivedWhileTheRunGetsOn) {
  LosingDevice devices("host");
  devices.on_open = [](device::FaultyBackend& device, std::size_t) { device.lose_at_submit(16); };
  EXPECT_GT(expect_the_same(devices).recoveries, 1u);
}

TEST_F(LidarLoss, WithoutAStepForwardIsGivenUp) {
  LosingDevice devices("host");
  devices.on_open = [](device::FaultyBackend& device, std::size_t) { device.lose_at_submit(1); };
  MemoryManager memory(devices.open(), {.name = "lidar"});
  Kept rows(settings_.features, memory_.cloud.points());
  EXPECT_THROW(static_cast<void>(run(memory_.cloud, settings_, memory, rows)), DeviceLost);
  EXPECT_EQ(devices.count(), 4u);
  EXPECT_EQ(memory.statistics().buffers, 0u);
}

}  // namespace
}  // namespace weir::lidar::test
