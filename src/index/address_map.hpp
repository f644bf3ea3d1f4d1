// From an address to the record of the block that starts there, in two loads.
// A radix table over 48 address bits: a root of 2^16 entries, each leaf covering
// 4 GiB with one 32-bit id a granule. Both are reserved address space that the
// system backs only where it is written. Entries are never cleared: a reader
// checks the id against the record it names. Called by the pool on every free.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::index {

class AddressMap {
 public:
  AddressMap();
  ~AddressMap();
  AddressMap(const AddressMap&) = delete;
  AddressMap& operator=(const AddressMap&) = delete;

  /// The id last set for the granule at `address`, 0 if none. Any thread.
  [[nodiscard]] std::uint32_t find(std::uint64_t address) const noexcept {
    const Entry* leaf = root_[(address >> leaf_shift) & root_mask].load(std::memory_order_acquire);
    if (leaf == nullptr) return 0;
    return leaf[(address >> granule_shift) & leaf_mask].load(std::memory_order_relaxed);
  }

  /// Names the record of the block that starts at `address`. Needs prepare() to have covered it.
  void set(std::uint64_t address, std::uint32_t id) noexcept {
    Entry* leaf = root_[(address >> leaf_shift) & root_mask].load(std::memory_order_relaxed);
    leaf[(address >> granule_shift) & leaf_mask].store(id, std::memory_order_relaxed);
  }

  /// Makes set() possible for [address, address + bytes). Any thread; throws std::bad_alloc.
  void prepare(std::uint64_t address, std::uint64_t bytes);

 private:
  using Entry = std::atomic<std::uint32_t>;
  static constexpr unsigned granule_shift = 9;
  static constexpr unsigned leaf_shift = 32;
  static constexpr std::uint64_t root_mask = 0xffff;
  static constexpr std::uint64_t leaf_mask = (std::uint64_t{1} << (leaf_shift - granule_shift)) - 1;

  std::atomic<Entry*>* root_;
};

}  // namespace weir::index
