// The kernels for GPUs against the host's, a chunk at a time: as plain loops, which have to be equal bit for bit, and
// on the Vulkan device of the machine: neighbours, states and reaches equal, features within what the device's real
// numbers allow.
#include <algorithm>
#include <bit>
#include <cmath>
#include <iostream>
#include <optional>

#include <gtest/gtest.h>

#include "open_backend.hpp"
#include "unit/workloads/lidar/clouds.hpp"
#include "unit/workloads/lidar/one_chunk.hpp"

namespace weir::lidar::test {
namespace {

ComputeSettings settings_for(std::uint32_t k) {
  ComputeSettings settings{.features = FeatureSet::parse("full"), .search = {}, .kernel = choose_kernel()};
  settings.search = {.k = k, .radius_squared = k == 0 ? 90'001U : 0U, .radius = k == 0 ? 3.00001 : 0.0};
  settings.unit = 0.01;
  settings.has_rgb = settings.has_nir = settings.has_ground = true;
  return settings;
}

/// Equal decisions: every query once, and the same of them unfinished with the same reach.
void expect_same_decisions(const ChunkRows& host, const ChunkRows& other, const std::string& what) {
  EXPECT_EQ(host.taken, other.taken) << what;
  ASSERT_EQ(host.result.unfinished.size(), other.result.unfinished.size()) << what;
  for (std::size_t i = 0; i < host.result.unfinished.size(); ++i) {
    ASSERT_EQ(host.result.unfinished[i].input, other.result.unfinished[i].input) << what;
    ASSERT_EQ(host.result.unfinished[i].reach, other.result.unfinished[i].reach) << what;
  }
}

TEST(LidarDevice, BodiesInLoopsAreEqualToTheHostBitForBit) {
  const std::vector<OneChunk> chunks = awkward_chunks();
  for (const std::uint32_t k : {0U, 1U, 20U, 128U}) {
    ComputeSettings settings = settings_for(k);
    for (const bool ground : {true, false}) {
      settings.has_ground = ground;
      MemoryManager memory(open_device({.backend = "host"}));
      const auto host = make_host_computer(memory.device(), settings);
      const auto loops = make_loop_computer(memory, settings);
      for (const OneChunk& chunk : chunks) {
        const std::string what = chunk.name + ", k " + std::to_string(k);
        const ChunkRows expected = compute_one(memory, *host, settings.features, chunk);
        const ChunkRows found = compute_one(memory, *loops, settings.features, chunk);
        expect_same_decisions(expected, found, what);
        if (HasFatalFailure()) return;
        for (std::size_t c = 0; c < expected.columns.size(); ++c) {
          for (const Point& point : chunk.points) {
            const float a = expected.columns[c][point.id], b = found.columns[c][point.id];
            ASSERT_EQ(std::bit_cast<std::uint32_t>(a), std::bit_cast<std::uint32_t>(b))
                << what << ", " << lidar::name(settings.features.features()[c]) << " of " << point.id << ": " << a
                << " and " << b;
          }
        }
      }
    }
  }
}

TEST(LidarDevice, ADeviceWithoutKernelsIsRefusedByName) {
  const Memory memory(mixed_points(10));
  RunSettings settings;
  settings.features = FeatureSet::parse("geometry");
  try {
    static_cast<void>(run_kept(memory.cloud, settings, {.backend = "dry"}));
    FAIL() << "not refused";
  } catch (const Unsupported& refused) {
    EXPECT_NE(refused.message().find("dry"), std::string::npos) << refused.message();
  }
}

/// On a GPU, or what plays one.
class LidarOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND(std::string(GetParam()))
    device_.emplace(open_device({.backend = GetParam()}));
  }
  std::optional<Device> device_;
};

/// What a device's real numbers may differ by from the host's, which are of 64 bits: as docs/guide/07 has it.
class Tolerance {
 public:
  Tolerance(const ComputeSettings& settings, bool doubles)
      : features_(settings.features), given_(settings.search.radius), doubles_(doubles) {}

  /// Of the point's values on the host; infinite where no value is right, as of a normal that has no direction.
  [[nodiscard]] double of(Feature feature, const ChunkRows& host, std::uint32_t id) const {
    const auto at = [&](Feature each) { return double{host.columns[features_.column(each)][id]}; };
    const double value = std::fabs(at(feature)), largest = at(Feature::eigenvalue_1);
    if (doubles_) return 1e-6 * std::max(value, 1e-6);
    constexpr double digits = 1e-6;
    const double apart = largest > 0 ? (at(Feature::eigenvalue_2) - at(Feature::eigenvalue_3)) / largest : 1.0;
    const double direction = apart > 1e-4 ? digits / apart : HUGE_VAL;
    using enum Feature;
    switch (feature) {
      case eigenvalue_1:
      case eigenvalue_2:
      case eigenvalue_3:
      case eigenvalue_sum: return digits * largest;
      case omnivariance: return 1e-2 * largest;
      case eigenentropy: return 10 * digits;
      case linearity:
      case planarity:
      case sphericity:
      case anisotropy:
      case surface_variation: return digits;
      case normal_x:
      case normal_y:
      case normal_z:
      case verticality:
      case horizontality:
      case facade_score: return direction;
      case wall_score:
      case roof_score: return std::max(direction, 1e-3);
      case height_above_ground: return 1e-5 + digits * value;
      case mean_distance:
      case std_distance: return digits * std::max(at(radius), given_);
      case is_ground: return 0;
      default: return std::max(value * digits, feature >= mean_red ? digits : 0.0);
    }
  }

