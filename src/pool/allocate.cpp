// What a hit leaves over: requests that the thread's cache cannot serve or that have more
// to do. ladder.cpp has the ways to memory, refusal.cpp what is told where it is refused.
#include <algorithm>
#include <array>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/hit_path.hpp"
#include "pool/ladder.hpp"

namespace weir {

using pool::Placement;
using pool::Request;
using pool::Served;
using pool::Source;
using pool::ThreadCache;
using pool::Ways;

namespace {

// Of so many arena hits of a cache one is timed: reading the clock twice costs about what such a hit does.
constexpr std::uint64_t arena_hits_a_sample = 32;
// Of an operation that is no hit, in hits, when the clock is due.
constexpr std::uint32_t slow_weight = 2;

track::EventWay way_of(Source by) noexcept {
  switch (by) {
    case Source::cache: return track::EventWay::cache;
    case Source::arena: return track::EventWay::arena;
    case Source::driver: break;
  }
  return track::EventWay::miss;
}

}  // namespace

// --- Caches ---

ThreadCache& Pool::Implementation::cache_of(StreamId stream, Purpose purpose) {
  const std::uint64_t key = key_base_ | static_cast<std::uint32_t>(stream);
  if (Cache* const quick = quick_cache(key, stream)) return *quick;
  Cache* cache = pool::Caches::known(key);
  if (cache == nullptr) {
    bool known = true;  // a stream that was destroyed is not: what is freed on it is clean, for its work was finished
    StreamId resolved = stream;
    try {
      resolved = backend_.resolve(stream);
    } catch (const InvalidArgument&) {
      if (purpose == Purpose::take || !device::was_given_out(stream)) throw;
      known = false;
    }
    cache = &caches_.begin(key, stream, [&](Cache& made) {
      // Under the caches' lock, under which retire() looks for the stream's caches: else one that it does not
      // find yet might go on with a stream that is given up.
      made.stream_index = known ? order_.epochs().index_of(resolved) : pool::clean_index;
      made.home = space_.home_of(made.stream_index);
      made.meetings = 0;
      made.now = clock_.now();
    });
  }
  pool::remember(key, *cache);
  pool::thread_caches.put(key, *cache);
  return *cache;
}

std::uint64_t Pool::Implementation::after_hit(Cache& cache, const track::Block& block, bool overdrawn, bool due) {
  if (overdrawn) credits_.settle(cache);
  if (due) tick(cache);
  return block.address();
}

void Pool::Implementation::tick(Cache& cache) {
  cache.slow_operations = 0;
  const std::uint64_t now = clock_.units();
  cache.now = pool::CoarseClock::stamp(now);
  pace(cache, now);
  if (const std::uint64_t key = cache.key; key != 0) pool::thread_caches.put_first(key, cache);
  if (now >= next_maintenance_.load(std::memory_order_relaxed)) maintain();
}

// A thread that does little else than allocate gains by what is cached, a tenth of a microsecond each time; one that
// also works gains more by tight memory: large blocks that are not cached join into larger ranges, and handles become
// free.
void Pool::Implementation::pace(Cache& cache, std::uint64_t now) {
  constexpr std::uint32_t fast = 64;  // readings of the clock, each after as many operations, in about a millisecond
  if (cache.paced == now) {
    ++cache.ticks;
    return;
  }
  cache.set_fast(cache.ticks >= fast && now - cache.paced == 1);
  cache.ticks = 0;
  cache.paced = now;
}

// --- Requests ---

std::uint64_t Pool::Implementation::allocate_address(std::size_t bytes, StreamId stream, AllocateOptions options,
                                                     CallSite where) {
  Cache* looked_into = nullptr;
  if (tells_hits()) {
    const std::uint64_t address = told_hit(bytes, stream, options, looked_into);
    if (address != refused) return address;
  }
  const std::uint32_t id = allocate({bytes, stream, options, where, looked_into});
  return id == 0 ? 0 : blocks_[id].address();
}

// The second way through a hit; `refused` where there is none.
inline std::uint64_t Pool::Implementation::told_hit(std::size_t bytes, StreamId stream, AllocateOptions options,
                                                    Cache*& looked_into) {
  return hit_or<true>(bytes, stream, options, [&](Cache* cache) {
    looked_into = cache;
    return refused;
  });
}

std::uint64_t Pool::Implementation::allocate_after_miss(Cache& cache, std::size_t bytes, AllocateOptions options,
                                                        CallSite where) {
  const std::uint32_t id = allocate({bytes, cache.stream, options, where, &cache});
  return id == 0 ? 0 : blocks_[id].address();
}

std::uint64_t Pool::Implementation::try_allocate(Cache* cache, std::size_t bytes, StreamId stream,
                                                 AllocateOptions options, CallSite where) {
  if (cache == nullptr && tells_hits()) {
    const std::uint64_t address = told_hit(bytes, stream, options, cache);
    if (address != refused) return address;
  }
  const Request request{bytes, stream, options, where, cache};
  pool::Tries tries{.expects_refusal = true, .deadline = {}};
  try {
    const std::optional<std::uint32_t> id = serve(request, Ways::any, 0, tries);
    if (id) return *id == 0 ? 0 : blocks_[*id].address();
    note_refusal(request, "try_allocate: no memory is left within the limit or on the device");
  } catch (const OutOfMemory&) {  // of addresses, or of records; noted
  }
  return refused;
}

std::uint32_t Pool::Implementation::allocate(const Request& request) {
  pool::Tries tries;
  const std::optional<std::uint32_t> id = serve(request, Ways::any, 0, tries);
  return id ? *id : allocate_late(request, Ways::any, 0, tries);
}

std::uint32_t Pool::Implementation::allocate_growable(const Request& request, std::size_t max) {
  if (mode_ != PoolMode::pages || request.bytes <= info_.page_bytes) return allocate(request);
  const std::uint64_t bound = std::min<std::uint64_t>(std::max(max, request.bytes), max_bytes_);
  const std::uint32_t max_granules = whole_pages(index::granules_for(bound));
  pool::Tries tries;
  const std::optional<std::uint32_t> served = serve(request, Ways::growable, max_granules, tries);
  const std::uint32_t id = served ? *served : allocate_late(request, Ways::growable, max_granules, tries);
  notes_.set_max_granules(id, max_granules);
  blocks_[id].ownership.fetch_or(track::Block::shared_bit, std::memory_order_relaxed);
  return id;
}

std::uint32_t Pool::Implementation::allocate_plain(const Request& request) {
  pool::Tries tries;
  const std::optional<std::uint32_t> served = serve(request, Ways::plain, 0, tries);
  const std::uint32_t id = served ? *served : allocate_late(request, Ways::plain, 0, tries);
  if (id != 0) blocks_[id].ownership.fetch_or(track::Block::shared_bit, std::memory_order_relaxed);
  return id;
}

// An allocation that nobody takes: no book knows of it, and what it finds or maps is free at once.
void Pool::Implementation::map_ahead(std::uint64_t bytes, StreamId stream) {
  require_usable();
  if (mode_ == PoolMode::off) {
    throw Unsupported(
        "pool \"" + options_.name + "\": map_ahead needs a pool that keeps free memory, but its mode is PoolMode::off",
        {.name = options_.name, .bytes_asked = bytes});
  }
  if (bytes == 0) return;
  Cache& cache = cache_of(stream, Purpose::take);
  const Request request{bytes, stream};
  if (bytes > max_bytes_) refuse_size(request);
  Placement wanted = placement(request, cache.stream_index);
  wanted.small = false;
  std::uint32_t id = space_.fit_in_any(wanted, nullptr);
  try {
    pool::Tries tries{.expects_refusal = true, .deadline = {}};
    if (id == 0) id = Ladder(*this, wanted, cache, tries).free_memory().id;
  } catch (const Unsupported& error) {
    // No range of addresses is left that is as long; requests of the size get memory of the driver's own.
    journal_.note(LogLevel::warning, LogEvent::fallback, error.message(), bytes, 0, stream);
    return;
  } catch (const Error&) {
    throw_as_refusal(request);
  }
  if (id == 0) refuse(request);
  release(id, blocks_[id].stream_index, clock_.now());
}

// The same as at first, but with whatever the cache has by now.
std::optional<std::uint32_t> Pool::Implementation::serve_again(const Request& request, Ways ways, std::uint32_t max,
                                                               pool::Tries& tries) {
  Request again = request;
  again.cache = nullptr;
  return serve(again, ways, max, tries);
}

// A block for the request, with all books written; 0 for no bytes, empty where memory is refused.
std::optional<std::uint32_t> Pool::Implementation::serve(const Request& request, Ways ways, std::uint32_t max,
                                                         pool::Tries& tries) {
  if (request.bytes == 0) return 0;
  require_usable();
  try {
    // A size past the limit is refused here, before any arithmetic could overflow.
    if (request.bytes > max_bytes_) [[unlikely]]
      return std::nullopt;
    Cache& cache = request.cache != nullptr ? *request.cache : cache_of(request.stream, Purpose::take);
    const Placement wanted = placement(request, cache.stream_index);
    cache.slow_operations += slow_weight;
    if (cache.slow_operations >= operations_per_tick) tick(cache);
    const Served served = find(request, wanted, cache, ways, max, tries);
    if (served.id == 0) return std::nullopt;
    if (options_.zero) clear(served, request, cache);
    return hand_out(served, request, cache);
  } catch (const Error&) {
    throw_as_refusal(request);
  }
}

// What lies below a pool does not know which one asks.
OutOfMemory Pool::Implementation::named(const OutOfMemory& error, const std::string& pool) {
  const std::string prefix = "pool \"" + pool + "\"";
  if (error.message().starts_with(prefix)) return error;
  ErrorFacts facts = error.facts();
  facts.name = pool;
  return OutOfMemory(prefix + ": " + error.message(), std::move(facts));
}

Served Pool::Implementation::find(const Request& request, const Placement& wanted, Cache& cache, Ways ways,
                                  std::uint32_t max, pool::Tries& tries) {
  const bool timed = cache.arena_hits.get() % arena_hits_a_sample == 0;
  const auto began = timed ? track::Latency::Clock::now() : track::Latency::Clock::time_point();
  try {
    if (ways == Ways::plain) {
      Placement anywhere = wanted;
      anywhere.small = false;
      return Ladder(*this, anywhere, cache, tries).plain();
    }
    if (ways == Ways::growable) {
      Placement whole = wanted;
      whole.granules = whole_pages(wanted.granules);
      whole.small = false;
      return Ladder(*this, whole, cache, tries).growable(max);
    }
    const Served served = Ladder(*this, wanted, cache, tries).any(request.cache != nullptr);
    if (timed && served.by == Source::arena) arena_latency_.record_since(began);
    return served;
  } catch (const DeviceLost&) {
    throw;
  } catch (const Error& error) {
    if (mode_ == PoolMode::off || ways != Ways::any) throw;
    journal_.note(LogLevel::warning, LogEvent::fallback, error.message(), request.bytes, 0, request.stream);
    const std::uint32_t id = space_.allocate_directly(wanted).id;
    if (id == 0 && dynamic_cast<const OutOfMemory*>(&error) != nullptr) throw;  // it says what is short
    return {id, Source::driver};
  }
}

std::uint32_t Pool::Implementation::hand_out(const Served& served, const Request& request, Cache& cache) {
  track::Block& block = blocks_[served.id];
  caches_.enter(cache);
  block.own(cache.id);
  const bool overdrawn = begin_life(block, request.bytes, request.options.tag, cache) < 0;
  if (served.by == Source::cache) {
    cache.cache_hits.add(1);
  } else {
    cache.bypassed(block.bytes());
    (served.by == Source::arena ? cache.arena_hits : cache.misses).add(1);
  }
  cache.lock.leave();
  if (overdrawn) credits_.settle(cache);
  if (options_.call_sites) notes_.set_call_site(served.id, request.where);
  if (logs_ || tap_.on()) tell(cache, served.id, track::EventKind::allocate, way_of(served.by), request.stream);
  return served.id;
}

Placement Pool::Implementation::placement(const Request& request, StreamIndex stream_index) const {
  const bool power_of_two =
      request.options.alignment != 0 && (request.options.alignment & (request.options.alignment - 1)) == 0;
  if (!power_of_two || request.options.alignment > info_.page_bytes) [[unlikely]]
    refuse_alignment(request);
  Placement wanted;
  wanted.granules = static_cast<std::uint32_t>(index::granules_for(request.bytes));
  wanted.alignment =
      static_cast<std::uint32_t>(std::max(request.options.alignment, Pool::granule) >> index::granule_shift);
  wanted.stream_index = stream_index;
  wanted.small = wanted.granules <= small_granules_ && wanted.alignment == 1 && space_.parts_small_blocks();
  return wanted;
}

// A block that could not be cleared is not handed out.
void Pool::Implementation::clear(const Served& served, const Request& request, Cache& cache) {
  track::Block& block = blocks_[served.id];
  block.stream_index.store(cache.stream_index, std::memory_order_relaxed);
  try {
    backend_.fill(request.stream, block.address(), 0, block.bytes());
  } catch (...) {
    caches_.enter(cache);
    if (served.by == Source::cache) cache.passed_by(block.bytes());
    block.become(track::BlockState::busy);
    cache.lock.leave();
    release(served.id, cache.stream_index, cache.now);
    throw;
  }
}

}  // namespace weir
