// Where ground is looked for: as far as is asked, and from as many points.
#include <cmath>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/workloads/lidar/clouds.hpp"

namespace weir::lidar::test {
namespace {

/// A point at 10 m above ground points that are 1, 2, 3 ... m away, and rise by a metre each.
std::vector<MadePoint> stairs() {
  std::vector<MadePoint> points{{0, 0, 1000, 1}};
  for (std::int32_t i = 1; i <= 20; ++i) points.push_back({100 * i, 0, 100 * i, 2});
  return points;
}

float height(const std::vector<MadePoint>& points, const GroundSearch& ground, const char* backend = "host") {
  const Memory made(points);
  const RunSettings settings{.features = FeatureSet::parse("height_above_ground"), .k = 5, .ground = ground};
  return run_kept(made.cloud, settings, {.backend = backend})->rows[Feature::height_above_ground][0];
}

/// The inverse-distance mean of steps 1 to `count`, each as high as it is far: count ÷ Σ 1/i.
double mean_of_stairs(int count) {
  double weights = 0;
  for (int i = 1; i <= count; ++i) weights += 1.0 / i;
  return count / weights;
}

TEST(LidarHeight, TakesAsManyGroundPointsAsAsked) {
  for (const std::uint32_t count : {1U, 2U, 8U, 16U}) {
    EXPECT_NEAR(height(stairs(), {.reach = 100, .count = count}), 10 - mean_of_stairs(static_cast<int>(count)), 1e-5);
  }
  EXPECT_THROW(static_cast<void>(height(stairs(), {.reach = 15, .count = 0})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(height(stairs(), {.reach = 15, .count = 17})), InvalidArgument);
}

TEST(LidarHeight, LooksAsFarAsAsked) {
  EXPECT_NEAR(height(stairs(), {.reach = 3, .count = 16}), 10 - mean_of_stairs(3), 1e-5);
  EXPECT_NEAR(height(stairs(), {.reach = 2.99, .count = 16}), 10 - mean_of_stairs(2), 1e-5);
  EXPECT_TRUE(std::isnan(height(stairs(), {.reach = 0.5, .count = 16})));
  EXPECT_THROW(static_cast<void>(height(stairs(), {.reach = 0})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(height(stairs(), {.reach = std::nan("")})), InvalidArgument);
}

TEST(LidarHeight, LooksAsFarForTheLowestPoint) {
  std::vector<MadePoint> points = stairs();
  for (MadePoint& each : points) each = {each.x, each.y, 2000 - each.z, 1};
  EXPECT_FLOAT_EQ(height(points, {.reach = 12}), 10 - 8);
  EXPECT_FLOAT_EQ(height(points, {.reach = 30}), 10);
  EXPECT_FLOAT_EQ(height(points, {.reach = 9.99}), 0);
}

TEST(LidarHeight, IsTheSameOnAGpu) {
  try {
    static_cast<void>(open_device({.backend = "vulkan"}));
  } catch (const Error& error) {
    GTEST_SKIP() << error.message();
  }
  for (const GroundSearch& ground :
       {GroundSearch{100, 1}, GroundSearch{100, 5}, GroundSearch{100, 16}, GroundSearch{3, 8}}) {
    EXPECT_NEAR(height(stairs(), ground, "vulkan"), height(stairs(), ground), 1e-5) << ground.count;
  }
}

}  // namespace
}  // namespace weir::lidar::test
