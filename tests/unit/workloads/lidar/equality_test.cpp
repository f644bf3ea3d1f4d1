// Results do not depend on how they were computed: whole, chunked, in several files, by each kernel, by more threads,
// pooled or not: equal bit for bit. And they are right against all pairs on clouds where neighbours tie everywhere.
#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "clouds.hpp"
#include "workloads/lidar/features/kernel.hpp"

namespace weir::lidar::test {
namespace {

RunSettings settings_for(std::string_view features) {
  RunSettings settings;
  settings.features = FeatureSet::parse(features);
  return settings;
}

TEST(LidarEquality, ChunksKernelsThreadsAndThePoolChangeNothing) {
  const Memory memory(mixed_points(20'000));
  for (const std::uint32_t k : {1u, 5u, 20u, 128u}) {
    RunSettings settings = settings_for("full");
    settings.k = k;
    settings.threads = 1;
    const auto whole = run_kept(memory.cloud, settings);
    for (const NamedKernel& kernel : kernels()) {
      for (const std::size_t chunk : {std::size_t{0}, std::size_t{900}, std::size_t{5000}}) {
        settings.kernel = std::string(kernel.name);
        settings.chunk = chunk;
        settings.threads = chunk == 900 ? 3 : 1;
        settings.reuse = chunk != 5000;
        const auto other = run_kept(memory.cloud, settings, {.backend = "host", .pool = settings.reuse});
        EXPECT_EQ(difference(whole->rows, other->rows), "") << k << ' ' << kernel.name << ' ' << chunk;
        EXPECT_EQ(whole->report.coincident, other->report.coincident) << k << ' ' << kernel.name << ' ' << chunk;
      }
    }
  }
}

TEST(LidarEquality, RadiusSearchTooAndItFindsAllWithinIt) {
  const Memory memory(mixed_points(3'000));
  RunSettings settings = settings_for("geometry,radius,mean_distance,std_distance,z_range,density,height_above_ground");
  settings.radius = 3.0;
  const auto whole = run_kept(memory.cloud, settings);
  settings.chunk = 400;
  for (const NamedKernel& kernel : kernels()) {
    settings.kernel = std::string(kernel.name);
    EXPECT_EQ(difference(whole->rows, run_kept(memory.cloud, settings)->rows), "") << kernel.name;
  }
  for (std::uint32_t i = 0; i < memory.cloud.points(); i += 7) {
    const Point own = memory.cloud.point(0, i);
    std::size_t count = 0;
    for (std::uint32_t j = 0; j < memory.cloud.points(); ++j) {
      const Point other = memory.cloud.point(0, j);
      const double dx = own.x - other.x, dy = own.y - other.y, dz = own.z - other.z;
      count += dx * dx + dy * dy + dz * dz <= 90'000.0 ? 1 : 0;
    }
    const double density = static_cast<double>(count) / (4.0 / 3.0 * 3.14159265358979 * 27.0);
    ASSERT_FLOAT_EQ(whole->rows[Feature::density][i], static_cast<float>(density)) << i;
  }
}

/// The neighbours of a point by all pairs: sums of z alone, which depend on which of the tied ones are taken.
void check_all_pairs(const std::vector<MadePoint>& points, std::uint32_t k) {
  const Memory memory(points);
  RunSettings settings = settings_for("radius,eigenvalue_sum,z_std,z_range,mean_distance");
  settings.k = k;
  settings.chunk = points.size() / 3 + 1;
  const auto ran = run_kept(memory.cloud, settings);
  struct Pair {
    std::int64_t distance;
    std::uint32_t id;
    auto operator<=>(const Pair&) const = default;
  };
  for (std::uint32_t i = 0; i < points.size(); i += 1 + static_cast<std::uint32_t>(points.size() / 97)) {
    std::vector<Pair> pairs;
    for (std::uint32_t j = 0; j < points.size(); ++j) {
      const std::int64_t dx = std::int64_t{points[i].x} - points[j].x, dy = std::int64_t{points[i].y} - points[j].y,
                         dz = std::int64_t{points[i].z} - points[j].z;
      pairs.push_back({dx * dx + dy * dy + dz * dz, j});
    }
    std::ranges::sort(pairs);
    pairs.resize(std::min<std::size_t>(pairs.size(), k));
    double z = 0, zz = 0, distances = 0;
    for (const Pair& pair : pairs) {
      const double each = points[pair.id].z - points[i].z;
      z += each;
      zz += each * each;
      distances += std::sqrt(static_cast<double>(pair.distance));
    }
    const auto n = static_cast<double>(pairs.size());
    ASSERT_FLOAT_EQ(ran->rows[Feature::radius][i],
                    static_cast<float>(std::sqrt(static_cast<double>(pairs.back().distance)) * 0.01));
    ASSERT_FLOAT_EQ(ran->rows[Feature::z_std][i], static_cast<float>(std::sqrt(zz * n - z * z) / n * 0.01)) << i;
    ASSERT_FLOAT_EQ(ran->rows[Feature::mean_distance][i], static_cast<float>(distances / n * 0.01)) << i;
  }
}

TEST(LidarEquality, TiesGoToTheLowerIndex) {
  std::vector<MadePoint> lattice, copies, line, wide;
  std::mt19937 random(3);
  for (std::int32_t i = 0; i < 4000; ++i) {
    lattice.push_back({i % 16 * 10, i / 16 % 16 * 10, i / 256 * 10});
    copies.push_back({i % 3 * 7, 0, static_cast<std::int32_t>(random() % 2)});
    line.push_back({i % 2000, 0, static_cast<std::int32_t>(random() % 2) * 3});
    wide.push_back({static_cast<std::int32_t>(random() >> 2), static_cast<std::int32_t>(random() >> 3),
                    static_cast<std::int32_t>(random() % 2)});
  }
  std::ranges::shuffle(lattice, random);
  for (const auto* points : {&lattice, &copies, &line, &wide}) {
    for (const std::uint32_t k : {1u, 7u, 20u, 128u}) check_all_pairs(*points, k);
  }
}

TEST(LidarEquality, DegenerateCloudsTakeNoLongerThanOthers) {
  // Quadratic work would be 10^10 pairs, far past the test's time limit.
  constexpr std::size_t count = 100'000;
  const std::vector<MadePoint> same(count, MadePoint{5, 5, 5});
  const Memory memory(same);
  const auto ran = run_kept(memory.cloud, settings_for("geometry"));
  EXPECT_EQ(ran->report.coincident, count);
  for (const auto& column : ran->rows.columns()) {
    EXPECT_TRUE(std::ranges::all_of(column, [](float each) { return each == 0.0F; }));
  }
  std::vector<MadePoint> plane;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(count); ++i) plane.push_back({i % 300, i / 300, 9});
  const Memory flat(plane);
  const auto planar = run_kept(flat.cloud, settings_for("sphericity,omnivariance,normal_z,eigenvalue_3"));
  for (std::uint32_t i = 0; i < count; ++i) {
    ASSERT_EQ(planar->rows[Feature::eigenvalue_3][i], 0.0F) << i;
    ASSERT_EQ(planar->rows[Feature::omnivariance][i], 0.0F) << i;
    ASSERT_EQ(planar->rows[Feature::normal_z][i], 1.0F) << i;
  }
}

// One point far off, some, clusters with nothing between: chunks have what a whole cloud has, and their halos do not
// read all that lies between.
TEST(LidarEquality, WhatIsFarOffIsNoReasonForLargeHalos) {
  std::mt19937 random(17);
  const auto any = [&](std::uint32_t below) { return static_cast<std::int32_t>(random() % below); };
  std::vector<MadePoint> near;
  for (int i = 0; i < 20'000; ++i) near.push_back({any(7000), any(7000), any(100)});
  std::vector<MadePoint> one = near, some = near, clusters = near;
  one[777] = {-900'000'000, 500'000'000, 3};
  for (std::size_t i = 0; i < some.size(); i += 900) some[i] = {any(1u << 30), any(1u << 30), any(1u << 30)};
  for (std::size_t i = 0; i < clusters.size(); ++i) clusters[i].x += static_cast<std::int32_t>(i % 4) * 300'000'000;
  std::uint64_t memory_without = 0;
  for (const auto* points : {&near, &one, &some, &clusters}) {
    const Memory memory(*points);
    for (const bool within : {false, true}) {
      RunSettings settings = settings_for("geometry,z_std,neighbours");
      if (within) settings.radius = 2.0;
      const auto whole = run_kept(memory.cloud, settings);
      settings.chunk = 2000;
      const auto chunked = run_kept(memory.cloud, settings);
      EXPECT_EQ(difference(whole->rows, chunked->rows), "");
      if (points == &near) memory_without = std::max(memory_without, chunked->report.memory_high_water);
      EXPECT_LE(chunked->report.memory_high_water, 2 * memory_without);
    }
  }
}

// All at one place within a radius: each is a neighbour of each, which are 10^10 pairs.
TEST(LidarEquality, PointsAtOnePlaceWithinARadiusTakeNoLongerThanOthers) {
  constexpr std::size_t count = 100'000;
  std::vector<MadePoint> points(count, MadePoint{5, 5, 5});
  for (std::size_t i = 0; i < count; i += 1000) points[i].x = 6;
  const Memory memory(points);
  RunSettings settings = settings_for("neighbours,z_std,mean_distance");
  settings.radius = 1.0;
  const auto ran = run_kept(memory.cloud, settings);
  EXPECT_EQ(ran->rows[Feature::neighbours][1], static_cast<float>(count));
}

TEST(LidarEquality, FewPointsAndNone) {
  for (const std::size_t count : {0u, 1u, 2u, 5u}) {
    std::vector<MadePoint> points;
    for (std::size_t i = 0; i < count; ++i) points.push_back({static_cast<std::int32_t>(i) * 100, 0, 0});
    const Memory memory(points);
    const auto ran = run_kept(memory.cloud, settings_for("full"));
    EXPECT_EQ(ran->report.points, count);
    if (count == 5) {
      EXPECT_FLOAT_EQ(ran->rows[Feature::radius][0], 4.0F);
    }
  }
}

TEST(LidarEquality, FilesAreOneCloud) {
  const std::string one = data_file("ign_lidarhd_77055_627755.las"), other = data_file("ign_lidarhd_77060_627755.las");
  if (one.empty() || other.empty()) GTEST_SKIP() << "no ign_lidarhd_*.las";
  const Cloud both = Cloud::open({one, other});
  RunSettings settings = settings_for("lod3");
  const auto whole = run_kept(both, settings);
  settings.chunk = 10'000;
  const auto chunked = run_kept(both, settings);
  EXPECT_EQ(difference(whole->rows, chunked->rows), "");
  EXPECT_GE(chunked->report.chunks, 12u);
  EXPECT_EQ(chunked->report.driver_calls_after_first_chunk, 0u);
  // Near the border, one file alone gives other neighbours: halos reach across.
  const Cloud first = Cloud::open({one});
  const auto alone = run_kept(first, settings_for("lod3"));
  std::size_t differ = 0;
  for (std::uint32_t i = 0; i < first.points(); ++i) {
    differ += alone->rows[Feature::planarity][i] != whole->rows[Feature::planarity][i] ? 1 : 0;
  }
  EXPECT_GT(differ, 100u);
  EXPECT_LT(differ, first.points() / 10);
}

}  // namespace
}  // namespace weir::lidar::test
