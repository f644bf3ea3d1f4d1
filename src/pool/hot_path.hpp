// The steps that every operation takes, inlined where they are used: find the
// thread's cache, enter it, begin or end a block's life. A hit is these and one
// list operation, with no locked instruction.
#pragma once

#include "pool/implementation.hpp"

namespace weir {

#ifdef WEIR_NO_TRACKING
constexpr bool tracking = false;  // only to measure what tracking costs; nothing else may use such a build
#else
constexpr bool tracking = true;
#endif

inline pool::ThreadCache& Pool::Implementation::cache_of(StreamId stream) {
  const std::uint64_t key = key_base_ | static_cast<std::uint32_t>(stream);
  const pool::ThreadSlots::Entry& entry = pool::thread_slots.entry(key);
  if (entry.key == key && entry.cache->key.load(std::memory_order_relaxed) == key) [[likely]] return *entry.cache;
  return find_cache(stream, key);
}

inline void Pool::Implementation::enter(Cache& cache) {
  while (!cache.lock.enter()) [[unlikely]] {
    require_usable();
    cache.lock.wait_for_visitors();
  }
}

inline void Pool::Implementation::begin_life(std::uint32_t id, const Request& request, Cache& cache) noexcept {
  track::Block& block = blocks_[id];
  const std::uint32_t generation = block.generation.load(std::memory_order_relaxed) + 1;
  block.generation.store(generation == 0 ? 1 : generation, std::memory_order_relaxed);
  block.owner = cache.id;
  block.become(track::BlockState::live);
  if constexpr (tracking) {
    block.requested = request.bytes;
    block.stamp = cache.now;
    block.tag = static_cast<std::uint32_t>(request.tag);
    cache.allocations.add(1);
    cache.requested_total.add(request.bytes);
    cache.allocated_total.add(block.bytes());
    cache.requested_credit.add(-static_cast<std::int64_t>(request.bytes));
    cache.allocated_credit.add(-static_cast<std::int64_t>(block.bytes()));
  }
}

inline void Pool::Implementation::end_life(const track::Block& block, Cache& cache) noexcept {
  if constexpr (tracking) {
    cache.frees.add(1);
    cache.requested_credit.add(static_cast<std::int64_t>(block.requested));
    cache.allocated_credit.add(static_cast<std::int64_t>(block.bytes()));
  }
}

}  // namespace weir
