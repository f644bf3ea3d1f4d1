// A Vulkan driver that misbehaves on demand, over the real one: it stands in the
// backend's table of functions. It can present a discrete GPU's memory (a device-local
// heap that the host does not see; cached host memory that is not coherent, whose two
// sides really differ until they are flushed or invalidated), refuse what passes a
// heap's size, fail the n-th call, and lose the device. It counts what lives, and notes
// the first breach of Vulkan's rules for mapped memory. One at a time; thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "backend/vulkan/vulkan_backend.hpp"

namespace weir::backend::vulkan {

struct FaultyDriver {
  enum Counted : std::size_t { buffers, memories, semaphores, pools, devices, instances, kinds };
  struct Memory {
    std::uint64_t bytes = 0;
    std::uint32_t type = 0;
    std::byte* device = nullptr;
    std::vector<std::byte> host = {};  // what the host sees of memory that is not coherent, from an atom on
    std::byte* seen = nullptr;
  };

  // --- Set by the test before the device is opened ---
  bool discrete = false;
  std::uint32_t max_allocations = 0;  ///< 0: the driver's own; so are the next two
  std::uint64_t sparse_space = 0;     ///< bytes of sparse buffers
  std::uint64_t largest_buffer = 0;   ///< bytes
  int failing_signals = 0;            ///< so many of the host's next ones fail
  static constexpr std::uint64_t device_heap = std::uint64_t{96} << 20;
  static constexpr std::uint64_t host_heap = std::uint64_t{256} << 20;
  static constexpr std::uint64_t atom = 256;

  // --- Faults ---
  std::mutex mutex;
  std::uint64_t countdown = 0;
  VkResult result = VK_SUCCESS;
  bool fired = false;
  bool lost = false;
  VkDevice device = VK_NULL_HANDLE;

  // --- The books ---
  std::array<int, kinds> live{};
  std::map<VkDeviceMemory, Memory> memory;
  std::array<std::uint64_t, 2> taken{};
  std::string breach;

