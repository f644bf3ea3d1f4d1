// Points with few neighbours against all pairs: eigenvalues, normals and ratios are no numbers below three points, the
// point itself included, and everything else is what it is. On the host, as plain loops, and on GPUs.
#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "clouds.hpp"
#include "one_chunk.hpp"
#include "open_backend.hpp"
#include "workloads/lidar/features/kernel.hpp"

namespace weir::lidar::test {
namespace {

/// Groups of 1 to 6 points, far from each other: along a line, at one place, and in space. In steps of 1 cm.
std::vector<MadePoint> groups() {
  std::vector<MadePoint> points;
  for (std::int32_t i = 0; i < 90; ++i) {
    const std::int32_t x = i % 10 * 1000, y = i / 10 * 1000, z = i * 7 % 50;
    for (std::int32_t j = 0; j <= i % 6; ++j) {
      const std::int32_t spread = i / 6 % 3;
      points.push_back({x + (spread == 0 ? 0 : 10 * j), y + (spread == 2 ? j * j * 3 : 0), z + (spread == 2 ? j : 0)});
    }
  }
  return points;
}

/// What the neighbours of a point come to, by all pairs.
struct Expected {
  std::size_t count = 0;
  double z_low = HUGE_VAL, z_high = -HUGE_VAL, distances = 0, farthest = 0;
};

Expected expected(const std::vector<MadePoint>& points, const MadePoint& own, double radius, std::size_t k) {
  std::vector<std::pair<double, double>> near;  // distance and z
  for (const MadePoint& other : points) {
    const double dx = own.x - other.x, dy = own.y - other.y, dz = own.z - other.z;
    near.emplace_back(std::sqrt(dx * dx + dy * dy + dz * dz) * 0.01, other.z * 0.01);
  }
  std::ranges::sort(near);
  Expected all;
  for (const auto& [distance, z] : near) {
    if (k == 0 ? distance > radius : all.count == k) break;
    ++all.count;
    all.z_low = std::min(all.z_low, z);
    all.z_high = std::max(all.z_high, z);
    all.distances += distance;
    all.farthest = distance;
  }
  return all;
}

RunSettings settings_for(double radius, std::uint32_t k) {
  RunSettings settings;
  settings.features = FeatureSet::parse("full");
  settings.radius = radius;
  settings.k = k;
  return settings;
}

void check(const std::vector<MadePoint>& points, const Kept& rows, double radius, std::size_t k) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Expected right = expected(points, points[i], radius, k);
    const auto n = static_cast<double>(right.count);
    for (std::size_t f = 0; f < feature_count; ++f) {
      const auto feature = static_cast<Feature>(f);
      if (!is_shape(feature)) continue;
      ASSERT_EQ(std::isnan(rows[feature][i]), right.count < 3) << name(feature) << " of " << i << ", of " << n;
    }
    EXPECT_EQ(rows[Feature::neighbours][i], static_cast<float>(n)) << i;
    const double reach = k == 0 ? radius : right.farthest;
    const double volume = 4.0 / 3.0 * std::numbers::pi * reach * reach * reach;
    const double density = volume > 0 ? n / volume : 0;
    EXPECT_NEAR(rows[Feature::density][i], density, 1e-6 * density) << i;
    EXPECT_NEAR(rows[Feature::mean_distance][i], right.distances / n, 1e-5) << i;
    EXPECT_NEAR(rows[Feature::radius][i], right.farthest, 1e-5) << i;
    EXPECT_NEAR(rows[Feature::z_range][i], right.z_high - right.z_low, 1e-5) << i;
    EXPECT_FALSE(std::isnan(rows[Feature::z_std][i])) << i;
    EXPECT_FALSE(std::isnan(rows[Feature::height_above_ground][i])) << i;
  }
}

/// Points of groups() that have others enough, all of them at one place.
std::size_t coincident_in(const std::vector<MadePoint>& points, double radius) {
  std::size_t count = 0;
  for (const MadePoint& own : points) {
    const Expected right = expected(points, own, radius, 0);
    count += right.count >= 3 && right.farthest == 0 ? 1 : 0;
  }
  return count;
}

