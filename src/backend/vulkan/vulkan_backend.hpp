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

/// A device that the loader knows.
struct Listed {
  DeviceInfo info;      ///< its limits are known only once it is open: the rest is left out
  std::string refusal;  ///< why the backend cannot open it; empty if it can
};
/// All devices, best first; throws NotFound, with the reason, where there is no loader or no driver.
[[nodiscard]] std::vector<Listed> list_vulkan_devices();

struct VulkanOptions {
  std::size_t index = 0;          ///< of list_vulkan_devices()
  Interpose interpose = nullptr;  ///< for tests
};
/// Throws NotFound, Unsupported or DriverError, each with the reason.
[[nodiscard]] std::shared_ptr<device::Backend> make_vulkan_backend(const VulkanOptions& options = {});

}  // namespace weir::backend::vulkan
