// What happens when a thread's cache has no block of the size: its arena is asked,
// then the others; grow.cpp has what follows when none of them can serve.
#include <algorithm>
#include <map>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/hot_path.hpp"

namespace weir {

using pool::PagesFrom;
using pool::Placement;
using pool::ThreadCache;
using track::Block;

void Pool::Implementation::refuse_arguments(const Request& request) const {
  if (request.bytes > most_bytes_) {
    const std::string text = "pool \"" + options_.name + "\": " + format_bytes(request.bytes) +
                             " asked at once, of at most " + format_bytes(most_bytes_) +
                             "; ask for less, or raise the limit";
    const ErrorFacts facts{.name = options_.name, .bytes_asked = request.bytes, .limit = most_bytes_};
    if (options_.limit) throw LimitExceeded(text, facts);
    throw OutOfMemory(text, facts);
  }
  throw InvalidArgument("pool \"" + options_.name + "\": an alignment of " + std::to_string(request.alignment) +
                            " is not a power of two up to " + format_bytes(info_.page_bytes),
                        {.name = options_.name, .bytes_asked = request.bytes, .limit = info_.page_bytes});
}

Placement Pool::Implementation::placement(const Request& request, Lane lane) const {
  const bool power_of_two = request.alignment != 0 && (request.alignment & (request.alignment - 1)) == 0;
  // A size past the limit is refused here, before any arithmetic could overflow.
  if (!power_of_two || request.alignment > info_.page_bytes || request.bytes > most_bytes_) [[unlikely]] {
    refuse_arguments(request);
  }
  Placement wanted;
  wanted.granules = static_cast<std::uint32_t>(index::granules_for(request.bytes));
  wanted.alignment = static_cast<std::uint32_t>(std::max(request.alignment, Pool::granule) >> index::granule_shift);
  wanted.lane = lane;
  wanted.small = wanted.granules <= small_granules_ && wanted.alignment == 1;
  return wanted;
}

std::uint64_t Pool::Implementation::allocate_address(std::size_t bytes, std::size_t alignment, StreamId stream, Tag tag,
                                                     CallSite where) {
  const std::uint32_t id = allocate({bytes, alignment, stream, tag, where});
  return id == 0 ? 0 : blocks_[id].address();
}

std::uint64_t Pool::Implementation::allocate_after_miss(Cache& cache, std::size_t bytes, std::size_t alignment, Tag tag,
                                                        CallSite where) {
  return blocks_[allocate({bytes, alignment, cache.stream, tag, where, &cache})].address();
}

std::uint32_t Pool::Implementation::allocate(const Request& request) {
  if (request.bytes == 0) return 0;
  require_usable();
  Cache& cache = request.cache != nullptr ? *request.cache : cache_of(request.stream);
  return serve_by(request, cache, [&] { return serve(placement(request, cache.lane), request, cache); });
}

// A block that could not be cleared is not handed out.
void Pool::Implementation::clear(const Served& served, const Request& request, Cache& cache) {
  Block& block = blocks_[served.id];
  block.lane.store(cache.lane, std::memory_order_relaxed);
  try {
    backend_.fill(request.stream, block.address(), 0, block.bytes());
  } catch (...) {
    enter(cache);
    if (served.by == Source::cache) cache.passed_by(block.bytes());
    block.become(track::BlockState::busy);
    cache.lock.leave();
    release(served.id, cache.lane, cache.now);
    throw;
  }
}

inline Pool::Implementation::Served Pool::Implementation::serve(const Placement& wanted, const Request& request,
                                                                Cache& cache) {
  const bool freed_elsewhere = cache.remote_head.load(std::memory_order_relaxed) != 0;
  if (freed_elsewhere) drain(cache);
  if (wanted.alignment == 1 && (freed_elsewhere || request.cache == nullptr)) {
    enter(cache);
    const std::uint32_t id = cache.pop(blocks_, wanted.granules);
    cache.lock.leave();
    if (id != 0) return {id, Source::cache};
  }
  if (cache.arena_hits.get() % arena_hits_a_sample != 0) return serve_beyond_cache(wanted, request, cache);
  const auto began = track::Latency::Clock::now();
  const Served served = serve_beyond_cache(wanted, request, cache);
  if (served.by == Source::arena) arena_latency_.record_since(began);
  return served;
}

Pool::Implementation::Served Pool::Implementation::serve_beyond_cache(const Placement& wanted, const Request& request,
                                                                      Cache& cache) {
  const auto grown = [&] { return timed_growth([&] { return grow(wanted, request, cache); }); };
  if (mode_ == PoolMode::off) return grown();
  pool::Arena* home = arenas_[mode_ == PoolMode::segments ? segment_arena_number : cache.home].load();
  if (home == nullptr) home = arenas_[0].load();  // its own is made when it must grow
  if (const std::uint32_t id = fit_here(*home, wanted, cache)) return {id, Source::arena};
  // What this thread has comes before what others work in.
  if (const std::uint32_t id = fit_after_eviction(*home, wanted, cache)) return {id, Source::arena};
  if (flush_own()) {
    {
      const auto lock = home->lock();
      if (const std::uint32_t id = home->fit(wanted)) return {id, Source::arena};
    }
    if (const std::uint32_t id = fit_in_slack(wanted, cache)) return {id, Source::driver};
    if (const std::uint32_t id = fit_in_borrowed(wanted, cache)) return {id, Source::driver};
  }
  if (const std::uint32_t id = fit_in_any(wanted, home)) return {id, Source::arena};
  return grown();
}

// Rather than work in another thread's arena, and meet it there at every turn, a thread
// takes over pages of which that arena has plenty.
std::uint32_t Pool::Implementation::fit_in_borrowed(const Placement& wanted, Cache& cache) {
  if (mode_ != PoolMode::pages) return 0;
  const std::uint64_t needed = most_pages(wanted);
  bool plenty = false;
  for_each_paged([&](pool::PagedArena& arena) {
    if (plenty || arena.number() == cache.home || !arena.may_spare(needed)) return;
    const auto lock = arena.lock();
    plenty = arena.spare_pages(cache.lane) >= needed;
  });
  return plenty ? try_to_grow(wanted, cache, PagesFrom::anywhere) : 0;
}

std::uint32_t Pool::Implementation::fit_in_slack(const Placement& wanted, Cache& cache) {
  if (mode_ != PoolMode::pages) return 0;
  std::uint64_t mapped = 0;
  for_each_paged([&](pool::PagedArena& arena) { mapped += arena.mapped_pages(); });
  if (!slack_.allows(most_pages(wanted), mapped)) return 0;
  const std::uint32_t id = try_to_grow(wanted, cache, PagesFrom::driver);
  if (id == 0) slack_.refuse();
  return id;
}

std::uint64_t Pool::Implementation::most_pages(const Placement& wanted) const noexcept {
  return (wanted.granules * index::granule_bytes + wanted.alignment * index::granule_bytes) / info_.page_bytes + 2;
}

std::uint32_t Pool::Implementation::try_to_grow(const Placement& wanted, Cache& cache, PagesFrom from) {
  const Moving moving(growing_, moved_);
  try {
    return timed_growth([&] {
      if (from == PagesFrom::anywhere) clean_lanes(core::Deadline(), true);
      return grow_pages(wanted, cache.home, from);
    });
  } catch (const Error&) {
    return 0;  // the ladder that follows has other ways, and the last word
  }
}

// A small block can be cut out of a larger one that this cache gives up; emptying every
// cache for it would cost thousands of hits.
std::uint32_t Pool::Implementation::fit_after_eviction(pool::Arena& arena, const Placement& wanted, Cache& cache) {
  if (!wanted.small) return 0;
  enter(cache);
  const std::uint32_t chain = cache.take_larger(blocks_, wanted.granules);
  cache.lock.leave();
  if (chain == 0) return 0;
  release_chain(chain, cache.lane);
  const auto lock = arena.lock();
  return arena.fit(wanted);
}

std::uint32_t Pool::Implementation::fit_here(pool::Arena& arena, const Placement& wanted, Cache& cache) {
  if (wanted.granules <= ThreadCache::small_granules) {
    const auto lock = arena.lock();
    return arena.fit(wanted);
  }
  enter(cache);
  std::uint32_t chain = cache.note_miss(blocks_, wanted.granules);
  const bool has_large = cache.has_large();
  cache.lock.leave();
  std::uint32_t id = 0;
  {
    const auto lock = arena.lock();
    if (chain != 0) chain = release_into(arena, chain, cache.lane);
    id = has_large ? arena.fit_closely(wanted) : arena.fit(wanted);
  }
  if (chain != 0) release_chain(chain, cache.lane);
  if (id != 0 || !has_large) return id;
  // Before a much larger range is broken, the large blocks of this cache may join into a better one.
  enter(cache);
  chain = cache.take_large(blocks_);
  cache.lock.leave();
  release_chain(chain, cache.lane);
  const auto lock = arena.lock();
  return arena.fit(wanted);
}

std::uint32_t Pool::Implementation::fit_in_any(const Placement& wanted, const pool::Arena* except) {
  std::uint32_t id = 0;
  for_each_arena([&](pool::Arena& arena) {
    if (id != 0 || &arena == except || arena.free_granules() < wanted.granules) return;
    const auto lock = arena.lock();
    id = arena.fit(wanted);
  });
  return id;
}

// --- Peaks ---

void Pool::Implementation::settle_peaks(Cache& cache) {
  const std::lock_guard lock(peaks_mutex_);
  settle_peak(requested_, &ThreadCache::requested, cache);
  settle_peak(allocated_, &ThreadCache::allocated, cache);
}

void Pool::Implementation::settle_peak(track::PeakMeter& meter, track::Ledger ThreadCache::*ledger, Cache& cache) {
  const std::int64_t debt = -(cache.*ledger).credit();
  if (debt <= 0) return;
  // Half of what is left beyond the debt comes along, so that the next requests need not come here.
  const std::int64_t spare = std::max<std::int64_t>(0, meter.headroom() - debt) / 2;
  std::int64_t found = meter.take(debt + spare);
  if (found < debt) {
    std::vector<Cache*> rich;
    {
      const std::lock_guard lock(caches_mutex_);
      std::map<const void*, std::int64_t> credits;  // of each other thread, in all its caches
      const auto credit_of = [&](const Cache& other) { return std::max<std::int64_t>(0, (other.*ledger).credit()); };
      for (const Cache* other : awake_) {
        if (!pool::is_own(*other)) credits[other->thread] += credit_of(*other);
      }
      for (Cache* other : awake_) {
        if (other == &cache || credit_of(*other) == 0) continue;
        // This thread's other caches give up all they have: with one thread the peak is exact.
        if (pool::is_own(*other) || credits[other->thread] > track::PeakMeter::tolerance) rich.push_back(other);
      }
    }
    visit(rich, [&](ThreadCache& other) {
      const std::int64_t theirs = (other.*ledger).credit();
      other.grant(ledger, -theirs);
      found += theirs;
    });
    if (found < debt) {
      meter.rise(debt - found);
      found = debt;
    }
    const std::int64_t shared = (found - debt) / 2;
    meter.give(shared);
    found -= shared;
  }
  enter(cache);
  cache.grant(ledger, found);
  cache.lock.leave();
}

}  // namespace weir