TEST(LidarFew, HaveNoShapeWithEachKernelWholeAndInChunks) {
  const std::vector<MadePoint> points = groups();
  const Memory memory(points);
  for (const NamedKernel& kernel : kernels()) {
    for (const std::size_t chunk : {std::size_t{0}, std::size_t{40}}) {
      for (const double radius : {0.05, 0.25, 1.0}) {
        RunSettings settings = settings_for(radius, 20);
        settings.kernel = std::string(kernel.name);
        settings.chunk = chunk;
        const auto ran = run_kept(memory.cloud, settings);
        check(points, ran->rows, radius, 0);
        EXPECT_EQ(ran->report.coincident, coincident_in(points, radius)) << radius;
      }
    }
  }
  EXPECT_GT(coincident_in(points, 0.25), 0u);
}

TEST(LidarFew, AreFewNearestTooAndSmallClouds) {
  const std::vector<MadePoint> all = groups();
  for (const std::size_t count : {1U, 2U, 3U, 4U, 300U}) {
    const std::vector<MadePoint> points(all.end() - static_cast<std::ptrdiff_t>(std::min(count, all.size())),
                                        all.end());
    const Memory memory(points);
    for (const std::uint32_t k : {1U, 2U, 3U, 20U}) {
      for (const std::size_t chunk : {0U, 2U}) {
        if (chunk != 0 && count > 4) continue;
        RunSettings settings = settings_for(0, k);
        settings.chunk = chunk;
        const auto ran = run_kept(memory.cloud, settings);
        check(points, ran->rows, 0, k);
      }
    }
  }
}

TEST(LidarFew, BodiesInLoopsAgree) {
  const Memory memory(groups());
  OneChunk chunk{.name = "groups", .points = {}};
  for (std::uint32_t id = 0; id < memory.cloud.points(); ++id) chunk.points.push_back(memory.cloud.point(0, id));
  chunk.queries = chunk.points.size();
  for (const std::uint32_t k : {0U, 2U, 20U}) {
    ComputeSettings settings{.features = FeatureSet::parse("full"), .search = {}, .kernel = choose_kernel()};
    settings.search = {.k = k, .radius_squared = k == 0 ? 625U : 0U, .radius = k == 0 ? 0.25 : 0.0};
    settings.unit = 0.01;
    MemoryManager manager(open_device({.backend = "host"}));
    const auto host = make_host_computer(manager.device(), settings);
    const auto loops = make_loop_computer(manager, settings);
    const ChunkRows one = compute_one(manager, *host, settings.features, chunk);
    const ChunkRows other = compute_one(manager, *loops, settings.features, chunk);
    EXPECT_EQ(one.result.coincident, other.result.coincident) << k;
    for (std::size_t c = 0; c < one.columns.size(); ++c) {
      for (std::size_t i = 0; i < chunk.queries; ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(one.columns[c][i]), std::bit_cast<std::uint32_t>(other.columns[c][i]))
            << name(settings.features.features()[c]) << " of " << i << ", k " << k;
      }
    }
  }
}

/// On a GPU, or what plays one.
class LidarOnFew : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { WEIR_NEEDS_BACKEND(std::string(GetParam())) }
};

TEST_P(LidarOnFew, HaveNoShape) {
  const std::vector<MadePoint> points = groups();
  const Memory memory(points);
  for (const auto& [radius, k] : {std::pair(0.25, 0U), std::pair(0.0, 2U)}) {
    RunSettings settings = settings_for(radius, k);
    const auto ran = run_kept(memory.cloud, settings, {.backend = GetParam()});
    check(points, ran->rows, radius, k);
    if (k == 0) {
      EXPECT_EQ(ran->report.coincident, coincident_in(points, radius));
    }
  }
}

TEST_P(LidarOnFew, AreACloudOfTwo) {
  const std::vector<MadePoint> points{{0, 0, 0}, {100, 0, 50}};
  const Memory memory(points);
  check(points, run_kept(memory.cloud, settings_for(0, 20), {.backend = GetParam()})->rows, 0, 20);
}

INSTANTIATE_TEST_SUITE_P(Devices, LidarOnFew, testing::Values("vulkan", "cuda"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace weir::lidar::test
