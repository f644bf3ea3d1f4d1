#include "track/block_table.hpp"

#include <new>

#include "core/lazy_memory.hpp"

namespace weir::track {

BlockTable::BlockTable() : blocks_(static_cast<Block*>(core::map_lazy(std::uint64_t{capacity} * sizeof(Block)))) {
  // A pool of so many blocks touches them all the time; a small one stays small.
  core::expect_dense(blocks_ + dense_from, (std::uint64_t{capacity} - dense_from) * sizeof(Block));
}

BlockTable::~BlockTable() { core::unmap_lazy(blocks_, std::uint64_t{capacity} * sizeof(Block)); }

std::uint32_t BlockTable::take_run() {
  std::uint32_t first = next_.load(std::memory_order_relaxed);
  do {
    if (first > capacity - run) throw std::bad_alloc();
  } while (!next_.compare_exchange_weak(first, first + run, std::memory_order_acq_rel));
  for (std::uint32_t id = first; id < first + run; ++id) new (&blocks_[id]) Block;
  return first;
}

}  // namespace weir::track
