#include "backend/vulkan/addresses.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/pointer.hpp"

namespace weir::backend::vulkan {
namespace {

using device::Address;

using core::pointer;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

// What a kept range takes of the host's address space: whole pages of the host's, which are 16 or 64 KiB on some.
std::uint64_t host_page() noexcept { return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)); }

Address keep(std::uint64_t bytes, std::uint64_t alignment) {
  const std::uint64_t padded = bytes + (alignment > host_page() ? alignment : 0);
  void* const raw = mmap(nullptr, padded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) {
    const int code = errno;
    throw DriverError("mmap of " + format_bytes(padded) + " of address space failed: " + std::strerror(code),
                      {.name = "mmap", .bytes_asked = padded, .native_code = code});
  }
  const Address start = reinterpret_cast<Address>(raw);
  const Address aligned = round_up(start, alignment);
  if (aligned != start) munmap(raw, aligned - start);
  const std::uint64_t tail = start + padded - (aligned + bytes);
  if (tail != 0) munmap(pointer(aligned + bytes), tail);
  return aligned;
}

}  // namespace

Addresses::~Addresses() {
  for (const auto& [address, range] : ranges_) {
    if (range.kept) munmap(pointer(address), round_up(range.bytes, host_page()));
  }
}

Address Addresses::add_mapped(const Block& block, std::uint64_t bytes, bool device) {
  const Address address = reinterpret_cast<Address>(block.mapped);
  const std::lock_guard lock(mutex_);
  ranges_.emplace(address, Range{bytes, block, false, device});
  return address;
}

Address Addresses::add_kept(const Block& block, std::uint64_t bytes, std::uint64_t alignment) {
  const std::uint64_t whole = round_up(bytes, host_page());
  const Address address = keep(whole, alignment);
  try {
    const std::lock_guard lock(mutex_);
    ranges_.emplace(address, Range{bytes, block, true, true});
  } catch (...) {
    munmap(pointer(address), whole);
    throw;
  }
  return address;
}

Block Addresses::remove(Address address) noexcept {
  Range range;
  {
    const std::lock_guard lock(mutex_);
    const auto found = ranges_.find(address);
    if (found == ranges_.end()) return {};
    range = found->second;
    ranges_.erase(found);
  }
  if (range.kept) munmap(pointer(address), round_up(range.bytes, host_page()));
  return range.block;
}

Addresses::Location Addresses::find(Address address, std::uint64_t bytes) const {
  {
    const std::shared_lock lock(mutex_);
    auto next = ranges_.upper_bound(address);
    if (next != ranges_.begin()) {
      const auto& [start, range] = *--next;
      const std::uint64_t at = address - start;
      if (at <= range.bytes && bytes <= range.bytes - at) return {range.block, at, range.device};
    }
  }
  throw InvalidArgument("Vulkan: " + format_bytes(bytes) + " at address " + std::to_string(address) +
                            " do not lie in one buffer of this device",
                        {.name = "address", .bytes_asked = bytes});
}

}  // namespace weir::backend::vulkan
