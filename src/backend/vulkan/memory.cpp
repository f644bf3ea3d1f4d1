#include "backend/vulkan/memory.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::vulkan {
namespace {

using device::DriverCalls;

constexpr VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
constexpr VkMemoryPropertyFlags coherently = VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
// Memory that is made when it is first touched, that only protected queues see, or that skips the caches.
constexpr VkMemoryPropertyFlags odd = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | VK_MEMORY_PROPERTY_PROTECTED_BIT |
                                      VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
                                      VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD;

constexpr VkBufferUsageFlags every_use = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                                         VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                         VK_BUFFER_USAGE_INDEX_BUFFER_BIT | VK_BUFFER_USAGE_VERTEX_BUFFER_BIT |
                                         VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT;

constexpr VkBufferCreateFlags sparse = VK_BUFFER_CREATE_SPARSE_BINDING_BIT | VK_BUFFER_CREATE_SPARSE_RESIDENCY_BIT;

constexpr std::uint64_t mapped_alignment = 512;

constexpr std::uint32_t no_type = UINT32_MAX;

}  // namespace

Memory::Memory(Gpu& gpu) : gpu_(gpu) { choose_types(); }

VkMemoryHeap Memory::heap_of(std::uint32_t type) const noexcept {
  const VkPhysicalDeviceMemoryProperties& memory = gpu_.adapter().memory;
  return memory.memoryHeaps[memory.memoryTypes[type].heapIndex];
}

VkMemoryPropertyFlags Memory::flags_of(std::uint32_t type) const noexcept {
  return gpu_.adapter().memory.memoryTypes[type].propertyFlags;
}

bool Memory::coherent(std::uint32_t type) const noexcept { return (flags_of(type) & coherently) != 0; }

// The type with all of `needed` and most of `liked` less `disliked`; of equals the one of the largest heap,
// then the first, as drivers list the better types first.
std::uint32_t Memory::pick(std::uint32_t allowed, VkMemoryPropertyFlags needed, VkMemoryPropertyFlags liked,
                           VkMemoryPropertyFlags disliked) const noexcept {
  std::uint32_t best = no_type;
  std::pair<int, std::uint64_t> best_score{};
  for (std::uint32_t type = 0; type < gpu_.adapter().memory.memoryTypeCount; ++type) {
    const VkMemoryPropertyFlags flags = flags_of(type);
    if ((allowed >> type & 1) == 0 || (flags & needed) != needed || (flags & odd) != 0) continue;
    const std::pair<int, std::uint64_t> score{std::popcount(flags & liked) - std::popcount(flags & disliked),
                                              heap_of(type).size};
    if (best == no_type || score > best_score) {
      best = type;
      best_score = score;
    }
  }
  return best;
}

// The first wish, {needed, disliked}, that some type fulfils.
std::uint32_t Memory::pick_first(std::uint32_t allowed,
                                 std::initializer_list<std::array<VkMemoryPropertyFlags, 2>> wishes) const {
  for (const auto& [needed, disliked] : wishes) {
    const std::uint32_t type = pick(allowed, needed, 0, disliked);
    if (type != no_type) return type;
  }
  throw Unsupported(gpu_.adapter().name + " has no memory type that the host and the device both see",
                    {.name = "vulkan"});
}

void Memory::choose_types() {
  const auto needs = [&](VkBufferCreateFlags flags) {
    const VkBuffer probe = make_buffer(1, flags);
    VkMemoryRequirements found{};
    gpu_.vk().vkGetBufferMemoryRequirements(gpu_.device(), probe, &found);
    gpu_.vk().vkDestroyBuffer(gpu_.device(), probe, nullptr);
    return found;
  };
  const std::uint32_t plain = needs(0).memoryTypeBits;
  std::uint32_t for_storage = plain;
  if (gpu_.adapter().sparse) {
    const VkMemoryRequirements found = needs(sparse);
    for_storage &= found.memoryTypeBits;
    bind_unit_ = std::bit_ceil(found.alignment);
  } else {
    // Memory that both sides see at full speed needs no copies. Pages are worth more than that: growth in
    // place, and memory that goes back; and sparse memory cannot be mapped.
    storage_ = pick(for_storage, local | visible | coherently | cached, 0, 0);
    const std::uint32_t largest = pick(for_storage, local, 0, 0);
    in_place_ = storage_ != no_type && largest != no_type && heap_of(storage_).size >= heap_of(largest).size;
  }
  if (!in_place_) storage_ = pick_first(for_storage, {{local, visible}, {0, visible}});
  // Pinned memory is read by the host after downloads, which is very slow where it is not cached.
  pinned_ = pick_first(plain, {{visible | cached | coherently, local}, {visible | cached, local}, {visible, local}});
  // What the backend stages itself is only written by the host, a few bytes at a time.
  staging_ = pick_first(plain, {{visible | coherently, cached | local}, {visible | coherently, local}});
}