  static FaultyDriver& now() {
    static FaultyDriver* driver = nullptr;
    return *(driver = driver == nullptr ? new FaultyDriver : driver);
  }
  static void reset() {
    FaultyDriver& driver = now();
    const std::lock_guard lock(driver.mutex);
    driver.discrete = false;
    driver.max_allocations = 0;
    driver.sparse_space = driver.largest_buffer = 0;
    driver.failing_signals = 0;
    driver.countdown = 0;
    driver.fired = driver.lost = false;
    driver.live = {};
    driver.memory.clear();
    driver.taken = {};
    driver.breach.clear();
  }
  /// The n-th call from now that gives a result gives this one; a lost device stays lost.
  void fail(std::uint64_t nth, VkResult with) {
    const std::lock_guard lock(mutex);
    countdown = nth;
    result = with;
    fired = false;
  }
  void expect(bool holds, const char* rule) {
    if (!holds && breach.empty()) breach = rule;
  }
  static void interpose(Functions& functions, bool of_device);
};

namespace faulty {

template <class Pointer, class Tag>
struct Real {
  static inline Pointer pointer = nullptr;
};

/// The door of every call that gives a result.
VkResult enter();

template <class Pointer, class Tag>
struct Failing;
template <class Tag, class... Arguments>
struct Failing<VkResult(VKAPI_PTR*)(Arguments...), Tag> {
  using Pointer = VkResult(VKAPI_PTR*)(Arguments...);
  static VKAPI_ATTR VkResult VKAPI_CALL call(Arguments... arguments) {
    const VkResult fault = enter();
    return fault != VK_SUCCESS ? fault : Real<Pointer, Tag>::pointer(arguments...);
  }
};

template <class Tag, class Pointer>
void replace(Function<Pointer>& function, Pointer by) {
  Real<Pointer, Tag>::pointer = function.pointer();
  function.set(by);
}

struct Waits {};
inline PFN_vkDeviceWaitIdle wait_idle = nullptr;

inline VkResult enter() {
  FaultyDriver& driver = FaultyDriver::now();
  std::unique_lock lock(driver.mutex);
  if (driver.lost) return VK_ERROR_DEVICE_LOST;
  if (driver.countdown == 0 || --driver.countdown != 0) return VK_SUCCESS;
  driver.fired = true;
  const VkResult result = driver.result;
  driver.lost = result == VK_ERROR_DEVICE_LOST;
  const VkDevice device = driver.device;
  lock.unlock();
  // On a lost device nothing runs any more: its memory may be freed at once.
  if (result == VK_ERROR_DEVICE_LOST && device != VK_NULL_HANDLE) static_cast<void>(wait_idle(device));
  return result;
}

struct Creates {};
struct Destroys {};
struct Fails {};
struct Presents {};

/// Counts what is made.
template <FaultyDriver::Counted Kind, class Pointer>
struct Creating;
template <FaultyDriver::Counted Kind, class Owner, class Info, class Handle>
struct Creating<Kind, VkResult(VKAPI_PTR*)(Owner, const Info*, const VkAllocationCallbacks*, Handle*)> {
  using Pointer = VkResult(VKAPI_PTR*)(Owner, const Info*, const VkAllocationCallbacks*, Handle*);
  static VKAPI_ATTR VkResult VKAPI_CALL call(Owner owner, const Info* info, const VkAllocationCallbacks* callbacks,
                                             Handle* handle) {
    const VkResult result = Real<Pointer, Creating>::pointer(owner, info, callbacks, handle);
    if (result == VK_SUCCESS) {
      const std::lock_guard lock(FaultyDriver::now().mutex);
      ++FaultyDriver::now().live[Kind];
      if constexpr (Kind == FaultyDriver::devices) FaultyDriver::now().device = *handle;
    }
    return result;
  }
};

template <FaultyDriver::Counted Kind, class Pointer>
struct Destroying;
template <FaultyDriver::Counted Kind, class Owner, class Handle>
struct Destroying<Kind, void(VKAPI_PTR*)(Owner, Handle, const VkAllocationCallbacks*)> {
  using Pointer = void(VKAPI_PTR*)(Owner, Handle, const VkAllocationCallbacks*);
  static VKAPI_ATTR void VKAPI_CALL call(Owner owner, Handle handle, const VkAllocationCallbacks* callbacks) {
    if (handle != VK_NULL_HANDLE) {
      const std::lock_guard lock(FaultyDriver::now().mutex);
      --FaultyDriver::now().live[Kind];
    }
    Real<Pointer, Destroying>::pointer(owner, handle, callbacks);
  }
};
template <FaultyDriver::Counted Kind, class Handle>
struct Destroying<Kind, void(VKAPI_PTR*)(Handle, const VkAllocationCallbacks*)> {
  using Pointer = void(VKAPI_PTR*)(Handle, const VkAllocationCallbacks*);
  static VKAPI_ATTR void VKAPI_CALL call(Handle handle, const VkAllocationCallbacks* callbacks) {
    {
      const std::lock_guard lock(FaultyDriver::now().mutex);
      --FaultyDriver::now().live[Kind];
      if constexpr (Kind == FaultyDriver::devices) FaultyDriver::now().device = VK_NULL_HANDLE;
    }
    Real<Pointer, Destroying>::pointer(handle, callbacks);
  }
};

template <FaultyDriver::Counted Kind, class Pointer>
void count_creation(Function<Pointer>& function) {
  replace<Creating<Kind, Pointer>>(function, &Creating<Kind, Pointer>::call);
}
template <FaultyDriver::Counted Kind, class Pointer>
void count_destruction(Function<Pointer>& function) {
  replace<Destroying<Kind, Pointer>>(function, &Destroying<Kind, Pointer>::call);
}

// --- A discrete GPU's memory ---

enum Type : std::uint32_t { local, written, read };  // the last is cached and not coherent

inline VKAPI_ATTR void VKAPI_CALL memory_properties(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2* out) {
  Real<PFN_vkGetPhysicalDeviceMemoryProperties2, Presents>::pointer(device, out);
  if (!FaultyDriver::now().discrete) return;
  VkPhysicalDeviceMemoryProperties& memory = out->memoryProperties;
  memory.memoryHeapCount = 2;
  memory.memoryHeaps[0] = {FaultyDriver::device_heap, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  memory.memoryHeaps[1] = {FaultyDriver::host_heap, 0};
  memory.memoryTypeCount = 3;
  memory.memoryTypes[local] = {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0};
  memory.memoryTypes[written] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT, 1};
  memory.memoryTypes[read] = {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, 1};
}

inline VKAPI_ATTR void VKAPI_CALL features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2* out) {
  Real<PFN_vkGetPhysicalDeviceFeatures2, Presents>::pointer(device, out);
  if (FaultyDriver::now().discrete) out->features.sparseBinding = VK_FALSE;
}

inline VKAPI_ATTR VkResult VKAPI_CALL extensions(VkPhysicalDevice device, const char* layer, std::uint32_t* count,
                                                 VkExtensionProperties* out) {
  const VkResult result = Real<PFN_vkEnumerateDeviceExtensionProperties, Presents>::pointer(device, layer, count, out);
  // Its estimate is of the real heap.
  if (FaultyDriver::now().discrete && out != nullptr) {
    const auto budget = [](const VkExtensionProperties& each) {
      return std::strcmp(each.extensionName, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME) == 0;
    };
    *count = static_cast<std::uint32_t>(std::remove_if(out, out + *count, budget) - out);
  }
  return result;
}

inline VKAPI_ATTR void VKAPI_CALL properties(VkPhysicalDevice device, VkPhysicalDeviceProperties* out) {
  Real<PFN_vkGetPhysicalDeviceProperties, Presents>::pointer(device, out);
  FaultyDriver& driver = FaultyDriver::now();
  if (driver.discrete) out->limits.nonCoherentAtomSize = FaultyDriver::atom;
  if (driver.max_allocations != 0) out->limits.maxMemoryAllocationCount = driver.max_allocations;
  if (driver.sparse_space != 0) out->limits.sparseAddressSpaceSize = driver.sparse_space;
}

inline VKAPI_ATTR void VKAPI_CALL newer_properties(VkPhysicalDevice device, VkPhysicalDeviceProperties2* out) {
  Real<PFN_vkGetPhysicalDeviceProperties2, Presents>::pointer(device, out);
  if (FaultyDriver::now().largest_buffer == 0) return;
  for (auto* each = static_cast<VkBaseOutStructure*>(out->pNext); each != nullptr; each = each->pNext) {
    if (each->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES) continue;
    reinterpret_cast<VkPhysicalDeviceMaintenance4Properties*>(each)->maxBufferSize = FaultyDriver::now().largest_buffer;
  }
}

inline VKAPI_ATTR void VKAPI_CALL requirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements* out) {
  Real<PFN_vkGetBufferMemoryRequirements, Presents>::pointer(device, buffer, out);
  if (FaultyDriver::now().discrete) out->memoryTypeBits = 1u << local | 1u << written | 1u << read;
}

