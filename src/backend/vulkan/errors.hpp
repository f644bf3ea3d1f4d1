// A driver's result as one of weir's errors: the call, the code's name, and the
// bytes concerned. Called wherever a Vulkan function returns a VkResult.
#pragma once

#include <cstdint>
#include <string>

#include "backend/vulkan/functions.hpp"

namespace weir::backend::vulkan {

/// "VK_ERROR_DEVICE_LOST" and so on; the number where it is none that this backend knows.
[[nodiscard]] std::string name_of(VkResult result);

/// Throws DeviceLost, OutOfMemory, Unsupported or DriverError. `bytes` is 0 where no size is concerned.
[[noreturn]] void fail(VkResult result, const char* call, std::uint64_t bytes = 0);

}  // namespace weir::backend::vulkan
