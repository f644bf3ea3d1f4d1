#include "backend/vulkan/pages.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::vulkan {
namespace {

using device::Address;
using device::DriverCalls;
using device::Extent;
using device::PageHandle;

constexpr std::uint64_t usual_page = std::uint64_t{2} << 20;

VkDeviceMemory memory_of(PageHandle page) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast, performance-no-int-to-ptr): a handle either way
  return reinterpret_cast<VkDeviceMemory>(static_cast<std::uint64_t>(page));
}

// 2 MiB as elsewhere. Less where address space is so short that pages of that size would be few; more where the
// device allows few allocations: half of them shall be enough for the whole heap.
std::uint64_t page_for(const Gpu& gpu, const Memory& memory) {
  if (!gpu.adapter().sparse) return usual_page;
  constexpr std::uint64_t enough_pages = 8192;
  const VkPhysicalDeviceLimits& limits = gpu.adapter().limits;
  std::uint64_t page = std::min(usual_page, std::bit_floor(limits.sparseAddressSpaceSize / enough_pages));
  page = std::max(page, std::bit_ceil(memory.heap_bytes() / std::max(limits.maxMemoryAllocationCount / 2, 1u)));
  return std::max(page, memory.bind_unit());
}

}  // namespace

Pages::Pages(Gpu& gpu, Memory& memory, Addresses& addresses, Streams& streams)
    : gpu_(gpu), memory_(memory), addresses_(addresses), streams_(streams), page_bytes_(page_for(gpu, memory)) {}

std::uint64_t Pages::address_space() const noexcept {
  return gpu_.adapter().limits.sparseAddressSpaceSize / page_bytes_ * page_bytes_;
}

std::uint64_t Pages::address_space_free() const noexcept {
  const std::uint64_t all = address_space();
  return all - std::min(all, reserved_.load());
}

std::uint64_t Pages::max_range() const noexcept {
  return std::min(address_space(), gpu_.adapter().largest_buffer / page_bytes_ * page_bytes_);
}

std::uint32_t Pages::max_extent_pages() const noexcept {
  if (!gpu_.adapter().sparse) return 1;
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(gpu_.adapter().max_allocated / page_bytes_, 1, UINT32_MAX));
}

Address Pages::reserve(std::uint64_t bytes) {
  gpu_.require_alive();
  // Counted here, as some drivers do not check.
  std::uint64_t now = reserved_.load();
  do {
    const std::uint64_t all = address_space();
    if (bytes > max_range() || now > all - bytes) {
      const std::uint64_t left = std::min(address_space_free(), max_range());
      throw DriverError(gpu_.adapter().name + ": no address range of " + format_bytes(bytes) + "; " +
                            format_bytes(left) + " of " + format_bytes(all) + " of address space can be reserved",
                        {.name = "vkCreateBuffer", .bytes_asked = bytes, .limit = all, .free = left});
    }
  } while (!reserved_.compare_exchange_weak(now, now + bytes));
  try {
    const Block block = memory_.reserve(bytes, "range");
    try {
      return addresses_.add_kept(block, bytes, page_bytes_);
    } catch (...) {
      memory_.unreserve(block);
      throw;
    }
  } catch (const OutOfMemory& error) {
    // It is address space that is short, not memory: nothing that the pool could free helps.
    reserved_ -= bytes;
    throw DriverError(error.message(), error.facts());
  } catch (...) {
    reserved_ -= bytes;
    throw;
  }
}

void Pages::unreserve(Address address, std::uint64_t bytes) noexcept {
  static_cast<void>(streams_.await_binds());
  memory_.unreserve(addresses_.remove(address));
  reserved_ -= bytes;
}

void Pages::create(std::span<Extent> row) {
  gpu_.require_alive();
  std::size_t made = 0;
  try {
    for (; made < row.size(); ++made) {
      row[made].handle = static_cast<PageHandle>(number_of(memory_.allocate_pages(row[made].pages * page_bytes_)));
    }
  } catch (...) {
    free(row.first(made));
    throw;
  }
}

void Pages::free(std::span<const Extent> row) noexcept {
  for (const Extent& extent : row) memory_.free_pages(memory_of(extent.handle), extent.pages * page_bytes_);
}

void Pages::destroy(std::span<const Extent> row) noexcept {
  // They were unmapped, perhaps a moment ago: memory outlives the binds that name it.
  static_cast<void>(streams_.await_binds());
  free(row);
}

void Pages::map(Address address, std::span<const Extent> row) { bind(address, row, true); }

void Pages::unmap(Address address, std::span<const Extent> row) { bind(address, row, false); }

void Pages::bind(Address address, std::span<const Extent> row, bool mapped) {
  const Addresses::Location place = addresses_.find(address, device::pages_of(row) * page_bytes_);
  std::vector<VkSparseMemoryBind> binds(row.size());
  VkDeviceSize offset = place.offset;
  for (std::size_t i = 0; i < row.size(); ++i) {
    binds[i].resourceOffset = offset;
    binds[i].size = row[i].pages * page_bytes_;
    binds[i].memory = mapped ? memory_of(row[i].handle) : VkDeviceMemory{VK_NULL_HANDLE};
    offset += binds[i].size;
  }
  gpu_.count(mapped ? &DriverCalls::maps : &DriverCalls::unmaps);
  streams_.bind(place.block.buffer, binds);
}

}  // namespace weir::backend::vulkan
