#include "backend/vulkan/vulkan_backend.hpp"

#include <algorithm>

#include <weir/errors.hpp>

#include "backend/vulkan/vulkan_device.hpp"

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
      info.backend = "vulkan";
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
  return std::make_shared<VulkanDevice>(std::move(instance), adapter);
}

VulkanDevice::VulkanDevice(std::unique_ptr<Instance> instance, Adapter adapter)
    : parts_(std::make_unique<Parts>(std::move(instance), std::move(adapter))) {}

VulkanDevice::~VulkanDevice() {
  // In a child of fork() neither the driver nor the streams' threads are there: all is left as it is.
  if (!home_.is_here()) static_cast<void>(parts_.release());
}

DeviceInfo VulkanDevice::info() const {
  const Memory& memory = parts_->memory;
  DeviceInfo info;
  info.name = parts_->gpu.adapter().name;
  info.backend = "vulkan";
  info.memory_total = memory.heap_bytes();
  info.memory_free = memory.heap_free();
  info.page_bytes = parts_->pages.page_bytes();
  info.virtual_memory = parts_->gpu.adapter().sparse;
  info.pointers = memory.in_place();
  info.unified_memory = memory.in_place();
  info.default_limit = memory.heap_bytes() / 10 * 9;
  if (info.virtual_memory) {
    info.address_space = parts_->pages.address_space();
    info.largest_range = parts_->pages.largest_range();
  }
  return info;
}

Address VulkanDevice::allocate_segment(std::uint64_t bytes) {
  parts_->gpu.require_alive();
  Memory& memory = parts_->memory;
  const Block block = memory.allocate(Memory::Use::storage, bytes, "segment");
  try {
    return memory.in_place() ? parts_->addresses.add_mapped(block, bytes, true)
                             : parts_->addresses.add_kept(block, bytes, parts_->pages.page_bytes());
  } catch (...) {
    memory.free(block);
    throw;
  }
}

void VulkanDevice::free_segment(Address address, std::uint64_t) noexcept {
  parts_->memory.free(parts_->addresses.remove(address));
}

Address VulkanDevice::allocate_pinned(std::uint64_t bytes) {
  parts_->gpu.require_alive();
  const Block block = parts_->memory.allocate(Memory::Use::pinned, bytes, "pinned memory");
  try {
    return parts_->addresses.add_mapped(block, bytes, false);
  } catch (...) {
    parts_->memory.free(block);
    throw;
  }
}

}  // namespace weir::backend::vulkan
