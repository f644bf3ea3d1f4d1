// What files a cloud is made of, and what its units are: automatic scales that have no common one, offsets that differ
// by noise, degrees; all within the digits that the files' coordinates have as doubles. What is refused says so in
// numbers.
#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scaled_files.hpp"

namespace weir::lidar::test {
namespace {

using testing::HasSubstr;

/// A point's coordinates as doubles, as any reader of the file makes them.
Numbers of_file(const Cloud& cloud, std::uint32_t id) {
  const std::size_t file = cloud.file_of(id);
  const auto raw = cloud.files()[file].position(id - cloud.first_of(file));
  const LasHeader& header = cloud.files()[file].header();
  Numbers at{};
  for (std::size_t axis = 0; axis < 3; ++axis) at[axis] = raw[axis] * header.scale[axis] + header.offset[axis];
  return at;
}

/// Differences of coordinates are those of the doubles, within `error`.
void expect_true_to_the_files(const Cloud& cloud, double error) {
  const WidePoint from = cloud.exact(0);
  const Numbers origin = of_file(cloud, 0);
  for (std::uint32_t id = 0; id < cloud.points(); ++id) {
    const WidePoint at = cloud.exact(id);
    const Numbers real = of_file(cloud, id);
    EXPECT_NEAR(static_cast<double>(at.x - from.x) * cloud.unit(), real[0] - origin[0], error) << id;
    EXPECT_NEAR(static_cast<double>(at.y - from.y) * cloud.unit(), real[1] - origin[1], error) << id;
    EXPECT_NEAR(static_cast<double>(at.z - from.z) * cloud.unit(), real[2] - origin[2], error) << id;
    const Point cell = cloud.point(cloud.file_of(id), id);
    ASSERT_EQ(cell.x, at.x >> cloud.cell_bits());
    ASSERT_TRUE(cell.x >= 0 && cell.x <= cloud.extent()[0] && cell.z >= 0 && cell.z <= cloud.extent()[2]);
    const auto output = cloud.output_position(id);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double written = output[axis] * cloud.output_scale()[axis] + cloud.files().front().header().offset[axis];
      const double most = cloud.output_exact() ? error : 0.51 * cloud.output_scale()[axis];
      ASSERT_NEAR(written, real[axis], most) << id << ' ' << axis;
    }
  }
}

TEST(LidarUnits, AutomaticScalesAreReadToTheDigitsOfDoubles) {
  std::mt19937 random(9);
  std::vector<MadePoint> points;
  for (int i = 0; i < 300; ++i) points.push_back(anywhere(random));
  const Numbers scale{4.03814907218706e-07, 6.9849193128687e-07, 1.22849922684417e-06};
  const Memory one(scaled(points, scale, {500'000, 5'000'000, 100}));
  EXPECT_TRUE(one.cloud.wide());
  expect_true_to_the_files(one.cloud, 4e-9);
  // A tile beside it, with scales of its own: both are as they were, and joined in steps that fit, here of two.
  const Numbers other{3.9e-07, 7.1113e-07, 1.1111e-06}, beside{500'100.5, 4'999'900.25, 90};
  const Files two({scaled(points, scale, {500'000, 5'000'000, 100}), scaled(points, other, beside)});
  EXPECT_FALSE(two.cloud.output_exact());
  EXPECT_EQ(two.cloud.output_scale()[0], 2 * other[0]);
  expect_true_to_the_files(two.cloud, 4e-9);
}

TEST(LidarUnits, TilesWithoutACommonUnitAreOneCloud) {
  const std::vector<MadePoint> points = mixed_points(300);
  const Files tiles({scaled(points, {0.01, 0.01, 0.01}, {0, 0, 0}),
                     scaled(points, {0.0123456789, 0.01, 0.0123456789}, {100.00012345, 0, 0})});
  EXPECT_FALSE(tiles.cloud.wide());
  EXPECT_FALSE(tiles.cloud.output_exact());
  expect_true_to_the_files(tiles.cloud, 0.0101);
}

TEST(LidarUnits, TilesTooFarApartForOneOutputAreRefused) {
  const std::vector<MadePoint> points{{0, 0, 0}, {1, 1, 1}};
  const Numbers scale{1e-6, 1e-6, 1e-6};
  const auto joined = [&](double offset) {
    const Files tiles({scaled(points, scale), scaled(points, scale, {offset, 0, 0})});
    return tiles.cloud.output_scale()[0];
  };
  EXPECT_DOUBLE_EQ(joined(2'000), 1e-6);
  EXPECT_DOUBLE_EQ(joined(1'000'000), 466e-6);
  try {
    static_cast<void>(joined(1e8));
    FAIL() << "was not refused";
  } catch (const InvalidArgument& refused) {
    EXPECT_THAT(refused.message(), HasSubstr("1e+14 steps of 1e-06"));
    EXPECT_THAT(refused.message(), HasSubstr("pdal translate"));
  }
}

TEST(LidarUnits, OffsetsThatDifferByNoiseAreOne) {
  const std::vector<MadePoint> points = mixed_points(300);
  for (const auto& [one, other, scale] :
       {std::tuple{0.3, 0.1 + 0.2, 0.01}, std::tuple{0.3, 0.1 + 0.2, 1e-9},
        std::tuple{4'999'999.7, 4'999'999.7 + 2e-9, 1e-7}, std::tuple{654'321.1, 654'321.0 + 0.1, 1e-8}}) {
    const Numbers scales{scale, scale, scale};
    const Files tiles({scaled(points, scales, {one, 0, one}), scaled(points, scales, {other, 0, other})});
    EXPECT_EQ(tiles.cloud.unit(), scale);
    EXPECT_EQ(tiles.cloud.output_scale(), scales);
    for (std::uint32_t id = 0; id < tiles.cloud.first_of(1); ++id) {
      const WidePoint first = tiles.cloud.exact(id), second = tiles.cloud.exact(id + tiles.cloud.first_of(1));
      ASSERT_TRUE(first.x == second.x && first.y == second.y && first.z == second.z) << scale << ' ' << id;
      ASSERT_EQ(tiles.cloud.output_position(id), tiles.cloud.output_position(id + tiles.cloud.first_of(1)));
    }
  }
}

TEST(LidarUnits, TilesOfDegreesKeepTheirScales) {
  const std::vector<MadePoint> points{{1, 2, 250'000}, {5, 5, 300'000}, {9, 1, -3}};
  const Numbers scale{1e-7, 1e-7, 0.001};
  const Files tiles({scaled(points, scale, {-105, 40, 0}), scaled(points, scale, {-105.001, 40.0005, 100})});
  EXPECT_EQ(tiles.cloud.output_scale(), scale);
  expect_true_to_the_files(tiles.cloud, 3e-14);
}

std::string refusal(const std::vector<MadePoint>& points, const Numbers& scale) {
  try {
    const Memory memory(scaled(points, scale));
  } catch (const InvalidArgument& refused) {
    return refused.message();
  }
  return {};
}

TEST(LidarUnits, WhatIsTooFarAcrossIsRefusedInNumbersThatCanBeRead) {
  const std::string far = refusal({{0, 0, 0}, {1, 1, INT32_MAX}}, {1e-12, 1e-12, 1});
  EXPECT_THAT(far, HasSubstr("z coordinates"));
  EXPECT_THAT(far, HasSubstr("2.14748e+21 steps of 1e-12"));
  EXPECT_THAT(far, HasSubstr("at most 9.0072e+15"));
  EXPECT_EQ(refusal({{0, 0, 0}, {1, 1, 1'000'000}}, {1e-9, 1e-9, 1}), "");
  EXPECT_NE(refusal({{0, 0, 0}, {1, 1, 1}}, {1e-300, 1e-300, 1e300}), "");

  const std::vector<MadePoint> two{{0, 0, 0}, {INT32_MAX, INT32_MIN, 0}};
  const Memory memory(scaled(two, {1e-7, 1e-7, 1e-7}));
  RunSettings settings;
  settings.features = FeatureSet::parse("density");
  settings.radius = 1e12;
  try {
    static_cast<void>(run_kept(memory.cloud, settings));
    FAIL() << "was not refused";
  } catch (const InvalidArgument& refused) {
    EXPECT_THAT(refused.message(), HasSubstr("1e+19 steps of 1e-07"));
    EXPECT_THAT(refused.message(), HasSubstr("smaller radius"));
  }
  try {
    settings.radius = 0;
    static_cast<void>(run_kept(memory.cloud, settings, {.backend = "dry"}));
    FAIL() << "was not refused";
  } catch (const Unsupported& refused) {
    EXPECT_THAT(refused.message(), HasSubstr("--device host"));
  }
}

}  // namespace
}  // namespace weir::lidar::test
