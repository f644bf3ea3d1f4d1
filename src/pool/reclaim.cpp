// From thread caches into arenas: blocks that other threads freed, caches that are
// emptied, and caches whose threads have ended.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include <weir/errors.hpp>

#include "pool/door.hpp"
#include "pool/hot_path.hpp"

namespace weir {

using pool::ThreadCache;
using track::Block;
using track::BlockState;

// --- From caches into arenas ---

// Blocks that other threads freed, out of the owner's queue: kept in the cache where
// `keep` allows, the rest as a chain. The caller holds the cache's lock.
std::uint32_t Pool::Implementation::take_remote(Cache& cache, bool keep) {
  std::uint32_t chain = 0;
  std::uint32_t id = cache.remote_head.exchange(0, std::memory_order_acquire);
  while (id != 0) {
    Block& block = blocks_[id];
    const std::uint32_t next = block.remote_next;
    cache.remote_bytes.fetch_sub(block.bytes(), std::memory_order_relaxed);
    const std::uint32_t generation = block.remote.load(std::memory_order_acquire);
    if (!block.is(BlockState::live) || block.generation.load(std::memory_order_relaxed) != generation) {
      ++errors_;  // its owner freed it too, at the same moment
    } else {
      block.stamp = cache.now;
      const bool here = keep && block.lane.load(std::memory_order_relaxed) == cache.lane && !block.shared();
      if (!here || !cache.adopt(block, id)) {
        block.become(BlockState::busy);
        block.list_next = chain;
        chain = id;
      }
    }
    // Only now, as it is no longer live: at no moment may a freed block look like one that is not.
    block.remote.store(0, std::memory_order_release);
    id = next;
  }
  return chain;
}

void Pool::Implementation::drain(Cache& cache) {
  enter(cache);
  const std::uint32_t chain = take_remote(cache, true);
  cache.lock.leave();
  release_freed(chain);
}

void Pool::Implementation::release(std::uint32_t id, Lane lane, std::uint32_t now) {
  Block& block = blocks_[id];
  const bool plain = mode_ == PoolMode::pages && block.arena == segment_arena_number;
  if (mode_ == PoolMode::off || plain) {
    free_directly(id, lane, now);
    return;
  }
  pool::Arena& arena = *arenas_[block.arena].load(std::memory_order_acquire);
  const auto lock = arena.lock();
  block.lane.store(lane, std::memory_order_relaxed);
  arena.release(id, lanes_.epoch(lane), now);
}

// Blocks that carry their lane with them.
void Pool::Implementation::release_freed(std::uint32_t chain) {
  while (chain != 0) {
    const std::uint32_t id = std::exchange(chain, blocks_[chain].list_next);
    const Block& block = blocks_[id];
    const Lane lane = block.lane.load(std::memory_order_relaxed);
    if (block.shared()) {
      free_shared(id, lane, block.stamp);
    } else {
      release(id, lane, block.stamp);
    }
  }
}

// Blocks of one cache; their stamps tell when they were freed.
void Pool::Implementation::release_chain(std::uint32_t chain, Lane lane) {
  while (chain != 0) {
    pool::Arena& arena = *arenas_[blocks_[chain].arena].load(std::memory_order_acquire);
    const auto lock = arena.lock();
    chain = release_into(arena, chain, lane);
  }
}

// Releases those of a chain that are of this arena, whose lock is held; gives the chain of the others.
std::uint32_t Pool::Implementation::release_into(pool::Arena& arena, std::uint32_t chain, Lane lane) {
  std::uint32_t others = 0;
  const std::uint64_t epoch = lanes_.epoch(lane);
  while (chain != 0) {
    const std::uint32_t id = std::exchange(chain, blocks_[chain].list_next);
    Block& block = blocks_[id];
    if (block.arena != arena.number()) {
      block.list_next = others;
      others = id;
      continue;
    }
    block.become(BlockState::busy);
    block.lane.store(lane, std::memory_order_relaxed);
    arena.release(id, epoch, block.stamp);
  }
  return others;
}

namespace {

void give_back_credit(track::PeakMeter& meter, track::Ledger ThreadCache::*book, ThreadCache& cache) {
  // One that is overdrawn is its owner's to settle: handed on, it would hide that the peak was passed.
  const std::int64_t credit = std::max<std::int64_t>(0, (cache.*book).credit());
  cache.grant(book, -credit);
  meter.give(credit);
}

}  // namespace

// Only caches that are awake can hold anything. Where many are, those that are empty afterwards are
// put to sleep, so that each visit but a few is paid for by a use of the cache since the last.
std::uint64_t Pool::Implementation::flush_all(std::uint32_t since) {
  const bool everything = since == UINT32_MAX;
  std::vector<Taken> taken;
  std::uint64_t frees = 0;
  const Moving moving(flushing_, moved_);
  {
    const std::lock_guard peaks(peaks_mutex_);
    const std::lock_guard lock(caches_mutex_);
    const bool many = awake_.size() > few_caches;
    taken.reserve(awake_.size());  // before the gates are shut: nothing may throw behind them
    visit(awake_, [&](Cache& cache) {
      const std::uint32_t freed = take_remote(cache, false);
      const std::uint32_t cached = everything ? cache.take_all(blocks_) : cache.take_older(blocks_, since);
      if (freed != 0 || cached != 0) taken.push_back({cached, freed, cache.lane});
      if (!many || cache.cached() != 0 || cache.requested.overdrawn() || cache.allocated.overdrawn()) {
        frees += cache.frees.get();
        return;
      }
      give_back_credit(requested_, &ThreadCache::requested, cache);
      give_back_credit(allocated_, &ThreadCache::allocated, cache);
      cache.lock.put_to_sleep();
    });
    std::erase_if(awake_, [](Cache* cache) {
      const bool left_for_it = cache->remote_head.load(std::memory_order_seq_cst) != 0;
      return cache->lock.asleep() && !(left_for_it && cache->lock.wake());
    });
  }
  release_taken(taken);
  return frees;
}

bool Pool::Implementation::flush_own() {
  std::vector<Taken> taken;
  const Moving moving(flushing_, moved_);
  {
    const std::lock_guard lock(caches_mutex_);
    std::vector<Cache*> own;
    std::copy_if(awake_.begin(), awake_.end(), std::back_inserter(own),
                 [](Cache* each) { return pool::is_own(*each); });
    if (own.size() == awake_.size()) return false;
    taken.reserve(own.size());
    visit(own, [&](Cache& cache) {
      const std::uint32_t freed = take_remote(cache, false);
      taken.push_back({cache.take_all(blocks_), freed, cache.lane});
    });
  }
  release_taken(taken);
  return true;
}

void Pool::Implementation::release_taken(const std::vector<Taken>& taken) {
  for (const Taken& each : taken) {
    release_chain(each.cached, each.lane);
    release_freed(each.freed);
  }
}

std::uint64_t Pool::Implementation::awake_frees() const {
  const std::lock_guard lock(caches_mutex_);
  return std::accumulate(awake_.begin(), awake_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Cache* cache) { return sum + cache->frees.get(); });
}

