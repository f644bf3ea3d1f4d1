// The path of a hit, on one screen: find the thread's cache, enter it, take or
// put the newest block of the size, write the books, leave. No locked
// instruction, no call. Where anything is out of the ordinary, allocate.cpp or free.cpp
// takes over with nothing done. While somebody reads the pool's events, or its log wants every
// block, the way here finds no cache, and that other way comes back to the same hit with `told`.
#pragma once

#include "pool/events.hpp"
#include "pool/implementation.hpp"

namespace weir {

#ifdef WEIR_NO_TRACKING
// Only to measure what tracking costs; nothing else may use such a build. It does all that a pool does but to keep
// books: its free blocks age too, so the clock is read and a free is stamped.
constexpr bool tracking = false;
#else
constexpr bool tracking = true;
#endif

inline pool::ThreadCache* Pool::Implementation::quick_cache(std::uint64_t key, StreamId stream) noexcept {
  pool::ThreadCache* const cache = pool::thread_caches.find(key, stream);
  // A cache stays its thread's until the thread gives it up, but serves no stream once that is retired.
  if (cache == nullptr || cache->key.load(std::memory_order_relaxed) != key) [[unlikely]]
    return nullptr;
  return cache;
}

template <bool told>
inline pool::ThreadCache* Pool::Implementation::hit_cache(StreamId stream) const noexcept {
  const std::uint64_t number = static_cast<std::uint32_t>(stream);
  return quick_cache(told ? key_base_ | number : hit_key_base_.load(std::memory_order_relaxed) | number, stream);
}

/// Gives a number that is negative if a ledger is overdrawn: a peak may have been passed.
inline std::int64_t Pool::Implementation::begin_life(track::Block& block, std::size_t bytes, Tag tag,
                                                     Cache& cache) noexcept {
  // Generations are odd, so that none is ever 0.
  block.generation.store(block.generation.load(std::memory_order_relaxed) + 2, std::memory_order_relaxed);
  block.become(track::BlockState::live);
  [[maybe_unused]] const std::int64_t allocated = cache.allocated.spend(block.bytes());
  if constexpr (tracking) {
    block.requested = bytes;
    block.stamp = cache.now.load(std::memory_order_relaxed);
    block.tag = static_cast<std::uint32_t>(tag);
    return cache.requested.spend(bytes) | allocated;  // negative if either is
  }
  return 0;
}

/// Returns the credit for allocated bytes, from which the cache derives how full it is.
inline std::int64_t Pool::Implementation::end_life(track::Block& block, Cache& cache) noexcept {
  const std::int64_t credit = cache.allocated.take_back(block.bytes());
  block.stamp = cache.now.load(std::memory_order_relaxed);  // what it ages from
  if constexpr (tracking) {
    cache.requested.returned.bump(block.requested);
    cache.frees.bump(1);
  }
  return credit;
}

template <bool told, class Otherwise>
[[gnu::always_inline]] inline std::uint64_t Pool::Implementation::hit_or(std::size_t bytes, StreamId stream,
                                                                         AllocateOptions options, Otherwise otherwise) {
  Cache* const cache = hit_cache<told>(stream);
  const std::size_t alignment = options.alignment;
  const bool ordinary =
      alignment == Pool::granule || (alignment - 1 < Pool::granule - 1 && (alignment & (alignment - 1)) == 0);
  if (cache == nullptr || !ordinary || !cache->lock.enter()) [[unlikely]]
    return otherwise(nullptr);
  // Zero bytes, and sizes whose sum wraps, come to zero granules; no list has such a block.
  const std::uint32_t id = cache->pop(blocks_, (bytes + index::granule_bytes - 1) >> index::granule_shift);
  if (id == 0) [[unlikely]] {
    cache->lock.leave();
    return otherwise(cache);
  }
  track::Block& block = blocks_[id];
  const std::int64_t credit = begin_life(block, bytes, options.tag, *cache);
  // Negative if the clock is due, for one test of both.
  const std::int64_t to_tick = static_cast<std::int64_t>(cache->cache_hits.add(1) % operations_per_tick) - 1;
  cache->lock.leave();
  if ((credit | to_tick) < 0) [[unlikely]] {
    const std::uint64_t address = after_hit(*cache, block, credit < 0, to_tick < 0);
    if constexpr (!told) return address;
  }
  if constexpr (told) tell_hit(*cache, id, stream);
  return block.address();
}

[[gnu::always_inline]] inline void Pool::Implementation::hit_or_free(std::uint64_t address, StreamId stream) {
  const std::uint32_t id = space_.addresses().find(address);
  if (blocks_[id].address() != address || !free_hit(id, stream)) [[unlikely]]
    free_otherwise(id, address, stream);
}

template <bool told>
[[gnu::always_inline]] inline bool Pool::Implementation::free_hit(std::uint32_t id, StreamId stream) {
  Cache* const cache = hit_cache<told>(stream);
  track::Block& block = blocks_[id];
  [[maybe_unused]] track::EventRing* const ring = told && cache != nullptr ? ring_of(*cache) : nullptr;
  if (cache == nullptr || block.ownership.load(std::memory_order_relaxed) != cache->id || !cache->lock.enter())
      [[unlikely]]
    return false;
  if (!block.is(track::BlockState::live) || block.remote.load(std::memory_order_relaxed) != 0) [[unlikely]] {
    cache->lock.leave();
    return false;
  }
  [[maybe_unused]] track::Event event;
  [[maybe_unused]] const std::uint64_t address = told ? block.address() : 0;
  if constexpr (told) {
    if (logs_) event = event_of(id, track::EventKind::free, track::EventWay::cache, stream);
  }
  const bool kept = cache->push(block, id, end_life(block, *cache));
  if (!kept) block.become(track::BlockState::busy);
  if constexpr (told) {  // before others can have the block
    if (ring != nullptr) {
      write_hit(*ring, id, track::EventKind::free, kept ? track::EventWay::cache : way_home(), stream);
    }
  }
  cache->lock.leave();
  if (!kept) release(id, cache->stream_index, cache->now);
  if constexpr (told) {
    if (logs_) journal_.log(event, address);
  }
  return true;
}

}  // namespace weir
