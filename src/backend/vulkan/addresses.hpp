// weir's addresses on Vulkan, and what buffer lies at each. An address is where the
// host sees the memory, if it does; else a part of the host's address space that
// is kept free for it, so that an address never means two things and a stray use of
// it as a pointer faults at once. Thread-safe. Called by the backend for every copy.
#pragma once

#include <cstdint>
#include <map>
#include <shared_mutex>

#include "backend/vulkan/memory.hpp"
#include "device/backend.hpp"

namespace weir::backend::vulkan {

/// A range of addresses and the buffer that it means.
struct Range {
  std::uint64_t bytes = 0;
  Block block;
  bool kept = false;   ///< its addresses are kept free in the host's address space
  bool device = true;  ///< device memory; else pinned
};

class Addresses {
 public:
  Addresses() = default;
  ~Addresses();
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;

  /// Names the block's memory as the host sees it.
  device::Address add_mapped(const Block& block, std::uint64_t bytes, bool device);
  /// Keeps addresses for a block that the host does not see; a multiple of `alignment`.
  device::Address add_kept(const Block& block, std::uint64_t bytes, std::uint64_t alignment);
  /// Takes a range out that starts at `address`, and gives its block; one with no buffer if there is none.
  [[nodiscard]] Block remove(device::Address address) noexcept;

  /// A place in a buffer.
  struct Location {
    Block block;
    VkDeviceSize offset = 0;  ///< in the buffer
    bool device = true;
  };
  /// Where [address, address + bytes) lies; throws InvalidArgument unless it lies in one buffer.
  [[nodiscard]] Location find(device::Address address, std::uint64_t bytes) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<device::Address, Range> ranges_;
};

}  // namespace weir::backend::vulkan
