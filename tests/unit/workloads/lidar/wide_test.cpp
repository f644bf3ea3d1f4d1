// Clouds that are more than 2^31 units across: automatic scales, degrees beside metres, whole numbers of all 32 bits,
// far points. Neighbours and features are those of all pairs with distances in 128 bits, and the same bits whole and
// chunked, where most chunks go the way of any other cloud.
#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "scaled_files.hpp"
#include "workloads/lidar/run/wide_chunk.hpp"

namespace weir::lidar::test {
namespace {

__extension__ using Wide = __int128;
struct Made {
  std::string name;
  std::vector<MadePoint> points;
  Numbers scale;
  std::array<std::int64_t, 3> factor;  ///< of the raw coordinates, to the unit
  double unit;
};

std::vector<Made> wide_clouds() {
  constexpr int count = 1200;
  std::mt19937 random(5);
  Made degrees{"degrees", {}, {1e-7, 1e-7, 0.001}, {1, 1, 10'000}, 1e-7};
  Made fine{"fine x and y, coarse z", {}, {1e-9, 1e-9, 1.0}, {1, 1, 1'000'000'000}, 1e-9};
  Made full{"all 32 bits", {}, {0.001, 0.001, 0.001}, {1, 1, 1}, 0.001};
  Made unequal{"all 32 bits, unequal scales", {}, {1e-6, 2.5e-6, 0.001}, {2, 5, 2000}, 5e-7};
  Made far{"one far point", {}, {0.01, 0.01, 0.01}, {1, 1, 1}, 0.01};
  Made lattice{"a wide lattice", {}, {0.001, 0.001, 0.001}, {1, 1, 1}, 0.001};
  Made clusters{"clusters far apart", {}, {1e-4, 1e-4, 1e-4}, {1, 1, 1}, 1e-4};
  for (std::int32_t i = 0; i < count; ++i) {
    degrees.points.push_back({any(random, 0, 40'000), any(random, 0, 40'000), any(random, 0, 300'000), i % 4 == 0});
    fine.points.push_back({any(random, 0, 2'000'000'000), any(random, 0, 2'000'000'000), any(random, 0, 9), 1});
    full.points.push_back(anywhere(random));
    unequal.points.push_back(anywhere(random));
    far.points.push_back({any(random, 0, 3000), any(random, 0, 3000), any(random, 0, 200),
                          static_cast<std::uint8_t>(i % 5 == 0 ? 2 : 1)});
    constexpr std::int32_t step = 400'000'000;
    lattice.points.push_back({(i % 10 - 5) * step, (i / 10 % 10 - 5) * step, (i / 100 - 5) * 300'000'000});
    const std::int32_t x = i % 3 == 0 ? INT32_MIN : i % 3 == 1 ? 0 : INT32_MAX - 5000;
    clusters.points.push_back({x + any(random, 0, 5000), any(random, 0, 5000), any(random, 0, 100),
                               static_cast<std::uint8_t>(i % 2 == 0 ? 2 : 1)});
  }
  far.points.push_back({INT32_MAX, INT32_MIN, INT32_MAX, 1});
  far.points.push_back({INT32_MIN, INT32_MAX, 0, 1});
  for (int i = 0; i < 50; ++i) full.points.push_back(full.points.front());
  for (Made* each : {&full, &unequal}) {
    each->points.push_back({INT32_MAX, INT32_MAX, INT32_MAX, 1});
    each->points.push_back({INT32_MIN, INT32_MIN, INT32_MIN, 1});
  }
  std::ranges::shuffle(lattice.points, random);
  return {degrees, fine, full, unequal, far, lattice, clusters};
}

/// What a neighbourhood comes to, in units, from whole numbers.
struct WideFacts {
  double count, radius, sum, z_deviation, mean, deviation;
};

/// The neighbours of point `i` by all pairs: the k nearest, or within √`radius2`.
WideFacts all_pairs(const Made& made, std::uint32_t i, std::uint32_t k, Wide radius2) {
  struct Pair {
    Wide distance;
    std::uint32_t id;
    auto operator<=>(const Pair&) const = default;
  };
  const auto apart = [&](std::uint32_t j, std::size_t axis) {
    const MadePoint &one = made.points[i], &other = made.points[j];
    const std::int64_t raw[3] = {std::int64_t{other.x} - one.x, std::int64_t{other.y} - one.y,
                                 std::int64_t{other.z} - one.z};
    return Wide{raw[axis]} * made.factor[axis];
  };
  std::vector<Pair> pairs;
  for (std::uint32_t j = 0; j < made.points.size(); ++j) {
    const Wide x = apart(j, 0), y = apart(j, 1), z = apart(j, 2);
    pairs.push_back({x * x + y * y + z * z, j});
  }
  std::ranges::sort(pairs);
  if (k == 0) {
    std::erase_if(pairs, [&](const Pair& pair) { return pair.distance > radius2; });
  } else {
    pairs.resize(std::min<std::size_t>(pairs.size(), k));
  }
  Wide squares = 0, sums[3] = {}, z_squares = 0;
  double distances = 0, distance_squares = 0;
  for (const Pair& pair : pairs) {
    squares += pair.distance;
    for (std::size_t axis = 0; axis < 3; ++axis) sums[axis] += apart(pair.id, axis);
    z_squares += apart(pair.id, 2) * apart(pair.id, 2);
    distances += std::sqrt(static_cast<double>(pair.distance));
    distance_squares += static_cast<double>(pair.distance);
  }
  const auto count = static_cast<Wide>(pairs.size());
  const auto n = static_cast<double>(count);
  const Wide spread = count * squares - sums[0] * sums[0] - sums[1] * sums[1] - sums[2] * sums[2];
  return {n,
          std::sqrt(static_cast<double>(pairs.back().distance)),
          static_cast<double>(spread) / (n * n),
          std::sqrt(static_cast<double>(count * z_squares - sums[2] * sums[2])) / n,
          distances / n,
          std::sqrt(std::max(0.0, distance_squares / n - distances / n * (distances / n)))};
}

RunSettings wide_settings(std::string_view features) {
  RunSettings settings;
  settings.features = FeatureSet::parse(features);
  settings.threads = 2;
  return settings;
}

void expect_close(double found, double expected, const std::string& what) {
  EXPECT_NEAR(found, expected, 3e-7 * std::fabs(expected)) << what;
}

void check(const Made& made, const RunSettings& settings, Wide radius2) {
  const Memory memory(scaled(made.points, made.scale));
  ASSERT_TRUE(memory.cloud.wide()) << made.name;
  ASSERT_EQ(memory.cloud.unit(), made.unit) << made.name;
  const auto ran = run_kept(memory.cloud, settings);
  const double unit = made.unit;
  for (std::uint32_t i = 0; i < made.points.size(); i += 1 + static_cast<std::uint32_t>(made.points.size() / 97)) {
    const WideFacts expected = all_pairs(made, i, settings.radius > 0 ? 0 : settings.k, radius2);
    const std::string what = made.name + ", k " + std::to_string(settings.k) + ", chunks of " +
                             std::to_string(settings.chunk) + ", point " + std::to_string(i);
    const auto found = [&](Feature feature) { return double{ran->rows[feature][i]}; };
    ASSERT_EQ(found(Feature::neighbours), expected.count) << what;
    expect_close(found(Feature::radius), expected.radius * unit, "radius, " + what);
    expect_close(found(Feature::z_std), expected.z_deviation * unit, "z_std, " + what);
    expect_close(found(Feature::mean_distance), expected.mean * unit, "mean_distance, " + what);
    EXPECT_NEAR(found(Feature::std_distance), expected.deviation * unit, 1e-6 * expected.radius * unit + 1e-30) << what;
    if (expected.count >= 3) expect_close(found(Feature::eigenvalue_sum), expected.sum * unit * unit, "sum, " + what);
    if (testing::Test::HasFailure()) return;
  }
}

constexpr std::string_view measured = "neighbours,radius,z_std,mean_distance,std_distance,eigenvalue_sum";

TEST(LidarWide, NeighboursAreThoseOfAllPairs) {
  for (const Made& made : wide_clouds()) {
    for (const std::uint32_t k : {1u, 7u, 20u, 128u}) {
      for (const std::size_t chunk : {std::size_t{0}, std::size_t{170}}) {
        RunSettings settings = wide_settings(measured);
        settings.k = k;
        settings.chunk = chunk;
        check(made, settings, 0);
      }
    }
  }
}

TEST(LidarWide, AllWithinARadiusAreFound) {
  // Of some, and of nearly all; in units, whole so that what is just as far counts.
  const std::vector<std::int64_t> radii{1'000'000'000, 400'000'000, 1'300'000'000, 9'000'000'000'000, 1000,
                                        1'600'000'000, 900};
  const std::vector<Made> clouds = wide_clouds();
  for (std::size_t i = 0; i < clouds.size(); ++i) {
    for (const std::size_t chunk : {std::size_t{0}, std::size_t{300}}) {
      RunSettings settings = wide_settings(measured);
      settings.chunk = chunk;
      settings.radius = static_cast<double>(radii[i]) * clouds[i].unit;
      check(clouds[i], settings, Wide{radii[i]} * radii[i]);
    }
  }
}

TEST(LidarWide, ChunksChangeNothing) {
  for (const Made& made : wide_clouds()) {
    const Memory memory(scaled(made.points, made.scale));
    for (const double radius : {0.0, 900 * made.unit, 3e9 * made.unit}) {
      RunSettings settings = wide_settings("full,neighbours");
      settings.radius = radius;
      settings.ground.reach = 2000 * made.unit;
      const auto whole = run_kept(memory.cloud, settings);
      for (const std::size_t chunk : {std::size_t{100}, std::size_t{450}}) {
        settings.chunk = chunk;
        settings.kernel = chunk == 100 ? "x86-64" : "";
        const auto chunked = run_kept(memory.cloud, settings);
        EXPECT_GT(chunked->report.chunks, 1u);
        EXPECT_EQ(difference(whole->rows, chunked->rows), "") << made.name << ' ' << radius << ' ' << chunk;
        EXPECT_TRUE(std::ranges::all_of(chunked->rows.taken(), [](unsigned times) { return times >= 1; }));
      }
    }
  }
}

// The far points make the cloud wide; the others have the values that they have without them.
TEST(LidarWide, FarPointsChangeNothingForTheOthers) {
  Made far;
  for (const Made& made : wide_clouds()) far = made.name == "one far point" ? made : far;
  std::vector<MadePoint> near(far.points.begin(), far.points.end() - 2);
  const Memory alone(las_bytes(near)), beside(scaled(far.points, far.scale));
  ASSERT_FALSE(alone.cloud.wide());
  RunSettings settings = wide_settings("full");
  const auto expected = run_kept(alone.cloud, settings);
  for (const std::size_t chunk : {std::size_t{0}, std::size_t{200}}) {
    settings.chunk = chunk;
    const auto found = run_kept(beside.cloud, settings);
    for (std::size_t c = 0; c < expected->rows.columns().size(); ++c) {
      for (std::size_t i = 0; i < near.size(); ++i) {
        const float a = expected->rows.columns()[c][i], b = found->rows.columns()[c][i];
        ASSERT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << c << ' ' << i << ": " << a << ' ' << b;
      }
    }
  }
}

TEST(LidarWide, HeightsAreAboveTheNearestGround) {
  // Ground at every tenth of a degree's ten thousandth, and what stands 2.5 above it, with z in millimetres.
  std::vector<MadePoint> points;
  for (std::int32_t i = 0; i < 400; ++i) {
    const std::int32_t x = i % 20 * 100, y = i / 20 * 100, z = i * 1000;
    points.push_back({x, y, z, 2});
    points.push_back({x, y, z + 2500, 1});
  }
  for (const bool classes : {true, false}) {
    for (MadePoint& point : points) point.classification = classes ? point.classification : std::uint8_t{0};
    const Memory memory(scaled(points, {1e-7, 1e-7, 0.001}));
    ASSERT_TRUE(memory.cloud.wide());
    RunSettings settings = wide_settings("height_above_ground");
    settings.ground.reach = 50e-7;
    const auto ran = run_kept(memory.cloud, settings);
    for (std::size_t i = 0; i < points.size(); ++i) {
      ASSERT_FLOAT_EQ(ran->rows[Feature::height_above_ground][i], i % 2 == 0 ? 0.0F : 2.5F) << i;
    }
  }
}

TEST(LidarWide, AChunkIsBroughtToTheNarrowFormWhereItFits) {
  constexpr std::int64_t far = std::int64_t{1} << 40;
  const KnownRegion open{{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
  std::vector<WidePoint> points{{far, far, 5, 3}, {far + 7, far - 2, 9, 1}};
  const ChunkJob job = settle(points, 1, {{far - 10, INT64_MIN}, {far + 20, INT64_MAX}}, {});
  ASSERT_EQ(job.points.size(), 2u);
  EXPECT_TRUE(job.wide.empty());
  EXPECT_EQ(job.points[0].x, 10);
  EXPECT_EQ(job.points[0].y, 2);
  EXPECT_EQ(job.points[1].z, 4);
  EXPECT_EQ(job.id(1), 1u);
  EXPECT_EQ(job.known.low[0], 0);
  EXPECT_EQ(job.known.high[0], 30);
  EXPECT_EQ(job.known.high[1], INT64_MAX);
  // A side of what is known that is far off keeps it wide, as what is beyond is not known to be nothing.
  points = {{far, far, 5, 3}, {far + 7, far - 2, 9, 1}};
  EXPECT_EQ(settle(points, 1, {{0, INT64_MIN}, {INT64_MAX, INT64_MAX}}, {}).wide.size(), 2u);
  points.push_back({0, 0, 0, 2});
  EXPECT_EQ(settle(points, 1, open, {}).wide.size(), 3u);
}

TEST(LidarWide, CellsCoverWhatIsInReach) {
  std::mt19937_64 random(3);
  const auto squared = [](const WidePoint& a, const WidePoint& b) {
    const Wide x = a.x - b.x, y = a.y - b.y, z = a.z - b.z;
    return static_cast<WideSquare>(x * x + y * y + z * z);
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto size = 5 + static_cast<unsigned>(random() % 46);
    const unsigned bits = (size > 31 ? size - 31 : 0) + static_cast<unsigned>(random() % 4);  // so that cells have 31
    const auto one = [&] { return static_cast<std::int64_t>(random() >> (64 - size)); };
    const WidePoint a{one(), one(), one(), 0}, b{one(), one(), one(), 1};
    const auto cell = [&](const WidePoint& p) { return WidePoint{p.x >> bits, p.y >> bits, p.z >> bits, p.id}; };
    const std::uint64_t reach = reach_in_cells(squared(a, b), bits);
    ASSERT_TRUE(squared(cell(a), cell(b)) <= reach) << bits << ' ' << size;
  }
  EXPECT_EQ(reach_in_cells(Unfinished::unknown, 7), UINT64_MAX - 1);
  const KnownRegion region = in_units({{-3, INT64_MIN}, {4, INT64_MAX}}, 2);
  EXPECT_EQ(region.low[0], -12);
  EXPECT_EQ(region.high[0], 19);
  EXPECT_EQ(region.low[1], INT64_MIN);
  EXPECT_EQ(region.high[1], INT64_MAX);
}

}  // namespace
}  // namespace weir::lidar::test
