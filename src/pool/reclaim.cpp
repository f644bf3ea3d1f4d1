// How freed memory finds its way back: out of thread caches into arenas, from
// one stream's order into another's or into none, and out of arenas to the driver.
#include <algorithm>
#include <utility>

#include <weir/errors.hpp>

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
    const std::uint32_t generation = block.remote.exchange(0, std::memory_order_acq_rel);
    if (!block.is(BlockState::live) || block.generation.load(std::memory_order_relaxed) != generation) {
      ++errors_;  // its owner freed it too, at the same moment
    } else {
      block.stamp = cache.now;
      const bool here = keep && block.lane.load(std::memory_order_relaxed) == cache.lane &&
                        !block.used_elsewhere.load(std::memory_order_relaxed);
      if (!here || !cache.adopt(block, id)) {
        block.become(BlockState::busy);
        block.list_next = chain;
        chain = id;
      }
    }
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
  if (mode_ == PoolMode::off) {
    free_directly(id, lane, now);
    return;
  }
  Block& block = blocks_[id];
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
    if (block.used_elsewhere.load(std::memory_order_relaxed)) {
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

void Pool::Implementation::flush_all(std::uint32_t since) {
  const bool everything = since == UINT32_MAX;
  struct Taken {
    std::uint32_t cached;
    std::uint32_t freed;
    Lane lane;
  };
  std::vector<Taken> taken;
  visit(all_caches(), [&](Cache& cache) {
    const std::uint32_t freed = take_remote(cache, false);
    taken.push_back({everything ? cache.take_all(blocks_) : cache.take_older(blocks_, since), freed, cache.lane});
  });
  for (const Taken& each : taken) {
    release_chain(each.cached, each.lane);
    release_freed(each.freed);
  }
}

std::vector<ThreadCache*> Pool::Implementation::all_caches() const {
  std::vector<Cache*> caches;
  for_each_cache([&](Cache& cache) { caches.push_back(&cache); });
  return caches;
}

namespace {

void give_back_credit(track::PeakMeter& meter, track::Ledger& ledger) {
  const std::int64_t credit = ledger.credit();
  ledger.granted.add(-credit);
  meter.give(credit);
}

}  // namespace

// Gives up the cache that serves `key`: what it holds goes to the arenas, its credit to all.
void Pool::Implementation::detach(Cache& cache, std::uint64_t key) {
  bool mine = false;  // not if another thread was quicker
  std::uint32_t cached = 0;
  std::uint32_t freed = 0;
  {
    const std::lock_guard lock(peaks_mutex_);
    visit({&cache}, [&](Cache& here) {
      mine = here.key == key;
      if (!mine) return;
      give_back_credit(requested_, here.requested);
      give_back_credit(allocated_, here.allocated);
      here.key = 0;
      here.thread = nullptr;
      freed = take_remote(here, false);
      cached = here.take_all(blocks_);
    });
  }
  if (!mine) return;
  release_chain(cached, cache.lane);
  release_freed(freed);
  const std::lock_guard lock(caches_mutex_);
  spare_caches_.push_back(&cache);
}

void Pool::Implementation::thread_ends(Cache& cache) noexcept {
  if (!forked_) detach(cache, cache.key);
}

// --- Streams ---

// Giving back must not fail: what the driver refuses here is tried again by reclaim_pending().
void Pool::Implementation::free_shared(std::uint32_t id, Lane lane, std::uint32_t now) {
  Block& block = blocks_[id];
  const auto pending = std::make_shared<Pending>(Pending{id, lane, {}});
  {
    const std::lock_guard lock(pending_mutex_);
    if (const auto found = uses_.find(id); found != uses_.end()) {
      for (const StreamId stream : found->second) pending->uses.push_back({stream, nullptr});
      uses_.erase(found);
    }
  }
  block.used_elsewhere.store(false, std::memory_order_relaxed);
  block.become(BlockState::pending);
  block.stamp = now;
  pending_granules_ += block.size;
  for (Pending::Use& use : pending->uses) {
    if (backend_.capturing(use.stream)) continue;
    try {
      use.mark = lanes_.mark(use.stream);
      use.recorded = true;
    } catch (const Error& error) {
      report_fallback(error, use.stream);
    }
  }
  {
    const std::lock_guard lock(pending_mutex_);
    pending_.push_back(pending);
  }
  reclaim_pending(std::chrono::nanoseconds(0));
}

bool Pool::Implementation::finished(const Pending& pending, std::chrono::nanoseconds deadline) {
  for (const Pending::Use& use : pending.uses) {
    if (!use.recorded && backend_.capturing(use.stream)) return false;
    try {
      const pool::Lanes::Mark mark = use.recorded ? use.mark : lanes_.mark(use.stream);
      if (mark && !backend_.wait(*mark, deadline)) return false;
    } catch (const Error& error) {
      report_fallback(error, use.stream);
      return false;
    }
  }
  return true;
}

// Entries stay in the list while they are looked at, so that other threads can wait for them too.
bool Pool::Implementation::reclaim_pending(std::chrono::nanoseconds deadline) {
  if (pending_granules_.load() == 0) return false;
  std::vector<std::shared_ptr<const Pending>> waiting;
  {
    const std::lock_guard lock(pending_mutex_);
    waiting = pending_;
  }
  bool any = false;
  for (const std::shared_ptr<const Pending>& each : waiting) {
    if (!finished(*each, deadline)) continue;
    any = true;
    {
      const std::lock_guard lock(pending_mutex_);
      const auto found = std::find(pending_.begin(), pending_.end(), each);
      if (found == pending_.end()) continue;
      *found = std::move(pending_.back());
      pending_.pop_back();
    }
    Block& block = blocks_[each->id];
    pending_granules_ -= block.size;
    block.become(BlockState::busy);
    release(each->id, each->lane, block.stamp);
  }
  return any;
}

void Pool::Implementation::report_fallback(const Error& error, StreamId stream) const noexcept {
  log(LogLevel::warning, LogEvent::fallback, error.message(), 0, 0, stream);
}

void Pool::Implementation::reassign(Lane from, std::uint64_t epoch, Lane to) {
  for_each_arena([&](pool::Arena& arena) {
    const auto lock = arena.lock();
    arena.reassign(from, epoch, to, lanes_.epoch(to));
  });
}

// Makes other streams' free memory usable in the order of `target`: at once where
// their work is done, else after an event that the target's stream waits for.
// What the driver refuses stays as it is.
void Pool::Implementation::claim_lanes(Lane target) {
  for (const Lane lane : lanes_.all()) {
    if (!any_arena([&](pool::Arena& arena) { return arena.has_lane(lane); })) continue;
    try {
      const auto point = lanes_.record(lane);
      if (!point) continue;
      if (backend_.query(point->event())) {
        reassign(lane, point->epoch, pool::clean_lane);
      } else if (lane != target && target != pool::clean_lane) {
        backend_.stream_wait(lanes_.stream(target), point->event());
        reassign(lane, point->epoch, target);
      }
    } catch (const Error& error) {
      report_fallback(error, lanes_.stream(lane));
    }
  }
}

// Waits until the lanes' work is done, and makes their ranges clean.
bool Pool::Implementation::clean_lanes(std::chrono::nanoseconds deadline, bool only_pages) {
  bool any = false;
  for (const Lane lane : lanes_.all()) {
    const bool wanted = any_arena([&](pool::Arena& arena) {
      return only_pages ? arena.has_pages(lane) : arena.has_lane(lane);
    });
    if (!wanted && !lanes_.retired(lane)) continue;
    try {
      const auto point = lanes_.record(lane);
      if (!point || !backend_.wait(point->event(), deadline)) continue;
      reassign(lane, point->epoch, pool::clean_lane);
      lanes_.forget(lane, *point);
      any = any || wanted;
    } catch (const Error& error) {
      report_fallback(error, lanes_.stream(lane));
    }
  }
  return any;
}

void Pool::Implementation::retire(StreamId stream) {
  require_usable();
  lanes_.retire(stream);
  const std::uint64_t key = key_base_ | static_cast<std::uint32_t>(stream);
  for (Cache* cache : all_caches()) {
    if (cache->key == key) detach(*cache, key);
  }
  reclaim_pending(std::chrono::nanoseconds(0));
  clean_lanes(std::chrono::nanoseconds(0), false);
}

void Pool::Implementation::stream_ends(StreamId stream) noexcept {
  if (forked_) return;
  try {
    retire(stream);
  } catch (const Error& error) {
    log(LogLevel::error, LogEvent::fallback, error.message(), 0, 0, stream);
  }
}

// --- Back to the driver ---

bool Pool::Implementation::unmap(pool::PagedArena& arena, const pool::LeavingPages& pages) {
  try {
    backend_.unmap(pages.run.address, pages.run.pages);
  } catch (const Error& error) {
    log(LogLevel::warning, LogEvent::fallback, error.message(), 0, pages.run.address, StreamId{});
    const auto lock = arena.lock();
    arena.pages_stayed(pages);
    return false;
  }
  const auto lock = arena.lock();
  arena.pages_left(pages);
  return true;
}

std::uint64_t Pool::Implementation::free_bytes() const {
  std::uint64_t bytes = store_.held();
  for_each_arena([&](pool::Arena& arena) {
    const auto lock = arena.lock();
    bytes += arena.free_granules() * index::granule_bytes;
  });
  return bytes;
}

std::uint64_t Pool::Implementation::release_pages(std::uint32_t since, std::uint64_t keep_free) {
  std::uint64_t released = 0;
  const auto spare_pages = [&] {
    const std::uint64_t free = free_bytes();
    return free > keep_free ? (free - keep_free) / info_.page_bytes : 0;
  };
  const std::vector<device::PageHandle> held = store_.take_held(spare_pages());
  store_.destroy(held);
  released += held.size() * info_.page_bytes;
  for_each_paged([&](pool::PagedArena& arena) {
    while (const std::uint64_t most = spare_pages()) {
      std::optional<pool::LeavingPages> leaving;
      {
        const auto lock = arena.lock();
        leaving = arena.take_pages(most, since);
      }
      if (!leaving || !unmap(arena, *leaving)) return;
      store_.destroy(leaving->run.pages);
      released += leaving->run.pages.size() * info_.page_bytes;
    }
  });
  return released;
}

std::uint64_t Pool::Implementation::release_idle_segments(std::uint32_t since, std::uint64_t keep_free) {
  std::uint64_t released = 0;
  for (;;) {
    const std::uint64_t free = free_bytes();
    if (free <= keep_free) return released;
    std::optional<pool::Segment> idle;
    {
      const auto lock = segments_->lock();
      idle = segments_->take_idle(since, free - keep_free);
    }
    if (!idle) return released;
    store_.free_segment(*idle);
    released += idle->bytes;
  }
}

// With the pool off a free is the driver's: the memory must be unused, so its stream is waited for.
void Pool::Implementation::free_directly(std::uint32_t id, Lane lane, std::uint32_t now) {
  bool done = false;
  try {
    const auto point = lanes_.record(lane);
    done = point && backend_.wait(point->event(), options_.reclaim_deadline);
  } catch (const Error& error) {
    report_fallback(error, lanes_.stream(lane));
  }
  {
    const auto lock = segments_->lock();
    blocks_[id].lane.store(done ? pool::clean_lane : lane, std::memory_order_relaxed);
    segments_->release(id, done ? 0 : lanes_.epoch(lane), now);
  }
  release_idle_segments(UINT32_MAX, 0);
}

std::uint64_t Pool::Implementation::trim(std::uint64_t keep_free) {
  require_usable();
  reclaim_pending(options_.reclaim_deadline);
  flush_all();
  clean_lanes(options_.reclaim_deadline, false);
  const std::uint64_t released = release_pages(UINT32_MAX, keep_free) + release_idle_segments(UINT32_MAX, keep_free);
  if (released != 0) log(LogLevel::info, LogEvent::trim, {}, released, 0, StreamId{});
  return released;
}

void Pool::Implementation::maintain() {
  require_usable();
  const std::uint32_t now = coarse_now();
  next_maintenance_.store(now + maintenance_interval, std::memory_order_relaxed);
  reclaim_pending(std::chrono::nanoseconds(0));
  clean_lanes(std::chrono::nanoseconds(0), false);
  const std::int64_t age = options_.idle_age.count() >> coarse_shift;
  if (age >= now) return;
  const std::uint32_t since = now - static_cast<std::uint32_t>(age);
  flush_all(since);
  clean_lanes(std::chrono::nanoseconds(0), false);
  const std::uint64_t released =
      release_pages(since, options_.keep_free) + release_idle_segments(since, options_.keep_free);
  if (released != 0) log(LogLevel::info, LogEvent::trim, {}, released, 0, StreamId{});
}

}  // namespace weir
