#include "backend/vulkan/errors.hpp"

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::vulkan {

std::string name_of(VkResult result) {
  switch (result) {
    // NOLINTBEGIN(cppcoreguidelines-macro-usage)
#define WEIR_VULKAN_NAME(code) \
  case code: return #code;
    WEIR_VULKAN_NAME(VK_SUCCESS)
    WEIR_VULKAN_NAME(VK_NOT_READY)
    WEIR_VULKAN_NAME(VK_TIMEOUT)
    WEIR_VULKAN_NAME(VK_INCOMPLETE)
    WEIR_VULKAN_NAME(VK_ERROR_OUT_OF_HOST_MEMORY)
    WEIR_VULKAN_NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY)
    WEIR_VULKAN_NAME(VK_ERROR_INITIALIZATION_FAILED)
    WEIR_VULKAN_NAME(VK_ERROR_DEVICE_LOST)
    WEIR_VULKAN_NAME(VK_ERROR_MEMORY_MAP_FAILED)
    WEIR_VULKAN_NAME(VK_ERROR_LAYER_NOT_PRESENT)
    WEIR_VULKAN_NAME(VK_ERROR_EXTENSION_NOT_PRESENT)
    WEIR_VULKAN_NAME(VK_ERROR_FEATURE_NOT_PRESENT)
    WEIR_VULKAN_NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
    WEIR_VULKAN_NAME(VK_ERROR_TOO_MANY_OBJECTS)
    WEIR_VULKAN_NAME(VK_ERROR_FRAGMENTED_POOL)
    WEIR_VULKAN_NAME(VK_ERROR_OUT_OF_POOL_MEMORY)
    WEIR_VULKAN_NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE)
    WEIR_VULKAN_NAME(VK_ERROR_FRAGMENTATION)
    WEIR_VULKAN_NAME(VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS)
    WEIR_VULKAN_NAME(VK_ERROR_UNKNOWN)
#undef WEIR_VULKAN_NAME
    // NOLINTEND(cppcoreguidelines-macro-usage)
    default: return "VkResult " + std::to_string(static_cast<int>(result));
  }
}

void fail(VkResult result, const char* call, std::uint64_t bytes) {
  const std::string text =
      std::string(call) + (bytes == 0 ? "" : " of " + format_bytes(bytes)) + " failed: " + name_of(result);
  ErrorFacts facts{.name = call, .native_code = static_cast<int>(result)};
  if (bytes != 0) facts.bytes_asked = bytes;
  switch (result) {
    case VK_ERROR_DEVICE_LOST: throw DeviceLost(text, facts);
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS: throw OutOfMemory(text, facts);
    case VK_ERROR_EXTENSION_NOT_PRESENT:
    case VK_ERROR_FEATURE_NOT_PRESENT: throw Unsupported(text, facts);
    default: throw DriverError(text, facts);
  }
}

}  // namespace weir::backend::vulkan
