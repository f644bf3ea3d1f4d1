// Vulkan 1.2 as a device: memory types by use, sparse residency as virtual memory
// where there is any, timeline semaphores as streams and events. What a device lacks
// is a flag in info(), or a reason why it cannot be opened.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/vulkan/functions.hpp"
#include "device/backend.hpp"

namespace weir::backend::vulkan {

/// The devices that can be opened, best first; none, and why, where there is no loader, no driver, or no device that
/// will do. Those that will not are named there too. With `with_free` each is opened for a moment and tells all.
[[nodiscard]] std::vector<DeviceInfo> list_devices(bool with_free, std::string& why_none);

struct VulkanOptions {
  std::size_t index = 0;          ///< of list_devices()
  Interpose interpose = nullptr;  ///< for tests
};
/// Throws NotFound, Unsupported or DriverError, each with the reason.
[[nodiscard]] std::shared_ptr<device::Backend> make_vulkan_backend(const VulkanOptions& options = {});

}  // namespace weir::backend::vulkan
