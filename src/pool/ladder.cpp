#include "pool/ladder.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <weir/errors.hpp>

#include "pool/hit_path.hpp"
#include "pool/price_of_speed.hpp"

namespace weir {

using pool::Effort;
using pool::Served;
using pool::Source;
using pool::ThreadCache;

// --- The lists ---

struct Pool::Implementation::Ladder::Lists {
  // What the thread has itself, and what lies free. No driver is called about memory, but where `other arenas` takes
  // new pages instead, for a thread that does little else than allocate.
  static constexpr std::array<Rung, 6> near{{
      {"own queue", &Ladder::own_queue, Source::cache},          // blocks of this cache that other threads freed
      {"lent", &Ladder::lent, Source::arena},                    // blocks that this thread freed for others' caches
      {"own arena", &Ladder::own_arena, Source::arena},          // the tightest free range that the stream may use
      {"larger cached", &Ladder::larger_cached, Source::arena},  // a small block cut out of a larger one of the cache
      {"own caches", &Ladder::own_caches, Source::arena},        // all that this thread has cached
      {"other arenas", &Ladder::other_arenas, Source::arena},    // free ranges where other threads work
  }};

  // What takes looking far, and the driver. After a wait it starts here again.
  static constexpr std::array<Rung, 6> far{{
      {"settled home", &Ladder::settle_home, Source::driver},    // new pages for speed, for such a thread
      {"all caches", &Ladder::all_caches, Source::arena},        // finished frees, and every thread's cached blocks
      {"other streams", &Ladder::other_streams, Source::arena},  // other streams' free memory, after their work
      {"growth", &Ladder::growth, Source::driver},               // held pages, a few free ones moved, new ones
      {"growth at any cost", &Ladder::growth_at_any_cost, Source::driver},  // all free pages, wherever they are
      {"broken range", &Ladder::broken_range, Source::arena},  // a small block in a large range, rather than none
  }};

