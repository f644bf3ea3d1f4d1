#include "index/address_map.hpp"

#include "core/lazy_memory.hpp"

namespace weir::index {
namespace {

constexpr const char* what = "the map from addresses to blocks";

}  // namespace

AddressMap::AddressMap()
    : root_(static_cast<std::atomic<Leaf*>*>(core::map_lazy(root_count * sizeof(std::atomic<Leaf*>), what))) {}

AddressMap::~AddressMap() {
  for (std::uint64_t i = 0; i < root_count; ++i) {
    if (Leaf* leaf = root_[i].load()) core::unmap_lazy(leaf, sizeof(Leaf));
  }
  core::unmap_lazy(root_, root_count * sizeof(std::atomic<Leaf*>));
}

void AddressMap::prepare(std::uint64_t address, std::uint64_t bytes) {
  if (bytes == 0) return;
  const std::uint64_t end = address + bytes;
  for (std::uint64_t at = address >> leaf_shift; at <= (end - 1) >> leaf_shift; ++at) {
    std::atomic<Leaf*>& entry = root_[at % root_count];
    if (entry.load(std::memory_order_acquire) != nullptr) continue;
    auto* leaf = static_cast<Leaf*>(core::map_lazy(sizeof(Leaf), what));
    Leaf* expected = nullptr;
    if (!entry.compare_exchange_strong(expected, leaf)) core::unmap_lazy(leaf, sizeof(Leaf));
  }
}

void AddressMap::forget_long(std::uint64_t address, std::uint64_t bytes) noexcept {
  constexpr std::uint64_t stretch = std::uint64_t{1} << long_shift;
  const std::uint64_t first = (address + stretch - 1) >> long_shift;  // only what lies inside as a whole
  const std::uint64_t end = (address + bytes) >> long_shift;
  Leaf* leaf = nullptr;
  for (std::uint64_t entry = first; entry < end; ++entry) {
    if (leaf == nullptr || entry % long_count == 0) leaf = leaf_of(entry << long_shift);
    leaf->longs[entry % long_count].store(0, std::memory_order_relaxed);
  }
}

}  // namespace weir::index
