// <weir/vulkan.hpp>: the backend's parts, as a program with shaders of its own sees them.
#include <weir/bytes.hpp>
#include <weir/errors.hpp>

// Before the public header, which leaves it to the program whether functions are declared.
#include "backend/vulkan/vulkan_device.hpp"
#include "device/access.hpp"

#include <weir/vulkan.hpp>

namespace weir::vulkan {
namespace {

using backend::vulkan::VulkanDevice;

VulkanDevice& backend_of(const Device& device) {
  device::Access::backend(device).require_own_process();
  if (auto* const found = dynamic_cast<VulkanDevice*>(&device::Access::backend(device).concrete())) return *found;
  throw Unsupported(device.info().name + " is no Vulkan device; open one with DeviceRequest{.backend = \"vulkan\"}",
                    {.name = "vulkan"});
}

}  // namespace

Handles handles(const Device& device) {
  VulkanDevice& backend = backend_of(device);
  const backend::vulkan::Gpu& gpu = backend.gpu();
  return {.instance = gpu.instance().handle(),
          .physical_device = gpu.adapter().handle,
          .device = gpu.device(),
          .queue = gpu.queue(backend::vulkan::QueueKind::work).handle,
          .queue_family = gpu.adapter().work_family,
          .doubles = gpu.adapter().doubles,
          .get_instance_proc_addr = gpu.vk().get_instance_proc_addr,
          .get_device_proc_addr = gpu.vk().vkGetDeviceProcAddr.pointer()};
}

Location locate(const Device& device, const void* address, std::uint64_t bytes) {
  const auto place = backend_of(device).addresses().find(reinterpret_cast<device::Address>(address), bytes);
  return {.buffer = place.block.buffer,
          .offset = place.offset,
          .memory = place.block.memory,
          .address = place.block.address == 0 ? 0 : place.block.address + place.offset};
}

VkDescriptorBufferInfo storage_buffer(const Device& device, const void* address, std::uint64_t bytes) {
  constexpr std::uint64_t word = 4;
  const std::uint64_t most = backend_of(device).gpu().adapter().limits.maxStorageBufferRange;
  if (bytes == 0 || bytes > most) {
    throw InvalidArgument("Vulkan: a storage buffer has 1 B to " + format_bytes(most) + " here, not " +
                              format_bytes(bytes) + "; bind it in parts, or use buffer references",
                          {.name = "storage_buffer", .bytes_asked = bytes, .limit = most});
  }
  const Location found = locate(device, address, bytes);
  const std::uint64_t unit = backend_of(device).gpu().adapter().limits.minStorageBufferOffsetAlignment;
  if (found.offset % unit != 0) {
    throw InvalidArgument("Vulkan: a storage buffer starts at a multiple of " + format_bytes(unit) +
                              " in its buffer here, not at " + std::to_string(found.offset) +
                              "; bind the block from its start and pass the shader an offset",
                          {.name = "storage_buffer", .bytes_asked = bytes, .limit = unit});
  }
  return {found.buffer, found.offset, (bytes + word - 1) / word * word};
}

void submit(const Device& device, StreamId stream, VkCommandBuffer commands) {
  VulkanDevice& backend = backend_of(device);
  device::Access::backend(device).before_foreign_work(stream);
  backend.streams().submit(backend.meant_by(stream), backend::vulkan::Work{.foreign = commands});
}

TimelinePoint timeline_point(const Device& device, StreamId stream) {
  VulkanDevice& backend = backend_of(device);
  const auto reached = backend.streams().timeline_point(backend.meant_by(stream));
  return {reached.semaphore, reached.value};
}

void wait_for(const Device& device, StreamId stream, TimelinePoint point) {
  VulkanDevice& backend = backend_of(device);
  backend.streams().wait_for(backend.meant_by(stream), {point.semaphore, point.value});
}

std::unique_lock<std::mutex> hold_queues(const Device& device) {
  return std::unique_lock(backend_of(device).gpu().queue(backend::vulkan::QueueKind::work).mutex);
}

}  // namespace weir::vulkan