  // For blocks that only memory of the driver's serves. What caches and finished frees hold may be whole pages.
  static constexpr std::array<Rung, 3> growable{{
      {"gather", &Ladder::gather, Source::arena},
      {"kept range", &Ladder::kept_range, Source::driver},
      {"kept range at any cost", &Ladder::kept_range_at_any_cost, Source::driver},
  }};
  static constexpr std::array<Rung, 3> extension{{
      {"gather", &Ladder::gather, Source::arena},
      {"extension", &Ladder::extension, Source::driver},
      {"extension at any cost", &Ladder::extension_at_any_cost, Source::driver},
  }};
  static constexpr std::array<Rung, 3> move{{
      {"gather", &Ladder::gather, Source::arena},
      {"longer range", &Ladder::longer_range, Source::driver},
      {"longer range at any cost", &Ladder::longer_range_at_any_cost, Source::driver},
  }};
  static constexpr std::array<Rung, 2> plain{{
      {"gather", &Ladder::gather, Source::arena},
      {"driver segment", &Ladder::driver_segment, Source::driver},
  }};
};

// --- Climbing ---

template <const auto& rungs, std::size_t first>
inline Served Pool::Implementation::Ladder::try_each() {
  Served served;
  const auto try_one = [&](const Rung& rung) {
    served = {(this->*rung.take)(), rung.by};
    return served.id != 0;
  };
  [&]<std::size_t... i>(std::index_sequence<i...>) { static_cast<void>((try_one(rungs[first + i]) || ...)); }
  (std::make_index_sequence<rungs.size() - first>());
  return served;
}

// Where all is refused, work that keeps memory back is waited for, and threads that have memory in hand.
template <const auto& rungs>
Served Pool::Implementation::Ladder::climb() {
  if (hopeless()) return {};
  if (extended_ == 0) pool_.make_way(missing(), cache_.stream, tries_);
  frugal_ = pool_.passes_soft_limit(missing());
  const auto began = track::Latency::Clock::now();
  const auto moving = pool_.motion_.begin();
  for (;;) {
    const std::uint64_t frees_before = pool_.frees_seen();
    const std::uint64_t moved_before = pool_.motion_.ended();
    const Served served = try_each<rungs>();
    if (served.id != 0) {
      pool_.growth_latency_.record_since(began);
      return served;
    }
    if (!has_space_ || !more_may_come(frees_before, moved_before)) return {};
  }
}

Served Pool::Implementation::Ladder::any(bool looked) {
  if (pool_.mode_ == PoolMode::off) return climb<Lists::plain>();
  const bool queued = cache_.remote_head.load(std::memory_order_relaxed) != 0;
  const Served served = looked && !queued ? try_each<Lists::near, 1>() : try_each<Lists::near>();
  return served.id != 0 ? served : free_memory();
}

Served Pool::Implementation::Ladder::free_memory() { return climb<Lists::far>(); }

Served Pool::Implementation::Ladder::growable(std::uint32_t max) {
  max_ = max;
  return climb<Lists::growable>();
}

Served Pool::Implementation::Ladder::plain() { return climb<Lists::plain>(); }

std::optional<Served> Pool::Implementation::Ladder::extend(std::uint32_t id, pool::GrowthPlan& plan) {
  extended_ = id;
  plan_ = &plan;
  const Served served = climb<Lists::extension>();
  if (!has_space_) return std::nullopt;
  return served;
}

std::optional<Served> Pool::Implementation::Ladder::move(std::uint32_t id, std::uint32_t max, pool::MovePlan& plan,
                                                         bool patient) {
  extended_ = id;
  max_ = max;
  move_ = &plan;
  Served served;
  if (patient) {
    served = climb<Lists::move>();
  } else {
    const auto moving = pool_.motion_.begin();
    served = try_each<Lists::move>();
  }
  if (!has_space_) return std::nullopt;
  return served;
}

// The bytes that the request has not got yet.
std::uint64_t Pool::Implementation::Ladder::missing() const noexcept {
  const std::uint64_t moves = move_ == nullptr ? 0 : move_->moving.pages * pool_.info_.page_bytes;
  return std::uint64_t{wanted_.granules} * index::granule_bytes - moves;
}

// Whether the books alone say no: with all that is not in a caller's hands, there would be too little.
bool Pool::Implementation::Ladder::hopeless() const noexcept {
  const std::optional<std::uint64_t> live = pool_.credits_.allocated_now();
  if (!live) return false;
  const pool::PageStore& store = pool_.space_.store();
  const std::uint64_t taken = *live + store.external();
  const std::uint64_t left = store.limit() - std::min(store.limit(), taken);
  return missing() > left;
}

bool Pool::Implementation::Ladder::more_may_come(std::uint64_t frees_before, std::uint64_t moved_before) {
  if (hopeless()) return false;
  // What was gathered on the way up may be wholly free by now.
  if (!std::exchange(refused_, true) && pool_.order_.look(pool_.space_, false)) return true;
  if (!deadline().passed() && pool_.order_.await_any(pool_.space_, deadline())) return true;
  // What a thread frees after its cache was emptied is in no arena; what another has in hand is nowhere for a moment.
  if (deadline().passed()) return false;
  return pool_.frees_seen() != frees_before || in_others_hands() || pool_.motion_.await_others(moved_before);
}

// Whether some memory is in no book: a thread has freed it, and it is not back in an arena yet. That takes nanoseconds,
// or until the thread has its core again.
bool Pool::Implementation::Ladder::in_others_hands() {
  if (!patience_) patience_.emplace(std::chrono::milliseconds(20));
  if (patience_->passed()) return false;
  const std::optional<std::uint64_t> live = pool_.credits_.allocated_now();
  std::uint64_t known = live.value_or(0) + pool_.space_.free_bytes();
  known += pool_.order_.pending().granules() * index::granule_bytes;
  pool_.caches_.for_each([&](const Cache& cache) {
    known += static_cast<std::uint64_t>(std::max<std::int64_t>(cache.cached(), 0)) + cache.remote_bytes.load();
  });
  if (live && known == pool_.space_.store().reserved()) return false;
  std::this_thread::yield();
  return true;
}

// --- Rungs: what is near ---

std::uint32_t Pool::Implementation::Ladder::own_queue() {
  if (cache_.remote_head.load(std::memory_order_relaxed) != 0) {
    pool_.caches_.enter(cache_);
    const std::uint32_t chain = pool_.caches_.take_remote(cache_, true);
    cache_.lock.leave();
    pool_.release_freed(chain);
  }
  if (wanted_.alignment != 1) return 0;
  pool_.caches_.enter(cache_);
  const std::uint32_t id = cache_.pop(pool_.blocks_, wanted_.granules);
  cache_.lock.leave();
  return id;
}

// A block that another thread allocated waits in that one's queue. Where threads share a stream, such blocks may be
// most of what is free: looking for the best range without them would break others. Visiting the owners takes about a
// microsecond.
inline std::uint32_t Pool::Implementation::Ladder::lent() {
  constexpr std::uint64_t enough = std::uint64_t{256} << 10;  // bytes that are worth that
  if (cache_.lent < enough || wanted_.small) return 0;
  cache_.lent = 0;
  const auto moving = pool_.motion_.begin();
  pool_.release_taken(pool_.caches_.drain_queues());
  return 0;
}

inline std::uint32_t Pool::Implementation::Ladder::own_arena() { return take_from(pool_.space_.home(cache_.home)); }

// Threads of one stream share its arena, so that each finds what another has freed. Two that work there at once meet at
// its lock, which costs them many times what the work does: then they part.
inline std::uint32_t Pool::Implementation::Ladder::fit_at_home(pool::Arena& arena) {
  constexpr std::uint16_t weight = 64;    // of a meeting: one in so many fits is too many
  constexpr std::uint16_t enough = 4096;  // to be sure that it goes on
  bool met = false;
  const std::uint32_t id = pool_.space_.fit(arena, wanted_, met);
  if (met) {
    cache_.meetings = static_cast<std::uint16_t>(cache_.meetings + weight);
    if (cache_.meetings >= enough) {
      cache_.meetings = 0;
      cache_.home = static_cast<std::uint8_t>(pool::thread_ordinal() % pool_.space_.arena_count());
    }
  } else if (cache_.meetings != 0) {
    --cache_.meetings;
  }
  return id;
}

// A large size that comes again gets a list of its own. Before a much larger range is broken for it, the large blocks
// of this cache go back, as they may join into a better one.
inline std::uint32_t Pool::Implementation::Ladder::take_from(pool::Arena& arena) {
  if (wanted_.granules <= ThreadCache::small_granules) return fit_at_home(arena);
  pool_.caches_.enter(cache_);
  std::uint32_t chain = cache_.note_miss(pool_.blocks_, wanted_.granules);
  const bool has_large = cache_.has_large();
  cache_.lock.leave();
  if (chain != 0) pool_.space_.release_chain(chain, cache_.stream_index);
  if (!has_large) return fit_at_home(arena);
  {
    const auto lock = arena.lock();
    if (const std::uint32_t id = arena.fit_closely(wanted_)) return id;
  }
  pool_.caches_.enter(cache_);
  chain = cache_.take_large(pool_.blocks_);
  cache_.lock.leave();
  pool_.space_.release_chain(chain, cache_.stream_index);
  return pool_.space_.fit(arena, wanted_);
}

// Emptying every cache for a small block would cost thousands of hits.
std::uint32_t Pool::Implementation::Ladder::larger_cached() {
  if (!wanted_.small) return 0;
  pool_.caches_.enter(cache_);
  const std::uint32_t chain = cache_.take_larger(pool_.blocks_, wanted_.granules);
  cache_.lock.leave();
  if (chain == 0) return 0;
  pool_.space_.release_chain(chain, cache_.stream_index);
  return pool_.space_.fit(pool_.space_.home(cache_.home), wanted_);
}

std::uint32_t Pool::Implementation::Ladder::own_caches() {
  const auto moving = pool_.motion_.begin();
  const std::vector<pool::Caches::Taken> taken = pool_.caches_.flush_own();
  if (taken.empty()) return 0;
  pool_.release_taken(taken);
  return pool_.space_.fit(pool_.space_.home(cache_.home), wanted_);
}

std::uint32_t Pool::Implementation::Ladder::other_arenas() {
  const std::uint32_t id = pool_.space_.fit_in_any(wanted_, &pool_.space_.home(cache_.home));
  if (id == 0) return 0;
  const std::uint32_t at_home = settle_home();
  if (at_home == 0) return id;
  pool_.release(id, wanted_.stream_index, cache_.now);
  return at_home;
}

// What a thread takes from where others work it pays for with the time of both, again and again: they meet at locks,
// and what one gathers the other misses. So one that does little else than allocate takes new pages to its own arena
// instead, until each has what it needs at its peak.
std::uint32_t Pool::Implementation::Ladder::settle_home() {
  if (!cache_.fast() || pool_.passes_soft_limit(missing())) return 0;
  const auto peak = static_cast<std::uint64_t>(pool_.credits_.peaks().allocated);
  if (++cache_.strays < pool::strays_a_purchase(pool_.space_.bytes_as_at(cache_.home), peak)) return 0;
  cache_.strays = 0;
  try {
    const auto moving = pool_.motion_.begin();
    return growth();
  } catch (const Error& error) {  // it was for speed alone
    pool_.journal_.note_fallback(error, cache_.stream);
  } catch (const std::bad_alloc&) {  // nor is the host's memory needed for it
  }
  return 0;
}

// Elsewhere its blocks would part the memory of those who work there.
std::uint32_t Pool::Implementation::Ladder::fit_from_home() {
  pool::Arena& home = pool_.space_.home(cache_.home);
  if (const std::uint32_t id = pool::Space::fit(home, wanted_)) return id;
  return pool_.space_.fit_in_any(wanted_, &home);
}

// --- Rungs: what is far ---

std::uint32_t Pool::Implementation::Ladder::gather() {
  pool_.reclaim_pending();
  if (pool_.mode_ != PoolMode::off) {  // which keeps nothing
    pool_.flush_all();
    pool_.order_.prepare_pages(pool_.space_);
  }
  pool_.order_.look(pool_.space_, pool_.mode_ == PoolMode::pages);
  return 0;
}

std::uint32_t Pool::Implementation::Ladder::all_caches() {
  pool_.reclaim_pending();
  pool_.flush_all();
  return fit_from_home();
}

std::uint32_t Pool::Implementation::Ladder::other_streams() {
  if (!pool_.order_.take_over(pool_.space_, wanted_.stream_index)) return 0;
  return fit_from_home();
}

// Pages move only when no work uses them. Events are late by some microseconds even where nothing runs; to wait so long
// for pages costs less than to buy new ones.
std::uint32_t Pool::Implementation::Ladder::growth() {
  constexpr std::chrono::microseconds lateness{20};
  if (pool_.space_.rents() || frugal_) pool_.order_.await_pages(pool_.space_, lateness);
  return pool_.space_.grow(wanted_, cache_.home, usual_effort()).id;
}

std::uint32_t Pool::Implementation::Ladder::growth_at_any_cost() {
  pool_.order_.prepare_pages(pool_.space_);
  pool_.order_.look(pool_.space_, true);
  return pool_.space_.grow(wanted_, cache_.home, Effort::thorough).id;
}

std::uint32_t Pool::Implementation::Ladder::broken_range() {
  if (!wanted_.small) return 0;
  pool::Placement anywhere = wanted_;
  anywhere.small = false;
  return pool_.space_.fit_in_any(anywhere, nullptr);
}

std::uint32_t Pool::Implementation::Ladder::driver_segment() {
  const std::uint32_t id = pool_.space_.allocate_directly(wanted_).id;
  if (id != 0) return id;
  // What is free in other forms makes way.
  if (pool_.space_.release_segments(UINT32_MAX, 0) == 0) return 0;
  return pool_.space_.allocate_directly(wanted_).id;
}

// Free pages lie where address space was kept, until the work that used them is done: where addresses run out, that is
// waited for, and the pages leave them.
std::uint32_t Pool::Implementation::Ladder::kept_range() {
  try {
    return pool_.space_.grow_growable(wanted_, max_, cache_.home, usual_effort()).id;
  } catch (const Unsupported&) {
    pool_.order_.await_pages(pool_.space_, deadline().left());
    if (!pool_.space_.clear_addresses(cache_.home)) throw;
  }
  return pool_.space_.grow_growable(wanted_, max_, cache_.home, usual_effort()).id;
}

std::uint32_t Pool::Implementation::Ladder::kept_range_at_any_cost() {
  return pool_.space_.grow_growable(wanted_, max_, cache_.home, Effort::thorough).id;
}

std::uint32_t Pool::Implementation::Ladder::extension() { return extend(usual_effort()); }
std::uint32_t Pool::Implementation::Ladder::extension_at_any_cost() { return extend(Effort::thorough); }

std::uint32_t Pool::Implementation::Ladder::extend(Effort effort) {
  if (!has_space_) return 0;
  *plan_ = {};
  const pool::Growth growth = pool_.space_.extend(extended_, wanted_.granules, effort, *plan_);
  if (growth.id == 0 && growth.taken == pool::Taken::yes) has_space_ = false;
  return growth.id;
}

std::uint32_t Pool::Implementation::Ladder::longer_range() { return move(usual_effort()); }
std::uint32_t Pool::Implementation::Ladder::longer_range_at_any_cost() { return move(Effort::thorough); }

std::uint32_t Pool::Implementation::Ladder::move(Effort effort) {
  if (!has_space_) return 0;
  const pool::Growth growth = pool_.space_.begin_move(extended_, wanted_, max_, cache_.home, effort, *move_);
  if (growth.id == 0 && growth.taken == pool::Taken::yes) has_space_ = false;
  return growth.id;
}

}  // namespace weir
