// A refused run blames its limit where a larger one was shown to do, and nothing else otherwise.
#include "workloads/lidar/run/limits.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "unit/workloads/lidar/clouds.hpp"

namespace weir::lidar::test {
namespace {

using namespace weir::literals;
using testing::HasSubstr;

void refuse() { throw OutOfMemory("the device is full", {.name = "chunk"}); }

TEST(LidarLimits, TheLeastThatWouldDoIsNamed) {
  const auto try_memory = [](std::uint64_t limit) {
    if (limit < 21_MiB) throw LimitExceeded("too little", {.name = "limit"});
  };
  try {
    within_limit(3_MiB, refuse, try_memory);
    ADD_FAILURE() << "was not refused";
  } catch (const LimitExceeded& error) {
    EXPECT_THAT(error.message(), HasSubstr("21.00 MiB are enough"));
    EXPECT_THAT(error.message(), HasSubstr("the device is full"));
  }
}

/// What is thrown where trying any memory ends so.
template <class Thrown>
std::string refusal(const std::function<void()>& end) {
  try {
    within_limit(3_MiB, refuse, [&](std::uint64_t) { end(); });
  } catch (const Thrown& error) {
    return error.message();
  }
  return {};
}

TEST(LidarLimits, MemoryThatIsNotThereIsNotTheLimit) {
  EXPECT_EQ(refusal<OutOfMemory>(refuse), "the device is full");
  EXPECT_EQ(refusal<OutOfMemory>([] {}), "the device is full") << "the limit would do for the chunks";
  EXPECT_EQ(refusal<OutOfMemory>([] { throw DriverError("lost", {.name = "device"}); }), "the device is full");
}

TEST(LidarLimits, AreCheckedWithoutComputing) {
  const Memory made(mixed_points(50'000));
  RunSettings settings{.features = FeatureSet::parse("planarity"), .chunk = 40'000};
  MemorySettings memory{.backend = "host"};
  EXPECT_NO_THROW(check_within(made.cloud, settings, memory));
  memory.limit = 1_MiB;
  EXPECT_THROW(check_within(made.cloud, settings, memory), LimitExceeded);
  memory.limit = 1_GiB;
  EXPECT_NO_THROW(check_within(made.cloud, settings, memory));
  settings.radius = 1e300;
  EXPECT_THROW(check_within(made.cloud, settings, memory), InvalidArgument);
}

TEST(LidarLimits, GroundIsCheckedWhereHeightsAreAskedFor) {
  const Memory made(mixed_points(100));
  RunSettings settings{.features = FeatureSet::parse("planarity")};
  settings.ground.reach = INFINITY;
  EXPECT_NO_THROW(check_within(made.cloud, settings, {.backend = "host"}));
  settings.features = FeatureSet::parse("height_above_ground");
  EXPECT_THROW(check_within(made.cloud, settings, {.backend = "host"}), InvalidArgument);
}

}  // namespace
}  // namespace weir::lidar::test