inline VKAPI_ATTR VkResult VKAPI_CALL allocate(VkDevice device, const VkMemoryAllocateInfo* info,
                                               const VkAllocationCallbacks* callbacks, VkDeviceMemory* out) {
  FaultyDriver& driver = FaultyDriver::now();
  VkMemoryAllocateInfo real = *info;
  const std::size_t heap = info->memoryTypeIndex == local ? 0 : 1;
  if (driver.discrete) {
    const std::lock_guard lock(driver.mutex);
    const std::uint64_t most = heap == 0 ? FaultyDriver::device_heap : FaultyDriver::host_heap;
    if (driver.taken[heap] + info->allocationSize > most) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    real.memoryTypeIndex = 0;
  }
  const VkResult result = Real<PFN_vkAllocateMemory, Presents>::pointer(device, &real, callbacks, out);
  if (result == VK_SUCCESS) {
    const std::lock_guard lock(driver.mutex);
    driver.taken[heap] += info->allocationSize;
    driver.memory[*out] = {.bytes = info->allocationSize, .type = info->memoryTypeIndex};
  }
  return result;
}

inline VKAPI_ATTR void VKAPI_CALL free(VkDevice device, VkDeviceMemory memory, const VkAllocationCallbacks* callbacks) {
  FaultyDriver& driver = FaultyDriver::now();
  {
    const std::lock_guard lock(driver.mutex);
    const auto found = driver.memory.find(memory);
    if (found != driver.memory.end()) {
      driver.taken[found->second.type == local ? 0 : 1] -= found->second.bytes;
      driver.memory.erase(found);
    }
  }
  Real<PFN_vkFreeMemory, Presents>::pointer(device, memory, callbacks);
}

