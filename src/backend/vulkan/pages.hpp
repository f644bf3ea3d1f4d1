// Virtual memory out of sparse residency: an address range is a sparse buffer, an extent
// is one VkDeviceMemory, mapping binds it, a row of them by one call. The page is as large as the number of
// allocations that the device allows asks for, so that what the pool counts is what
// the driver holds, byte for byte. Binds are queue operations, in the order of a
// semaphore that all later submissions wait for. Called by the backend.
#pragma once

#include <atomic>
#include <span>

#include "backend/vulkan/addresses.hpp"
#include "backend/vulkan/streams.hpp"

namespace weir::backend::vulkan {

class Pages {
 public:
  Pages(Gpu& gpu, Memory& memory, Addresses& addresses, Streams& streams);

  /// Bytes; a power of two, also where there is no virtual memory.
  [[nodiscard]] std::uint64_t page_bytes() const noexcept { return page_bytes_; }
  /// Bytes of address space that can be reserved in all, that are free of these, and that one range can have.
  [[nodiscard]] std::uint64_t address_space() const noexcept;
  [[nodiscard]] std::uint64_t address_space_free() const noexcept;
  [[nodiscard]] std::uint64_t max_range() const noexcept;

  /// As many as the device allows in one allocation.
  [[nodiscard]] std::uint32_t max_extent_pages() const noexcept;

  [[nodiscard]] device::Address reserve(std::uint64_t bytes);
  void unreserve(device::Address address, std::uint64_t bytes) noexcept;
  void create(std::span<device::Extent> row);
  void destroy(std::span<const device::Extent> row) noexcept;
  void map(device::Address address, std::span<const device::Extent> row);
  void unmap(device::Address address, std::span<const device::Extent> row);

 private:
  void free(std::span<const device::Extent> row) noexcept;
  void bind(device::Address address, std::span<const device::Extent> row, bool mapped);

  Gpu& gpu_;
  Memory& memory_;
  Addresses& addresses_;
  Streams& streams_;
  const std::uint64_t page_bytes_;
  std::atomic<std::uint64_t> reserved_{0};
};

}  // namespace weir::backend::vulkan
