// A dry device whose driver takes time: see DriverModel. For replays and tests.
#pragma once

#include <cstdint>

#include <weir/device.hpp>

#include "device/driver_model.hpp"
#include "device/simulated_time.hpp"

namespace weir::open {

/// `capacity` in bytes, as DeviceRequest has it; throws InvalidArgument as open_device() does. Its backend's
/// simulated_time() is the time that it lives in.
[[nodiscard]] Device simulated_device(std::uint64_t capacity, const device::DriverModel& model = {},
                                      device::SimulatedTime::Kind time = device::SimulatedTime::Kind::imagined);

}  // namespace weir::open
