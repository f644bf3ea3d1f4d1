#include "backend/vulkan/vulkan_backend.hpp"

#include <algorithm>

#include <weir/errors.hpp>

#include "backend/vulkan/vulkan_device.hpp"
#include "core/elsewhere.hpp"

namespace weir::backend::vulkan {
namespace {

using device::Address;

std::uint64_t largest_local_heap(const Adapter& adapter) {
  std::uint64_t largest = 0;
  for (std::uint32_t i = 0; i < adapter.memory.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = adapter.memory.memoryHeaps[i];
    if ((heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0) largest = std::max(largest, heap.size);
  }
  return largest;
}

// An instance that is kept for good: with a program's last one the loader unloads its drivers, and some have threads
// that are still on their way out then.
void keep_drivers_loaded() {
  static const Instance* const kept = new Instance;
  static_cast<void>(kept);
}

}  // namespace

std::vector<DeviceInfo> list_devices(bool with_free, std::string& why_none) {
  std::vector<DeviceInfo> all;
  try {
    keep_drivers_loaded();
    Instance instance;
    // Those that cannot be opened come last, so that the numbers of the others are their places.
    for (const Adapter& adapter : instance.adapters()) {
      if (!adapter.missing.empty()) {
        why_none += (why_none.empty() ? "" : "; ") + adapter.name + ": " + adapter.missing;
        continue;
      }
      DeviceInfo info;
      info.name = adapter.name;
      info.backend = BackendKind::vulkan;
      info.memory_total = largest_local_heap(adapter);
      info.virtual_memory = adapter.sparse;
      if (with_free) info = make_vulkan_backend({.index = all.size()})->info();
      info.index = all.size();
      info.emulated = adapter.type == VK_PHYSICAL_DEVICE_TYPE_CPU;
      all.push_back(std::move(info));
    }
  } catch (const Error& error) {
    why_none = error.message();
  }
  return all;
}

std::shared_ptr<device::Backend> make_vulkan_backend(const VulkanOptions& options) {
  keep_drivers_loaded();
  auto instance = std::make_unique<Instance>(options.interpose);
  const std::vector<Adapter> adapters = instance->adapters();
  if (options.index >= adapters.size()) {
    throw NotFound(
        "Vulkan: no device " + std::to_string(options.index) + "; the drivers have " + std::to_string(adapters.size()),
        {.name = "vulkan"});
  }
  const Adapter& adapter = adapters[options.index];
  if (!adapter.missing.empty()) {
    throw Unsupported("Vulkan: " + adapter.name + " cannot be used: " + adapter.missing, {.name = adapter.name});
  }
  return core::make_shared_that_waits<VulkanDevice>(std::move(instance), adapter, options.index);
}

VulkanDevice::VulkanDevice(std::unique_ptr<Instance> instance, Adapter adapter, std::size_t index)
    : gpu_(std::move(instance), std::move(adapter)),
      memory_(gpu_),
      commands_(gpu_, memory_),
      streams_(gpu_, commands_),
      pages_(gpu_, memory_, addresses_, streams_) {
  facts_.name = gpu_.adapter().name;
  facts_.backend = BackendKind::vulkan;
  facts_.index = index;
  facts_.emulated = gpu_.adapter().type == VK_PHYSICAL_DEVICE_TYPE_CPU;
  facts_.memory_total = memory_.heap_bytes();
  facts_.page_bytes = pages_.page_bytes();
  facts_.virtual_memory = gpu_.adapter().sparse;
  facts_.pointers = memory_.in_place();
  facts_.unified_memory = memory_.in_place();
  facts_.default_limit = memory_.heap_bytes() / 10 * 9;
  if (!facts_.virtual_memory) return;
  facts_.address_space = pages_.address_space();
  facts_.max_range = pages_.max_range();
}

DeviceInfo VulkanDevice::info() const {
  DeviceInfo info = facts_;
  info.memory_free = memory_.heap_free();
  if (info.virtual_memory) info.address_space_free = pages_.address_space_free();
  return info;
}

Address VulkanDevice::allocate_segment(std::uint64_t bytes) {
  gpu_.require_alive();
  const Block block = memory_.allocate(Memory::Use::storage, bytes, "segment");
  try {
    return memory_.in_place() ? addresses_.add_mapped(block, bytes, true)
                              : addresses_.add_kept(block, bytes, pages_.page_bytes());
  } catch (...) {
    memory_.free(block);
    throw;
  }
}

void VulkanDevice::free_segment(Address address, std::uint64_t) noexcept {
  memory_.free(addresses_.remove(address));  // NOLINT(clang-analyzer-unix.Malloc): not the C library's
}

Address VulkanDevice::allocate_pinned(std::uint64_t bytes) {
  gpu_.require_alive();
  const Block block = memory_.allocate(Memory::Use::pinned, bytes, "pinned memory");
  try {
    return addresses_.add_mapped(block, bytes, false);
  } catch (...) {
    memory_.free(block);
    throw;
  }
}

}  // namespace weir::backend::vulkan
