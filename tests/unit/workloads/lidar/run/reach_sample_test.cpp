// A report's sample has room for any number of points that a cloud may have.
#include "workloads/lidar/run/reach_sample.hpp"

#include <array>

#include <gtest/gtest.h>

namespace weir::lidar::test {
namespace {

TEST(LidarReachSample, HasThePointsOfTheLargestCloud) {
  constexpr std::uint32_t max_points = 4294967294U, step = max_points / 100'000 + 1;
  ReachSample sample(max_points, 0);
  const std::array<std::uint32_t, 3> ids{0, 1, max_points / step * step};
  const std::array<float, 3> distances{2, 9, 3};
  FeatureRows rows{ids, {}};
  rows.columns.push_back(distances.data());
  sample.take(rows);
  const std::vector<float> sorted = sample.sorted();
  ASSERT_EQ(sorted.size(), max_points / step + 1);
  EXPECT_EQ(sorted.back(), 3);
  EXPECT_EQ(sorted[sorted.size() - 2], 2);
}

TEST(LidarReachSample, OfFewPointsHasAll) {
  EXPECT_EQ(ReachSample(7, 0).sorted().size(), 7u);
  EXPECT_TRUE(ReachSample(0, 0).sorted().empty());
}

}  // namespace
}  // namespace weir::lidar::test
