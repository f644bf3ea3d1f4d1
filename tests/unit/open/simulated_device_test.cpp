// A device whose driver takes time: it lives in time of its own, and is the dry device
// in all else.
#include "open/simulated_device.hpp"
#include "device/access.hpp"

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "device/backend.hpp"

namespace weir::open {
namespace {

using namespace std::chrono_literals;

TEST(SimulatedDevice, LivesInTheTimeOfItsModel) {
  Device device = simulated_device(1_GiB, device::driver_model("event_us=5,reserve_us=3"));
  device::Backend& backend = device::Access::backend(device);
  ASSERT_NE(backend.simulated_time(), nullptr);
  EXPECT_EQ(&backend.clock(), backend.simulated_time());
  const device::Address range = backend.reserve(64_MiB);
  EXPECT_EQ(backend.clock().now(), 3us);
  backend.unreserve(range, 64_MiB);
  EXPECT_TRUE(backend.wait(backend.record(StreamId::legacy_default), 1s));
  EXPECT_EQ(backend.clock().now(), 11us);
}

TEST(SimulatedDevice, IsADryDevice) {
  const Device device = simulated_device(3_GiB);
  EXPECT_EQ(device.info().name, "dry device of 3.00 GiB");
  EXPECT_EQ(device.info().backend, BackendKind::dry);
  EXPECT_EQ(device.info().memory_total, 3_GiB);
  EXPECT_NE(device.why().find("dry device of 3.00 GiB"), std::string::npos);
  EXPECT_NE(device::Access::backend(device).simulated_time(), nullptr)
      << "its model costs nothing, but its time is its own";
  EXPECT_EQ(device::Access::backend(open_device({.backend = "dry"})).simulated_time(), nullptr);
}

TEST(SimulatedDevice, TakesTheCapacityOfADryDevice) {
  EXPECT_THROW(static_cast<void>(simulated_device(0)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(simulated_device(max_dry_capacity + 1)), InvalidArgument);
}

TEST(SimulatedDevice, MayLiveInRealTime) {
  Device device = simulated_device(1_GiB, device::driver_model("event_us=300"), device::SimulatedTime::Kind::real);
  const auto start = Clock::system().now();
  device.synchronize(StreamId::legacy_default, 10s);
  EXPECT_GE(Clock::system().now() - start, 300us);
}

}  // namespace
}  // namespace weir::open