inline VKAPI_ATTR VkResult VKAPI_CALL map(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                          VkDeviceSize bytes, VkMemoryMapFlags flags, void** out) {
  FaultyDriver& driver = FaultyDriver::now();
  const VkResult result = Real<PFN_vkMapMemory, Presents>::pointer(device, memory, offset, bytes, flags, out);
  const std::lock_guard lock(driver.mutex);
  if (!driver.discrete || result != VK_SUCCESS) return result;
  FaultyDriver::Memory& known = driver.memory[memory];
  driver.expect(known.type != local, "memory that the host cannot see was mapped");
  if (known.type != read) return result;
  known.device = static_cast<std::byte*>(*out);
  known.host.assign(known.bytes + FaultyDriver::atom, std::byte{0xdb});
  const std::uint64_t past = reinterpret_cast<std::uintptr_t>(known.host.data()) % FaultyDriver::atom;
  known.seen = known.host.data() + (FaultyDriver::atom - past);
  *out = known.seen;
  return result;
}

/// Moves bytes between the two sides of memory that is not coherent.
inline void synchronize(std::uint32_t count, const VkMappedMemoryRange* ranges, bool to_device) {
  FaultyDriver& driver = FaultyDriver::now();
  const std::lock_guard lock(driver.mutex);
  if (!driver.discrete) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    FaultyDriver::Memory& known = driver.memory[ranges[i].memory];
    const std::uint64_t from = ranges[i].offset;
    const std::uint64_t bytes = ranges[i].size == VK_WHOLE_SIZE ? known.bytes - from : ranges[i].size;
    driver.expect(from % FaultyDriver::atom == 0, "a flushed range does not start at an atom");
    driver.expect(bytes % FaultyDriver::atom == 0 || from + bytes == known.bytes,
                  "a flushed range does not end at an atom");
    driver.expect(from + bytes <= known.bytes, "a flushed range passes the memory's end");
    driver.expect(known.device != nullptr, "a range is flushed that is coherent, or not mapped");
    if (!driver.breach.empty()) return;
    if (to_device) {
      std::memcpy(known.device + from, known.seen + from, bytes);
    } else {
      std::memcpy(known.seen + from, known.device + from, bytes);
    }
  }
}

inline VKAPI_ATTR VkResult VKAPI_CALL flush(VkDevice device, std::uint32_t count, const VkMappedMemoryRange* ranges) {
  synchronize(count, ranges, true);
  return FaultyDriver::now().discrete ? VK_SUCCESS
                                      : Real<PFN_vkFlushMappedMemoryRanges, Presents>::pointer(device, count, ranges);
}
inline VKAPI_ATTR VkResult VKAPI_CALL invalidate(VkDevice device, std::uint32_t count,
                                                 const VkMappedMemoryRange* ranges) {
  synchronize(count, ranges, false);
  return FaultyDriver::now().discrete
             ? VK_SUCCESS
             : Real<PFN_vkInvalidateMappedMemoryRanges, Presents>::pointer(device, count, ranges);
}