void Pool::Implementation::wake(Cache& cache) noexcept {
  const std::lock_guard lock(caches_mutex_);
  if (cache.lock.wake()) awake_.push_back(&cache);
}

// Empties the cache that serves `key`: what it holds goes to the arenas, its credit to all. Only its own
// thread, which may be in the middle of using it, can give it up for others; until then it stays with it.
void Pool::Implementation::detach(Cache& cache, std::uint64_t key) {
  bool mine = false;  // not if another thread was quicker
  bool given_up = false;
  std::uint32_t cached = 0;
  std::uint32_t freed = 0;
  Lane lane = 0;  // by the time the blocks go back, the cache may serve another stream
  {
    const std::lock_guard lock(peaks_mutex_);
    visit({&cache}, [&](Cache& here) {
      mine = here.key == key && here.thread != nullptr;
      if (!mine) return;
      give_back_credit(requested_, &ThreadCache::requested, here);
      give_back_credit(allocated_, &ThreadCache::allocated, here);
      here.key = 0;
      given_up = pool::is_own(here);
      if (given_up) here.thread = nullptr;
      freed = take_remote(here, false);
      cached = here.take_all(blocks_);
      lane = here.lane;
    });
  }
  if (!mine) return;
  release_chain(cached, lane);
  release_freed(freed);
  if (!given_up) return;
  pool::thread_slots.forget(cache);  // it may serve another thread next, under the same key
  const std::lock_guard lock(caches_mutex_);
  const auto [first, last] = serving_.equal_range(key);
  const auto entry = std::find_if(first, last, [&](const auto& each) { return each.second == &cache; });
  if (entry != last) serving_.erase(entry);
  spare_caches_.push_back(&cache);
}

void Pool::Implementation::thread_ends(Cache& cache) noexcept {
  if (forked()) return;
  [[maybe_unused]] const Door door(*this);
  detach(cache, cache.key);
}

}  // namespace weir
