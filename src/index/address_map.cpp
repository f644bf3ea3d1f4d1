#include "index/address_map.hpp"

#include "core/lazy_memory.hpp"

namespace weir::index {

AddressMap::AddressMap()
    : root_(static_cast<std::atomic<Entry*>*>(core::map_lazy((root_mask + 1) * sizeof(std::atomic<Entry*>)))) {}

AddressMap::~AddressMap() {
  for (std::uint64_t i = 0; i <= root_mask; ++i) {
    if (Entry* leaf = root_[i].load()) core::unmap_lazy(leaf, (leaf_mask + 1) * sizeof(Entry));
  }
  core::unmap_lazy(root_, (root_mask + 1) * sizeof(std::atomic<Entry*>));
}

void AddressMap::prepare(std::uint64_t address, std::uint64_t bytes) {
  if (bytes == 0) return;
  const std::uint64_t end = address + bytes;
  for (std::uint64_t at = address >> leaf_shift; at <= (end - 1) >> leaf_shift; ++at) {
    std::atomic<Entry*>& slot = root_[at & root_mask];
    if (slot.load(std::memory_order_acquire) != nullptr) continue;
    auto* leaf = static_cast<Entry*>(core::map_lazy((leaf_mask + 1) * sizeof(Entry)));
    Entry* expected = nullptr;
    if (!slot.compare_exchange_strong(expected, leaf)) core::unmap_lazy(leaf, (leaf_mask + 1) * sizeof(Entry));
  }
}

}  // namespace weir::index