 private:
  const FeatureSet& features_;
  double given_;  // radius
  bool doubles_;
};

void expect_near(const ComputeSettings& settings, const OneChunk& chunk, const ChunkRows& host, const ChunkRows& found,
                 const Tolerance& tolerance, const std::string& what) {
  for (std::size_t c = 0; c < host.columns.size(); ++c) {
    const Feature feature = settings.features.features()[c];
    for (std::size_t i = 0; i < chunk.queries; ++i) {
      const std::uint32_t id = chunk.points[i].id;
      const double a = host.columns[c][id], b = found.columns[c][id];
      if (std::isnan(a) && std::isnan(b)) continue;
      // The two ends of a normal that lies flat are one.
      const bool flat =
          feature <= Feature::normal_y && host.columns[settings.features.column(Feature::normal_z)][id] < 1e-4F;
      const double apart = flat ? std::min(std::fabs(a - b), std::fabs(a + b)) : std::fabs(a - b);
      ASSERT_LE(apart, tolerance.of(feature, host, id))
          << what << ", " << lidar::name(feature) << " of " << id << ": " << a << " and " << b;
    }
  }
}

TEST_P(LidarOn, ChunksAreAsTheHostHasThem) {
  const std::vector<OneChunk> chunks = awkward_chunks();
  for (const std::uint32_t k : {20U, 0U, 128U}) {
    ComputeSettings settings = settings_for(k);
    settings.has_ground = k != 128;
    MemoryManager host_memory(open_device({.backend = "host"})), memory(*device_);
    const auto host = make_host_computer(host_memory.device(), settings);
    const auto gpu = make_computer(memory, settings);
    const Tolerance tolerance(settings, gpu->name() != "vulkan-float32");
    for (const OneChunk& chunk : chunks) {
      const std::string what = gpu->name() + ", " + chunk.name + ", k " + std::to_string(k);
      const ChunkRows expected = compute_one(host_memory, *host, settings.features, chunk);
      const ChunkRows found = compute_one(memory, *gpu, settings.features, chunk);
      expect_same_decisions(expected, found, what);
      expect_near(settings, chunk, expected, found, tolerance, what);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(LidarOn, ChunksAndThePoolChangeNothing) {
  const Memory memory(mixed_points(4000));
  RunSettings settings;
  settings.features = FeatureSet::parse("lod3");
  const auto host = run_kept(memory.cloud, settings);
  const auto whole = run_kept(memory.cloud, settings, {.backend = GetParam()});
  EXPECT_EQ(whole->rows.taken(), host->rows.taken());
  EXPECT_EQ(whole->report.coincident, host->report.coincident);
  for (const bool pool : {true, false}) {
    settings.chunk = 900;
    settings.reuse = pool;
    const auto chunked = run_kept(memory.cloud, settings, {.backend = GetParam(), .pool = pool});
    EXPECT_EQ(difference(whole->rows, chunked->rows), "") << pool;
    EXPECT_GE(chunked->report.chunks, 5u);
    EXPECT_EQ(chunked->report.coincident, whole->report.coincident);
    EXPECT_GT(chunked->report.beyond_halo, 0u);
    EXPECT_GT(chunked->report.compute.seconds, 0.0);
    if (pool) {
      EXPECT_EQ(chunked->report.driver_calls_after_first_chunk, 0u);
      EXPECT_GT(chunked->report.reuse_rate, 0.5);
    }
  }
}

TEST_P(LidarOn, ChunksChangeNothingWithinARadiusEither) {
  const Memory memory(mixed_points(2000));
  RunSettings settings;
  settings.features = FeatureSet::parse("geometry,height_above_ground,z_range");
  settings.radius = 3.0;
  const auto whole = run_kept(memory.cloud, settings, {.backend = GetParam()});
  settings.chunk = 500;
  const auto chunked = run_kept(memory.cloud, settings, {.backend = GetParam()});
  EXPECT_EQ(difference(whole->rows, chunked->rows), "");
  EXPECT_GE(chunked->report.chunks, 5u);
  EXPECT_EQ(chunked->report.driver_calls_after_first_chunk, 0u);
}

// What the driver really takes is printed: the formula has been seen on no device.
TEST_P(LidarOn, LocalMemoryOfManyNeighboursIsBooked) {
  if (device_->info().backend != BackendKind::cuda) GTEST_SKIP() << "Vulkan does not tell what its kernels take";
  MemoryManager memory(*device_);
  const std::uint64_t before = device_->info().memory_free.value_or(0);
  {
    const ComputeSettings settings = settings_for(128);
    const auto gpu = make_computer(memory, settings);
    static_cast<void>(compute_one(memory, *gpu, settings.features, awkward_chunks().front()));
    const Statistics now = memory.statistics().pool;
    EXPECT_GT(now.external, 0u);
    const std::uint64_t gone = before - std::min(before, device_->info().memory_free.value_or(0));
    std::cout << "local memory: " << format_bytes(now.external) << " booked; " << format_bytes(gone)
              << " less are free, of which the pool has " << format_bytes(now.reserved.live) << '\n';
  }
  EXPECT_EQ(memory.statistics().pool.external, 0u);
}

INSTANTIATE_TEST_SUITE_P(Devices, LidarOn, testing::Values("vulkan", "cuda"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace weir::lidar::test
