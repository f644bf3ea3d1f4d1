// What the CUDA backend has to offer on this machine. Includes nothing of CUDA, so
// that it can be read where the toolkit is not.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "device/backend.hpp"

namespace weir::backend::cuda {

/// The system's devices; none, and why, where there is no driver or no device. With `with_free`, the free memory too,
/// for which each device's context is opened for a moment.
[[nodiscard]] std::vector<DeviceInfo> list_devices(bool with_free, std::string& why_none);
/// With `peers`, its pages are mapped for every device that can reach them. Throws what the driver says.
[[nodiscard]] std::shared_ptr<device::Backend> open_device(std::size_t index, bool peers);

}  // namespace weir::backend::cuda
