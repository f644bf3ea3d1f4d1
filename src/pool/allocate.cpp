// What happens when a thread's cache has no block of the size: the arenas are
// asked, then everything freed is gathered and they are asked again, and only
// then pages are mapped: held ones, wholly free ones from elsewhere, new ones.
#include <algorithm>
#include <bit>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/hot_path.hpp"

namespace weir {

using device::PageHandle;
using pool::Placement;
using pool::ThreadCache;
using track::Block;

namespace {

// Segments for devices without virtual memory: a request of less gets this much.
constexpr std::uint64_t least_segment = std::uint64_t{32} << 20;
constexpr std::uint64_t segment_unit = std::uint64_t{2} << 20;

// How many operations of a hit one such operation counts for, when the clock is due.
constexpr std::uint32_t slow_operation_weight = 2;

constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

void Pool::Implementation::refuse_arguments(const Request& request) const {
  if (request.bytes > most_bytes_) {
    throw LimitExceeded("pool \"" + options_.name + "\": " + format_bytes(request.bytes) + " asked, the limit is " +
                            format_bytes(most_bytes_),
                        {.name = options_.name, .bytes_asked = request.bytes, .limit = most_bytes_});
  }
  throw InvalidArgument("pool \"" + options_.name + "\": an alignment of " + std::to_string(request.alignment) +
                            " is not a power of two up to " + format_bytes(info_.page_bytes),
                        {.name = options_.name, .bytes_asked = request.bytes, .limit = info_.page_bytes});
}

inline Placement Pool::Implementation::placement(const Request& request, Lane lane) const {
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

std::uint32_t Pool::Implementation::allocate(const Request& request) {
  if (request.bytes == 0) return 0;
  require_usable();
  Cache& cache = cache_of(request.stream);
  Served served;
  try {
    const Placement wanted = placement(request, cache.lane);
    cache.slow_operations += slow_operation_weight;
    if (cache.slow_operations >= operations_per_tick) tick(cache);
    served = serve(wanted, request, cache);
    if (options_.zero) clear(served, request, cache);
  } catch (const Error& error) {
    ++refusals_;
    log(LogLevel::warning, LogEvent::refuse, error.message(), request.bytes, 0, request.stream);
    throw;
  }
  Block& block = blocks_[served.id];
  enter(cache);
  block.owner = cache.id;
  begin_life(block, request.bytes, request.tag, cache);
  if (served.by == Source::cache) {
    cache.cache_hits.add(1);
  } else {
    cache.bypassed(block);
    (served.by == Source::arena ? cache.arena_hits : cache.misses).add(1);
  }
  cache.lock.leave();
  if (cache.requested.credit() < 0 || cache.allocated.credit() < 0) settle_peaks(cache);
  if (hooks_) after_allocation(served.id, request, served.by == Source::cache ? LogEvent::reuse : LogEvent::allocate);
  return served.id;
}

// A block that could not be cleared is not handed out.
void Pool::Implementation::clear(const Served& served, const Request& request, Cache& cache) {
  Block& block = blocks_[served.id];
  block.lane.store(cache.lane, std::memory_order_relaxed);
  try {
    backend_.fill(request.stream, block.address(), 0, block.bytes());
  } catch (...) {
    enter(cache);
    if (served.by == Source::cache) cache.passed_by(block);
    block.become(track::BlockState::busy);
    cache.lock.leave();
    release(served.id, cache.lane, cache.now);
    throw;
  }
}

inline Pool::Implementation::Served Pool::Implementation::serve(const Placement& wanted, const Request& request, Cache& cache) {
  const bool freed_elsewhere = cache.remote_head.load(std::memory_order_relaxed) != 0;
  if (freed_elsewhere) drain(cache);
  if (wanted.alignment == 1 && (freed_elsewhere || !request.looked)) {
    enter(cache);
    const std::uint32_t id = cache.pop(blocks_, wanted.granules);
    cache.lock.leave();
    if (id != 0) return {id, Source::cache};
  }
  if (mode_ == PoolMode::off) return grow(wanted, request, cache);
  pool::Arena* home = arenas_[mode_ == PoolMode::segments ? segment_arena_number : cache.home].load();
  if (home == nullptr) home = arenas_[0].load();  // its own is made when it must grow
  if (const std::uint32_t id = fit_here(*home, wanted, cache)) return {id, Source::arena};
  if (const std::uint32_t id = fit_in_borrowed(wanted, cache)) return {id, Source::driver};
  if (const std::uint32_t id = fit_in_any(wanted, home)) return {id, Source::arena};
  if (const std::uint32_t id = fit_after_eviction(*home, wanted, cache)) return {id, Source::arena};
  return grow(wanted, request, cache);
}

// Rather than work in another thread's arena, and meet it there at every turn, a thread
// takes over pages of which that arena has plenty.
std::uint32_t Pool::Implementation::fit_in_borrowed(const Placement& wanted, Cache& cache) {
  if (mode_ != PoolMode::pages) return 0;
  const std::uint64_t needed = (wanted.granules * index::granule_bytes + wanted.alignment * index::granule_bytes) / info_.page_bytes + 2;
  bool plenty = false;
  for_each_paged([&](pool::PagedArena& arena) {
    if (plenty || arena.number() == cache.home) return;
    const auto lock = arena.lock();
    plenty = arena.spare_pages(cache.lane) >= needed;
  });
  if (!plenty) return 0;
  clean_lanes(std::chrono::nanoseconds(0), true);
  try {
    return grow_pages(wanted, cache.home);
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
    chain = release_into(arena, chain, cache.lane);
    id = has_large ? arena.fit_closely(wanted) : arena.fit(wanted);
  }
  release_chain(chain, cache.lane);
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
    if (id != 0 || &arena == except) return;
    const auto lock = arena.lock();
    id = arena.fit(wanted);
  });
  return id;
}

// --- Growing ---

// The ladder of a request that nothing mapped can serve: finished frees and all caches
// are gathered, other streams' memory is claimed, memory is taken from the driver;
// where that is refused, pending work is waited for, once, before giving up.
Pool::Implementation::Served Pool::Implementation::grow(const Placement& wanted, const Request& request, Cache& cache) {
  for (bool last_try = false;; last_try = true) {
    if (mode_ != PoolMode::off) {
      reclaim_pending(std::chrono::nanoseconds(0));
      flush_all();
      if (const std::uint32_t id = fit_in_any(wanted, nullptr)) return {id, Source::arena};
      claim_lanes(wanted.lane);
      if (const std::uint32_t id = fit_in_any(wanted, nullptr)) return {id, Source::arena};
    }
    try {
      return {take_from_driver(wanted, cache.home), Source::driver};
    } catch (const std::bad_alloc&) {
      if (!last_try) {
        const bool finished = reclaim_pending(options_.reclaim_deadline);
        const bool cleaned = clean_lanes(options_.reclaim_deadline, false);
        const bool released = release_idle_segments(UINT32_MAX, 0) != 0;
        if (finished || cleaned || released) continue;
      }
      Placement anywhere = wanted;
      anywhere.small = false;  // a small block may break a large range rather than be refused
      if (const std::uint32_t id = fit_in_any(anywhere, nullptr)) return {id, Source::arena};
      refuse(request);
    } catch (const DeviceLost&) {
      throw;
    } catch (const Error& error) {
      if (mode_ == PoolMode::off) throw;
      log(LogLevel::warning, LogEvent::fallback, error.message(), request.bytes, 0, request.stream);
      return {allocate_directly(wanted), Source::driver};
    }
  }
}

std::uint32_t Pool::Implementation::take_from_driver(const Placement& wanted, std::uint8_t home) {
  if (mode_ == PoolMode::pages) return grow_pages(wanted, home);
  return mode_ == PoolMode::segments ? grow_segments(wanted) : allocate_directly(wanted);
}

std::uint32_t Pool::Implementation::grow_pages(const Placement& wanted, std::uint8_t home) {
  pool::PagedArena& arena = paged_arena(home);
  Placement place = wanted;
  if (wanted.small) {
    const auto page_granules = static_cast<std::uint32_t>(info_.page_bytes >> index::granule_shift);
    place = {page_granules, page_granules, wanted.lane, false};
  }
  std::optional<pool::GrowthPlan> plan;
  {
    const auto lock = arena.lock();
    plan = arena.plan_growth(place);
  }
  if (!plan) {
    throw Unsupported("pool \"" + options_.name + "\": its address range of " + format_bytes(range_bytes_) +
                          " has no place left for " + format_bytes(wanted.granules * index::granule_bytes),
                      {.name = options_.name});
  }
  std::size_t mapped_runs = 0;
  try {
    addresses_.prepare(plan->block_start << index::granule_shift, place.granules * index::granule_bytes);
    for (const pool::PageRun& run : plan->missing) addresses_.prepare(run.address, run.pages.size() * info_.page_bytes);
    supply(*plan);
    for (; mapped_runs < plan->missing.size(); ++mapped_runs) {
      const pool::PageRun& run = plan->missing[mapped_runs];
      backend_.map(run.address, run.pages);
      store_.mapped(run.pages.size());
    }
  } catch (...) {
    for (std::size_t i = mapped_runs; i < plan->missing.size(); ++i) {
      if (plan->supplied) store_.hold(plan->missing[i].pages);
    }
    const auto lock = arena.lock();
    arena.abandon_growth(*plan, mapped_runs);
    throw;
  }
  log(LogLevel::info, LogEvent::grow, {}, plan->missing_pages * info_.page_bytes, 0, StreamId{});
  const auto lock = arena.lock();
  const std::uint32_t id = arena.finish_growth(*plan, place);
  return wanted.small ? arena.fit_in_page(id, wanted) : id;
}

void Pool::Implementation::supply(pool::GrowthPlan& plan) {
  std::vector<PageHandle> pages = store_.take_held(plan.missing_pages);
  try {
    recycle(pages, plan.missing_pages);
    const std::size_t found = pages.size();
    pages.resize(plan.missing_pages, PageHandle::none);
    try {
      store_.create(std::span(pages).subspan(found));
    } catch (...) {
      pages.resize(found);
      throw;
    }
  } catch (...) {
    store_.hold(pages);
    throw;
  }
  auto next = pages.begin();
  for (pool::PageRun& run : plan.missing) {
    std::copy_n(next, run.pages.size(), run.pages.begin());
    next += static_cast<std::ptrdiff_t>(run.pages.size());
  }
  plan.supplied = true;
}

// Takes wholly free pages from where they are not needed; first those no work touches.
void Pool::Implementation::recycle(std::vector<PageHandle>& pages, std::uint64_t wanted) {
  const auto take_clean = [&] {
    for_each_paged([&](pool::PagedArena& arena) {
      while (pages.size() < wanted) {
        std::optional<pool::LeavingPages> leaving;
        {
          const auto lock = arena.lock();
          leaving = arena.take_pages(wanted - pages.size(), UINT32_MAX);
        }
        if (!leaving || !unmap(arena, *leaving)) return;
        pages.insert(pages.end(), leaving->run.pages.begin(), leaving->run.pages.end());
      }
    });
  };
  take_clean();
  if (pages.size() < wanted && clean_lanes(options_.reclaim_deadline, true)) take_clean();
  if (!pages.empty()) {
    log(LogLevel::info, LogEvent::recycle, {}, pages.size() * info_.page_bytes, 0, StreamId{});
  }
}

std::uint32_t Pool::Implementation::grow_segments(const Placement& wanted) {
  const std::uint64_t needed = wanted.granules * index::granule_bytes +
                               (wanted.alignment == 1 ? 0 : wanted.alignment * index::granule_bytes);
  const std::uint64_t exact = round_up(needed, segment_unit);
  pool::Segment segment;
  try {
    segment = store_.allocate_segment(std::max(exact, least_segment));
  } catch (const std::bad_alloc&) {
    release_idle_segments(UINT32_MAX, 0);
    segment = store_.allocate_segment(exact);
  }
  return use_segment(segment, wanted);
}

std::uint32_t Pool::Implementation::allocate_directly(const Placement& wanted) {
  const std::uint64_t padding = wanted.alignment == 1 ? 0 : wanted.alignment * index::granule_bytes;
  return use_segment(store_.allocate_segment(wanted.granules * index::granule_bytes + padding), wanted);
}

std::uint32_t Pool::Implementation::use_segment(const pool::Segment& segment, const Placement& wanted) {
  try {
    addresses_.prepare(segment.address, segment.bytes);
  } catch (...) {
    store_.free_segment(segment);
    throw;
  }
  log(LogLevel::info, LogEvent::grow, {}, segment.bytes, segment.address, StreamId{});
  const auto lock = segments_->lock();
  segments_->add(segment, coarse_now());
  if (const std::uint32_t id = segments_->fit(wanted)) return id;
  Placement anywhere = wanted;
  anywhere.small = false;  // a segment too short or unaligned has no page for small blocks
  return segments_->fit(anywhere);
}

pool::PagedArena& Pool::Implementation::paged_arena(unsigned number) {
  const std::lock_guard lock(arenas_mutex_);
  if (!paged_[number]) {
    const device::Address range = backend_.reserve(range_bytes_);
    ranges_.push_back(range);
    paged_[number] = std::make_unique<pool::PagedArena>(blocks_, addresses_, static_cast<std::uint8_t>(number), range,
                                                        range_bytes_, info_.page_bytes);
    arenas_[number].store(paged_[number].get(), std::memory_order_release);
  }
  return *paged_[number];
}

void Pool::Implementation::refuse(const Request& request) {
  const std::uint64_t taken = store_.reserved() + store_.external();
  const std::uint64_t free = store_.limit() - std::min(store_.limit(), taken);
  std::string text = "pool \"" + options_.name + "\": no room for " + format_bytes(request.bytes) + "; " +
                     format_bytes(taken) + " of " + format_bytes(store_.limit()) + " are taken";
  std::vector<LiveBlock> holders = live_blocks();
  holders.resize(std::min<std::size_t>(holders.size(), 3));
  if (!holders.empty()) text += ", the largest blocks are";
  for (const LiveBlock& holder : holders) {
    text += " " + format_bytes(holder.requested) + (holder.tag.empty() ? "" : " (" + holder.tag + ")") +
            (&holder == &holders.back() ? "" : ",");
  }
  text += "; free memory, trim other pools, or raise the limit";
  const ErrorFacts facts{
      .name = options_.name, .bytes_asked = request.bytes, .limit = store_.limit(), .free = free};
  if (free < request.bytes) throw LimitExceeded(text, facts);
  throw OutOfMemory(text, facts);
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
    std::vector<ThreadCache*> rich;
    for_each_cache([&](ThreadCache& other) {
      // This thread's other caches give up all they have: with one thread the peak is exact.
      const bool own = other.thread.load(std::memory_order_relaxed) == &pool::thread_slots;
      const std::int64_t left = own ? 0 : track::PeakMeter::tolerance;
      if (&other != &cache && (other.*ledger).credit() > left) rich.push_back(&other);
    });
    visit(rich, [&](ThreadCache& other) {
      const std::int64_t theirs = (other.*ledger).credit();
      (other.*ledger).granted.add(-theirs);
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
  (cache.*ledger).granted.add(found);
}

}  // namespace weir
