// Every Vulkan function that the backend calls, in one table: found at run time, so
// that nothing links libvulkan, and replaceable entry by entry, so that a test can
// stand between the backend and a real driver. Each entry counts its calls.
// The lists below are all there is to add a function. Filled by Loader and Gpu.
//
// volk, the usual way to this, defines a global variable for every Vulkan function;
// in a static library those clash with a program that links libvulkan itself.
#pragma once

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include <atomic>
#include <cstdint>

// NOLINTBEGIN(cppcoreguidelines-macro-usage): a list is written once and read four times
#define WEIR_VULKAN_GLOBAL_FUNCTIONS(use) \
  use(vkCreateInstance) use(vkEnumerateInstanceExtensionProperties) use(vkEnumerateInstanceVersion)

#define WEIR_VULKAN_INSTANCE_FUNCTIONS(use)                                                                            \
  use(vkCreateDevice) use(vkDestroyInstance) use(vkEnumerateDeviceExtensionProperties) use(vkEnumeratePhysicalDevices) \
      use(vkGetDeviceProcAddr) use(vkGetPhysicalDeviceFeatures2) use(vkGetPhysicalDeviceMemoryProperties2)             \
          use(vkGetPhysicalDeviceProperties) use(vkGetPhysicalDeviceProperties2)                                       \
              use(vkGetPhysicalDeviceQueueFamilyProperties) use(vkSetDebugUtilsObjectNameEXT)

#define WEIR_VULKAN_DEVICE_FUNCTIONS(use)                                                                            \
  use(vkAllocateCommandBuffers) use(vkAllocateMemory) use(vkBeginCommandBuffer) use(vkBindBufferMemory)              \
      use(vkCmdCopyBuffer) use(vkCmdFillBuffer) use(vkCmdPipelineBarrier) use(vkCmdUpdateBuffer) use(vkCreateBuffer) \
          use(vkCreateCommandPool) use(vkCreateSemaphore) use(vkDestroyBuffer) use(vkDestroyCommandPool)             \
              use(vkDestroyDevice) use(vkDestroySemaphore) use(vkDeviceWaitIdle) use(vkEndCommandBuffer)             \
                  use(vkFlushMappedMemoryRanges) use(vkFreeMemory) use(vkGetBufferDeviceAddress)                     \
                      use(vkGetBufferMemoryRequirements) use(vkGetDeviceQueue) use(vkGetSemaphoreCounterValue)       \
                          use(vkInvalidateMappedMemoryRanges) use(vkMapMemory) use(vkQueueBindSparse)                \
                              use(vkQueueSubmit) use(vkResetCommandPool) use(vkSignalSemaphore) use(vkWaitSemaphores)
// NOLINTEND(cppcoreguidelines-macro-usage)

namespace weir::backend::vulkan {

/// One function of the driver, or none.
template <class Pointer>
class Function {
 public:
  explicit Function(const char* own) : name_(own) {}

  template <class... Arguments>
  auto operator()(Arguments... arguments) const {
    calls_.fetch_add(1, std::memory_order_relaxed);
    return pointer_(arguments...);
  }
  explicit operator bool() const noexcept { return pointer_ != nullptr; }
  [[nodiscard]] const char* name() const noexcept { return name_; }
  [[nodiscard]] Pointer pointer() const noexcept { return pointer_; }
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_.load(std::memory_order_relaxed); }
  void set(Pointer other) noexcept { pointer_ = other; }

 private:
  const char* name_;
  Pointer pointer_ = nullptr;
  mutable std::atomic<std::uint64_t> calls_{0};
};

struct Functions {
  PFN_vkGetInstanceProcAddr get_instance_proc_addr = nullptr;
// NOLINTBEGIN(cppcoreguidelines-macro-usage, bugprone-macro-parentheses)
#define WEIR_VULKAN_DECLARE(name) Function<PFN_##name> name{#name};
  WEIR_VULKAN_GLOBAL_FUNCTIONS(WEIR_VULKAN_DECLARE)
  WEIR_VULKAN_INSTANCE_FUNCTIONS(WEIR_VULKAN_DECLARE)
  WEIR_VULKAN_DEVICE_FUNCTIONS(WEIR_VULKAN_DECLARE)
#undef WEIR_VULKAN_DECLARE
  // NOLINTEND(cppcoreguidelines-macro-usage, bugprone-macro-parentheses)

  void load_global();
  void load_instance(VkInstance instance);
  void load_device(VkDevice device);
  /// Calls of all functions so far.
  [[nodiscard]] std::uint64_t calls() const noexcept;
};

/// A structure with its type set, and else zero.
template <class Structure>
[[nodiscard]] Structure of_type(VkStructureType type) noexcept {
  Structure made{};
  made.sType = type;
  return made;
}

/// Stands between the backend and a driver: called when functions have been loaded, once for those
/// of the instance (`device` is false) and once for the device's, to replace what it likes. For tests.
using Interpose = void (*)(Functions& functions, bool device);

}  // namespace weir::backend::vulkan
