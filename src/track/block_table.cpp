#include "track/block_table.hpp"

#include <mutex>
#include <new>

#include "core/lazy_memory.hpp"

namespace weir::track {

BlockTable::BlockTable() : blocks_(static_cast<Block*>(core::map_lazy(std::uint64_t{capacity} * sizeof(Block)))) {}

BlockTable::~BlockTable() { core::unmap_lazy(blocks_, std::uint64_t{capacity} * sizeof(Block)); }

std::uint32_t BlockTable::take_run() {
  const std::lock_guard lock(growing_);
  const std::uint32_t first = next_.load(std::memory_order_relaxed);
  if (first > capacity - run) throw std::bad_alloc();
  for (std::uint32_t id = first; id < first + run; ++id) new (&blocks_[id]) Block;
  next_.store(first + run, std::memory_order_release);  // whoever walks up to end() finds records there
  return first;
}

}  // namespace weir::track