VkBuffer Memory::make_buffer(std::uint64_t bytes, VkBufferCreateFlags flags) {
  auto info = of_type<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
  info.flags = flags;
  info.size = bytes;
  info.usage = every_use;
  if (gpu_.adapter().device_addresses) info.usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
  // Streams copy on one queue and compute on another, in the order of semaphores: no owner to change.
  info.sharingMode = gpu_.families().size() > 1 ? VK_SHARING_MODE_CONCURRENT : VK_SHARING_MODE_EXCLUSIVE;
  if (gpu_.families().size() > 1) {
    info.queueFamilyIndexCount = static_cast<std::uint32_t>(gpu_.families().size());
    info.pQueueFamilyIndices = gpu_.families().data();
  }
  VkBuffer buffer = VK_NULL_HANDLE;
  gpu_.require_for(bytes, gpu_.vk().vkCreateBuffer, gpu_.device(), &info, nullptr, &buffer);
  return buffer;
}

/// Bytes of a heap, and one allocation, booked before the driver is asked, as some drivers check neither bound.
class Memory::Reservation {
 public:
  Reservation(Memory& memory, std::uint64_t bytes, std::uint32_t type)
      : memory_(memory),
        taken_(memory.taken_[memory.gpu_.adapter().memory.memoryTypes[type].heapIndex]),
        bytes_(bytes) {
    const Adapter& adapter = memory.gpu_.adapter();
    const std::uint64_t heap = memory.heap_of(type).size;
    const auto refuse = [&](const std::string& why, std::uint64_t limit, std::uint64_t free) {
      throw OutOfMemory(adapter.name + ": " + format_bytes(bytes) + " asked, " + why,
                        {.name = adapter.name, .bytes_asked = bytes, .limit = limit, .free = free});
    };
    if (bytes > adapter.max_allocated) {
      refuse("the largest allocation is " + format_bytes(adapter.max_allocated), adapter.max_allocated,
             adapter.max_allocated);
    }
    if (memory.allocations_.fetch_add(1) >= adapter.limits.maxMemoryAllocationCount) {
      --memory.allocations_;
      refuse("and there are " + std::to_string(adapter.limits.maxMemoryAllocationCount) +
                 " allocations already, as many as the device allows",
             adapter.limits.maxMemoryAllocationCount, 0);
    }
    std::uint64_t now = taken_.load();
    do {
      if (bytes > heap || now > heap - bytes) {
        --memory.allocations_;
        refuse(format_bytes(heap - std::min(heap, now)) + " free of " + format_bytes(heap), heap,
               heap - std::min(heap, now));
      }
    } while (!taken_.compare_exchange_weak(now, now + bytes));
  }
  ~Reservation() {
    if (kept_) return;
    taken_ -= bytes_;
    --memory_.allocations_;
  }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  void keep() noexcept { kept_ = true; }

 private:
  Memory& memory_;
  std::atomic<std::uint64_t>& taken_;
  const std::uint64_t bytes_;
  bool kept_ = false;
};

VkDeviceMemory Memory::take(std::uint64_t bytes, std::uint32_t type) {
  Reservation reservation(*this, bytes, type);
  auto flags = of_type<VkMemoryAllocateFlagsInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  auto info = of_type<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
  if (gpu_.adapter().device_addresses) info.pNext = &flags;
  info.allocationSize = bytes;
  info.memoryTypeIndex = type;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  gpu_.require_for(bytes, gpu_.vk().vkAllocateMemory, gpu_.device(), &info, nullptr, &memory);
  reservation.keep();
  return memory;
}

void Memory::give_back(VkDeviceMemory memory, std::uint64_t bytes, std::uint32_t type) noexcept {
  gpu_.vk().vkFreeMemory(gpu_.device(), memory, nullptr);
  taken_[gpu_.adapter().memory.memoryTypes[type].heapIndex] -= bytes;
  --allocations_;
}

