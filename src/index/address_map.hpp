// From an address to the record of the block that starts there, in three loads.
// A radix table over 48 address bits: a root of 2^16 entries, each leaf covering
// 4 GiB in two tables of 32-bit ids: one entry for every 256 KiB, and one for
// every granule. A block of 256 KiB or more is the only such block that starts in
// its 256 KiB, so it has its entry in the first table, which is small enough to stay in
// a cache; the second is touched for short blocks alone. Both are reserved address
// space that the system backs only where it is written. Entries are never cleared: a
// reader checks the id against the record it names. Called by the pool on every free.
#pragma once

#include <atomic>
#include <cstdint>

#include "index/size_bins.hpp"

namespace weir::index {

class AddressMap {
 public:
  AddressMap();
  ~AddressMap();
  AddressMap(const AddressMap&) = delete;
  AddressMap& operator=(const AddressMap&) = delete;

  /// The id last set for a long block that starts near `address`, else that of the short block
  /// of the granule there; 0 if none. Any thread.
  [[nodiscard]] std::uint32_t find(std::uint64_t address) const noexcept {
    const Leaf* leaf = leaf_of(address);
    if (leaf == nullptr) [[unlikely]]
      return 0;
    const std::uint32_t id = leaf->longs[(address >> long_shift) % long_count].load(std::memory_order_relaxed);
    return id != 0 ? id : leaf->shorts[(address >> granule_shift) % short_count].load(std::memory_order_relaxed);
  }
  /// The same for short blocks alone: where the long block is one of the past.
  [[nodiscard]] std::uint32_t find_short(std::uint64_t address) const noexcept {
    const Leaf* leaf = leaf_of(address);
    return leaf == nullptr ? 0 : leaf->shorts[(address >> granule_shift) % short_count].load(std::memory_order_relaxed);
  }

  /// Names the record of the block of `granules` that starts at `address`. Needs prepare() to have covered it.
  void set(std::uint64_t address, std::uint64_t granules, std::uint32_t id) noexcept {
    Leaf& leaf = *leaf_of(address);
    (granules >= long_granules ? leaf.longs[(address >> long_shift) % long_count]
                               : leaf.shorts[(address >> granule_shift) % short_count])
        .store(id, std::memory_order_relaxed);
  }
  /// Forgets the long blocks that started in [address, address + bytes), so that short ones there are found at once.
  void forget_long(std::uint64_t address, std::uint64_t bytes) noexcept;

  /// Makes set() possible for [address, address + bytes). Any thread; throws std::bad_alloc.
  void prepare(std::uint64_t address, std::uint64_t bytes);

 private:
  static constexpr unsigned leaf_shift = 32;
  static constexpr unsigned long_shift = 18;
  static constexpr std::uint64_t long_granules = std::uint64_t{1} << (long_shift - granule_shift);
  static constexpr std::uint64_t root_count = 1 << 16;
  static constexpr std::uint64_t long_count = std::uint64_t{1} << (leaf_shift - long_shift);
  static constexpr std::uint64_t short_count = std::uint64_t{1} << (leaf_shift - granule_shift);
  struct Leaf {
    std::atomic<std::uint32_t> longs[long_count];    // NOLINT(modernize-avoid-c-arrays): made by the system, all zero
    std::atomic<std::uint32_t> shorts[short_count];  // NOLINT(modernize-avoid-c-arrays)
  };

  [[nodiscard]] Leaf* leaf_of(std::uint64_t address) const noexcept {
    return root_[(address >> leaf_shift) % root_count].load(std::memory_order_acquire);
  }

  std::atomic<Leaf*>* root_;
};

}  // namespace weir::index
