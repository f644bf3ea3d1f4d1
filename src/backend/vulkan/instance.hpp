// The way to Vulkan on this machine: the loader, opened at run time, an instance,
// and what each adapter (a physical device) has. Nothing here changes a device.
// Called when devices are listed and when one is opened.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/vulkan/functions.hpp"

namespace weir::backend::vulkan {

/// What a physical device has that the backend cares for.
struct Adapter {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  std::string name;
  std::string missing;  ///< why the backend cannot use it; empty if it can
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
  VkPhysicalDeviceLimits limits{};
  VkPhysicalDeviceMemoryProperties memory{};
  std::uint64_t max_allocated = 0;   ///< bytes of one allocation
  std::uint64_t largest_buffer = 0;  ///< bytes
  bool sparse = false;               ///< residency of buffers, and a queue that binds
  bool device_addresses = false;     ///< VkDeviceAddress of buffers
  bool budget = false;               ///< VK_EXT_memory_budget
  bool doubles = false;              ///< shaders may have 64-bit floats
  std::uint32_t work_family = 0;     ///< queues for shaders and copies
  std::uint32_t work_queues = 1;     ///< of these as many as are used
  std::uint32_t copy_family = 0;     ///< queues for copies alone; the same where there is none
  std::uint32_t copy_queues = 0;     ///< of these as many as are used, where the family is one of its own
  std::uint32_t bind_family = 0;     ///< a queue that binds sparse memory: its family
  std::uint32_t bind_queue = 0;      ///< and its number there, which is one of the others' where none is to spare
};

/// The loader and an instance. Throws NotFound, saying what is missing on this machine.
class Instance {
 public:
  explicit Instance(Interpose wrap = nullptr);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Best first: discrete, integrated, virtual, processor.
  [[nodiscard]] std::vector<Adapter> adapters();
  /// Bytes that the program may use of a heap, and uses already, as the driver estimates it.
  struct Budget {
    std::uint64_t total = 0;
    std::uint64_t used = 0;
  };
  [[nodiscard]] std::optional<Budget> budget(const Adapter& adapter, std::uint32_t heap);

  [[nodiscard]] Functions& functions() noexcept { return functions_; }
  [[nodiscard]] VkInstance handle() const noexcept { return instance_; }
  [[nodiscard]] Interpose interpose() const noexcept { return interpose_; }

 private:
  [[nodiscard]] Adapter describe(VkPhysicalDevice device);
  void find_queues(Adapter& adapter, bool may_bind);
  [[nodiscard]] static bool find_bind_queue(Adapter& adapter, const std::vector<VkQueueFamilyProperties>& families);
  void create();

  const Interpose interpose_;
  void* library_ = nullptr;
  Functions functions_;
  VkInstance instance_ = VK_NULL_HANDLE;
};

}  // namespace weir::backend::vulkan
