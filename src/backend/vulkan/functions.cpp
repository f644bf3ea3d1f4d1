#include "backend/vulkan/functions.hpp"

namespace weir::backend::vulkan {

// NOLINTBEGIN(cppcoreguidelines-macro-usage, cppcoreguidelines-pro-type-reinterpret-cast): the driver's own way
void Functions::load_global() {
#define WEIR_VULKAN_LOAD(name) name.set(reinterpret_cast<PFN_##name>(get_instance_proc_addr(nullptr, #name)));
  WEIR_VULKAN_GLOBAL_FUNCTIONS(WEIR_VULKAN_LOAD)
#undef WEIR_VULKAN_LOAD
}

void Functions::load_instance(VkInstance instance) {
#define WEIR_VULKAN_LOAD(name) name.set(reinterpret_cast<PFN_##name>(get_instance_proc_addr(instance, #name)));
  WEIR_VULKAN_INSTANCE_FUNCTIONS(WEIR_VULKAN_LOAD)
#undef WEIR_VULKAN_LOAD
}

void Functions::load_device(VkDevice device) {
#define WEIR_VULKAN_LOAD(name) name.set(reinterpret_cast<PFN_##name>(vkGetDeviceProcAddr(device, #name)));
  WEIR_VULKAN_DEVICE_FUNCTIONS(WEIR_VULKAN_LOAD)
#undef WEIR_VULKAN_LOAD
}

std::uint64_t Functions::calls() const noexcept {
  std::uint64_t sum = 0;
#define WEIR_VULKAN_COUNT(name) sum += name.calls();
  WEIR_VULKAN_GLOBAL_FUNCTIONS(WEIR_VULKAN_COUNT)
  WEIR_VULKAN_INSTANCE_FUNCTIONS(WEIR_VULKAN_COUNT)
  WEIR_VULKAN_DEVICE_FUNCTIONS(WEIR_VULKAN_COUNT)
#undef WEIR_VULKAN_COUNT
  return sum;
}
// NOLINTEND(cppcoreguidelines-macro-usage, cppcoreguidelines-pro-type-reinterpret-cast)

}  // namespace weir::backend::vulkan