inline VKAPI_ATTR VkResult VKAPI_CALL signal(VkDevice device, const VkSemaphoreSignalInfo* info) {
  FaultyDriver& driver = FaultyDriver::now();
  {
    const std::lock_guard lock(driver.mutex);
    if (driver.failing_signals > 0 && driver.failing_signals-- > 0) return VK_ERROR_OUT_OF_HOST_MEMORY;
  }
  return Real<PFN_vkSignalSemaphore, Presents>::pointer(device, info);
}

template <class Tag, class Pointer>
void may_fail(Function<Pointer>& function) {
  replace<Tag>(function, &Failing<Pointer, Tag>::call);
}

}  // namespace faulty

inline void FaultyDriver::interpose(Functions& functions, bool of_device) {
  using namespace faulty;
  if (!of_device) {
    ++now().live[instances];
    replace<Presents>(functions.vkGetPhysicalDeviceMemoryProperties2, &memory_properties);
    replace<Presents>(functions.vkGetPhysicalDeviceFeatures2, &features);
    replace<Presents>(functions.vkGetPhysicalDeviceProperties, &properties);
    replace<Presents>(functions.vkGetPhysicalDeviceProperties2, &newer_properties);
    replace<Presents>(functions.vkEnumerateDeviceExtensionProperties, &extensions);
    count_destruction<instances>(functions.vkDestroyInstance);
    count_creation<devices>(functions.vkCreateDevice);
    may_fail<struct CreateDevice>(functions.vkCreateDevice);
    may_fail<struct Enumerate>(functions.vkEnumeratePhysicalDevices);
    return;
  }
  wait_idle = functions.vkDeviceWaitIdle.pointer();
  replace<Presents>(functions.vkGetBufferMemoryRequirements, &requirements);
  replace<Presents>(functions.vkAllocateMemory, &allocate);
  replace<Presents>(functions.vkFreeMemory, &faulty::free);
  replace<Presents>(functions.vkMapMemory, &map);
  replace<Presents>(functions.vkFlushMappedMemoryRanges, &flush);
  replace<Presents>(functions.vkInvalidateMappedMemoryRanges, &invalidate);
  replace<Presents>(functions.vkSignalSemaphore, &faulty::signal);
  count_creation<buffers>(functions.vkCreateBuffer);
  count_creation<memories>(functions.vkAllocateMemory);
  count_creation<semaphores>(functions.vkCreateSemaphore);
  count_creation<pools>(functions.vkCreateCommandPool);
  count_destruction<buffers>(functions.vkDestroyBuffer);
  count_destruction<memories>(functions.vkFreeMemory);
  count_destruction<semaphores>(functions.vkDestroySemaphore);
  count_destruction<pools>(functions.vkDestroyCommandPool);
  count_destruction<devices>(functions.vkDestroyDevice);
  may_fail<struct AllocateCommandBuffers>(functions.vkAllocateCommandBuffers);
  may_fail<struct AllocateMemory>(functions.vkAllocateMemory);
  may_fail<struct BeginCommandBuffer>(functions.vkBeginCommandBuffer);
  may_fail<struct BindBufferMemory>(functions.vkBindBufferMemory);
  may_fail<struct CreateBuffer>(functions.vkCreateBuffer);
  may_fail<struct CreateCommandPool>(functions.vkCreateCommandPool);
  may_fail<struct CreateSemaphore>(functions.vkCreateSemaphore);
  may_fail<struct EndCommandBuffer>(functions.vkEndCommandBuffer);
  may_fail<struct Flush>(functions.vkFlushMappedMemoryRanges);
  may_fail<struct Counter>(functions.vkGetSemaphoreCounterValue);
  may_fail<struct Invalidate>(functions.vkInvalidateMappedMemoryRanges);
  may_fail<struct MapMemory>(functions.vkMapMemory);
  may_fail<struct BindSparse>(functions.vkQueueBindSparse);
  may_fail<struct Submit>(functions.vkQueueSubmit);
  may_fail<struct ResetPool>(functions.vkResetCommandPool);
  may_fail<struct Signal>(functions.vkSignalSemaphore);
  may_fail<struct Wait>(functions.vkWaitSemaphores);
}

}  // namespace weir::backend::vulkan
