// Device memory by use: which memory type serves storage, pinned memory and weir's
// own staging; allocations counted against each heap and against the number that
// the device allows; buffers bound to them. Thread-safe.
// Called by the backend, Pages and Commands.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string_view>

#include "backend/vulkan/gpu.hpp"

namespace weir::backend::vulkan {

/// A buffer with memory of its own, or over a sparse range with none.
struct Block {
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceSize memory_bytes = 0;
  VkDeviceSize memory_offset = 0;  ///< of the buffer in its memory
  std::uint32_t type = 0;          ///< of its memory
  std::byte* mapped = nullptr;     ///< where the host sees the buffer, if it does; a multiple of 512
  VkDeviceAddress address = 0;     ///< of the buffer's start; 0 where the device has none
  device::CallPurpose purpose = &device::DriverCalls::others;  ///< what calls about it count as
};

class Memory {
 public:
  explicit Memory(Gpu& gpu);

  enum class Use : std::uint8_t { storage, pinned, staging };

  /// A buffer of at least `bytes`, bound; mapped unless it is storage that the host cannot see. Throws OutOfMemory.
  [[nodiscard]] Block allocate(Use use, std::uint64_t bytes, std::string_view name);
  void free(const Block& block) noexcept;
  /// A buffer over `bytes` that pages are bound to.
  [[nodiscard]] Block reserve(std::uint64_t bytes, std::string_view name);
  void unreserve(const Block& block) noexcept;
  /// Bare memory for pages.
  [[nodiscard]] VkDeviceMemory allocate_pages(std::uint64_t bytes);
  void free_pages(VkDeviceMemory pages, std::uint64_t bytes) noexcept;

  /// Whether the host sees storage, coherently and cached: then it is written in place.
  [[nodiscard]] bool in_place() const noexcept { return in_place_; }
  /// Whether the host and the device see each other's writes with no flush.
  [[nodiscard]] bool coherent(std::uint32_t type) const noexcept;
  [[nodiscard]] std::uint64_t heap_bytes() const noexcept { return heap_of(storage_).size; }
  /// Bytes left of the storage's heap: the driver's estimate, or what this backend has not taken.
  [[nodiscard]] std::uint64_t heap_free() const;
  /// The least part that sparse memory is bound in. Bytes, a power of two.
  [[nodiscard]] std::uint64_t bind_unit() const noexcept { return bind_unit_; }

 private:
  class Reservation;
  [[nodiscard]] VkBuffer make_buffer(std::uint64_t bytes, VkBufferCreateFlags flags);
  [[nodiscard]] std::uint32_t pick(std::uint32_t allowed, VkMemoryPropertyFlags needed, VkMemoryPropertyFlags liked,
                                   VkMemoryPropertyFlags disliked) const noexcept;
  [[nodiscard]] std::uint32_t pick_first(std::uint32_t allowed,
                                         std::initializer_list<std::array<VkMemoryPropertyFlags, 2>> wishes) const;
  [[nodiscard]] VkDeviceMemory take(std::uint64_t bytes, std::uint32_t type);
  void give_back(VkDeviceMemory memory, std::uint64_t bytes, std::uint32_t type) noexcept;
  [[nodiscard]] VkMemoryHeap heap_of(std::uint32_t type) const noexcept;
  [[nodiscard]] VkMemoryPropertyFlags flags_of(std::uint32_t type) const noexcept;
  [[nodiscard]] VkDeviceAddress address_of(VkBuffer buffer) const noexcept;
  void map(Block& block, std::uint64_t alignment);
  void choose_types();
  void name(const Block& block, std::string_view name) const;

  Gpu& gpu_;
  std::uint32_t storage_ = 0;
  std::uint32_t pinned_ = 0;
  std::uint32_t staging_ = 0;
  std::uint64_t bind_unit_ = 0;
  bool in_place_ = false;
  std::array<std::atomic<std::uint64_t>, VK_MAX_MEMORY_HEAPS> taken_{};  // bytes
  std::atomic<std::uint32_t> allocations_{0};
};

}  // namespace weir::backend::vulkan
