// Vulkan, for programs that bring their own shaders: which buffer an address lies in,
// the device's own handles, and work of the program's in the order of weir's streams.
// Included beside weir.hpp by those who use Vulkan; it includes <vulkan/vulkan.h>,
// and nothing here links libvulkan. Every function throws Unsupported for a device of another backend.
#pragma once

#include <cstdint>
#include <mutex>

#include <vulkan/vulkan.h>

#include <weir/device.hpp>
#include <weir/stream.hpp>

namespace weir::vulkan {

/// The handles behind a device; they live as long as it does, and are not the program's to destroy.
struct Handles {
  VkInstance instance;
  VkPhysicalDevice physical_device;
  VkDevice device;
  VkQueue queue;               ///< for the program's own submissions; weir submits to it as well: see hold_queues()
  std::uint32_t queue_family;  ///< takes compute and copies; weir may use several queues of it
  bool doubles;                ///< shaderFloat64 is enabled, as it is wherever the device has it
  PFN_vkGetInstanceProcAddr get_instance_proc_addr;  ///< to load functions with, as volkInitializeCustom takes it
  PFN_vkGetDeviceProcAddr get_device_proc_addr;
};
[[nodiscard]] Handles handles(const Device& device);

/// A function of the device by its name and type.
template <class Function>
[[nodiscard]] Function function(const Handles& handles, const char* name) {
  return reinterpret_cast<Function>(handles.get_device_proc_addr(handles.device, name));
}

/// Where memory lies. Valid as long as the block is: a pool may put other blocks of its own in the same buffer.
struct Location {
  VkBuffer buffer;
  VkDeviceSize offset;      ///< bytes from the buffer's start, a multiple of 512 for the start of a block
  VkDeviceMemory memory;    ///< null where pages of several memories are bound to the buffer
  VkDeviceAddress address;  ///< for shaders with buffer references; 0 where the device has none
};
/// Where `bytes` at an address of weir's are: of Pool::allocate, a buffer's access(), or pinned memory.
/// Throws InvalidArgument where they are not in one buffer. Costs a look-up under a shared lock.
[[nodiscard]] Location locate(const Device& device, const void* address, std::uint64_t bytes = 1);

/// The same, as a descriptor of a storage buffer takes it; throws InvalidArgument for more than the device's
/// maxStorageBufferRange, and where the place is no multiple of its minStorageBufferOffsetAlignment, as a block's start
/// is. A range is rounded up to 4 bytes, within the granule of its block.
[[nodiscard]] VkDescriptorBufferInfo storage_buffer(const Device& device, const void* address, std::uint64_t bytes);
/// Of a whole span: std::span, or what a buffer's access() gives.
template <class Span>
[[nodiscard]] auto storage_buffer(const Device& device, const Span& elements)
    -> decltype(elements.data(), VkDescriptorBufferInfo{}) {
  return storage_buffer(device, elements.data(), elements.size() * sizeof(*elements.data()));
}

/// Submits a command buffer of the program's in the order of `stream`, on a queue of Handles::queue_family: all that
/// was queued before is done and visible to it, and it is to all that is queued after. Streams may have queues of their
/// own: between two streams there is the order of events alone. It stays as it is until that is done.
void submit(const Device& device, StreamId stream, VkCommandBuffer commands);

/// A point on a timeline semaphore.
struct TimelinePoint {
  VkSemaphore semaphore;
  std::uint64_t value;
};
/// Reached when all work queued on the stream so far is done: for the program's own submissions to wait for. What
/// it depends on has been submitted when this returns, so it blocks while a host function of the stream's has not run.
[[nodiscard]] TimelinePoint timeline_point(const Device& device, StreamId stream);
/// Work queued on `stream` from now on starts after the point, whose signal the program has submitted already.
void wait_for(const Device& device, StreamId stream, TimelinePoint point);

/// Keeps weir off Handles::queue while the program submits to it itself. Short: work of weir's streams waits.
[[nodiscard]] std::unique_lock<std::mutex> hold_queues(const Device& device);

}  // namespace weir::vulkan