Block Memory::allocate(Use use, std::uint64_t bytes, std::string_view name) {
  Block block;
  block.type = use == Use::storage ? storage_ : use == Use::pinned ? pinned_ : staging_;
  if (use != Use::staging) block.purpose = use == Use::storage ? &DriverCalls::segments : &DriverCalls::pinned;
  if (bytes > gpu_.adapter().largest_buffer) {
    throw OutOfMemory(gpu_.adapter().name + ": " + format_bytes(bytes) + " asked, the largest buffer is " +
                          format_bytes(gpu_.adapter().largest_buffer),
                      {.name = gpu_.adapter().name, .bytes_asked = bytes, .limit = gpu_.adapter().largest_buffer});
  }
  const bool maps = use != Use::storage || in_place_;
  // The buffer, its needs, memory, and the two brought together; the host's view of it.
  gpu_.count(block.purpose, maps ? 5 : 4);
  block.buffer = make_buffer(bytes, 0);
  try {
    VkMemoryRequirements needs{};
    gpu_.vk().vkGetBufferMemoryRequirements(gpu_.device(), block.buffer, &needs);
    block.memory_bytes = needs.size + (maps ? mapped_alignment : 0);
    block.memory = take(block.memory_bytes, block.type);
    if (maps) map(block, needs.alignment);
    gpu_.require_for(bytes, gpu_.vk().vkBindBufferMemory, gpu_.device(), block.buffer, block.memory,
                     block.memory_offset);
    block.address = address_of(block.buffer);
    this->name(block, name);
    return block;
  } catch (...) {
    free(block);
    throw;
  }
}

// Memory is mapped before its buffer is bound, at the place where the host sees an address as aligned as the pool
// takes for granted; buffers want less of their own places.
void Memory::map(Block& block, std::uint64_t alignment) {
  void* mapped = nullptr;
  gpu_.require_for(block.memory_bytes, gpu_.vk().vkMapMemory, gpu_.device(), block.memory, VkDeviceSize{0},
                   VK_WHOLE_SIZE, VkMemoryMapFlags{0}, &mapped);
  const auto start = reinterpret_cast<std::uintptr_t>(mapped);
  block.memory_offset = (mapped_alignment - start % mapped_alignment) % mapped_alignment;
  block.mapped = static_cast<std::byte*>(mapped) + block.memory_offset;
  // So it is where the driver maps whole pages, as all do that are known.
  const std::uint64_t atom = coherent(block.type) ? 1 : gpu_.adapter().limits.nonCoherentAtomSize;
  if (const std::uint64_t unit = std::max(alignment, atom); block.memory_offset % unit != 0) {
    throw DriverError(gpu_.adapter().name + " maps memory at " + std::to_string(start) + ", where no place is both a " +
                          "multiple of 512 B for the host and of " + format_bytes(unit) + " for the device",
                      {.name = "vkMapMemory", .bytes_asked = block.memory_bytes});
  }
}

void Memory::free(const Block& block) noexcept {
  gpu_.count(block.purpose, block.memory == VK_NULL_HANDLE ? 1 : 2);
  gpu_.vk().vkDestroyBuffer(gpu_.device(), block.buffer, nullptr);
  if (block.memory != VK_NULL_HANDLE) give_back(block.memory, block.memory_bytes, block.type);
}

Block Memory::reserve(std::uint64_t bytes, std::string_view name) {
  Block block;
  gpu_.count(&DriverCalls::reserves);
  block.buffer = make_buffer(bytes, sparse);
  try {
    block.address = address_of(block.buffer);
    this->name(block, name);
    return block;
  } catch (...) {
    unreserve(block);
    throw;
  }
}

void Memory::unreserve(const Block& block) noexcept {
  gpu_.count(&DriverCalls::reserves);
  gpu_.vk().vkDestroyBuffer(gpu_.device(), block.buffer, nullptr);
}

VkDeviceMemory Memory::allocate_pages(std::uint64_t bytes) {
  gpu_.count(&DriverCalls::creates);
  return take(bytes, storage_);
}

void Memory::free_pages(VkDeviceMemory pages, std::uint64_t bytes) noexcept {
  gpu_.count(&DriverCalls::destroys);
  give_back(pages, bytes, storage_);
}

VkDeviceAddress Memory::address_of(VkBuffer buffer) const noexcept {
  if (!gpu_.adapter().device_addresses) return 0;
  auto info = of_type<VkBufferDeviceAddressInfo>(VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO);
  info.buffer = buffer;
  return gpu_.vk().vkGetBufferDeviceAddress(gpu_.device(), &info);
}

void Memory::name(const Block& block, std::string_view name) const {
  gpu_.name(VK_OBJECT_TYPE_BUFFER, number_of(block.buffer), "weir " + std::string(name));
  if (block.memory != VK_NULL_HANDLE) {
    gpu_.name(VK_OBJECT_TYPE_DEVICE_MEMORY, number_of(block.memory), "weir " + std::string(name));
  }
}

std::uint64_t Memory::heap_free() const {
  const std::uint32_t heap = gpu_.adapter().memory.memoryTypes[storage_].heapIndex;
  const std::uint64_t taken = taken_[heap].load();
  const std::uint64_t own = heap_bytes() - std::min(heap_bytes(), taken);
  const auto budget = gpu_.instance().budget(gpu_.adapter(), heap);
  return budget ? std::min(own, budget->total - std::min(budget->total, budget->used)) : own;
}

}  // namespace weir::backend::vulkan
