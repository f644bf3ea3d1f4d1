// What the pool tells about itself: statistics, live blocks, and the check that
// its counts agree with its records.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/names.hpp"
#include "pool/implementation.hpp"

namespace weir {

using track::Block;
using track::BlockState;

namespace {

std::uint64_t unsigned_of(std::int64_t value) { return value < 0 ? 0 : static_cast<std::uint64_t>(value); }

}  // namespace

Statistics Pool::Implementation::statistics() const {
  Statistics all = sums();
  all.largest_free_range = space_.largest_free();
  all.arena_latency = arena_latency_.summary();
  all.growth_latency = growth_latency_.summary();
  all.mapping_latency = space_.store().mapping_latency();
  all.wait_latency = order_.waits();
  return all;
}

// All but the largest free range and times.
Statistics Pool::Implementation::sums() const {
  require_usable();
  Statistics all;
  const pool::PageStore& store = space_.store();
  const pool::Credits::Sums live = credits_.live();
  const pool::Credits::Sums peaks = credits_.peaks();
  caches_.for_each([&](const Cache& cache) {
    all.requested.cumulative += cache.requested.out.get();
    all.allocated.cumulative += cache.allocated.out.get();
    all.cache_hits += cache.cache_hits.get();
    all.arena_hits += cache.arena_hits.get();
    all.misses += cache.misses.get();
    all.frees += cache.frees.get();
    all.evictions += cache.evictions.get();
    all.cached += unsigned_of(cache.cached()) + cache.remote_bytes.load(std::memory_order_relaxed);
  });
  all.allocations = all.cache_hits + all.arena_hits + all.misses;
  all.requested.live = unsigned_of(live.requested);
  all.requested.peak = unsigned_of(peaks.requested);
  all.allocated.live = unsigned_of(live.allocated);
  all.allocated.peak = unsigned_of(peaks.allocated);
  all.reserved = {store.reserved(), store.peak(), store.total()};
  all.live = all.allocated.live;
  all.pending = order_.pending().granules() * index::granule_bytes;
  all.mapped_free = space_.mapped_free_bytes();
  all.held = store.held();
  all.external = store.external();
  all.soft_limit = soft_limit_.now();
  all.refusals = refusals_.load();
  all.errors = errors_.load() + caches_.misuses();
  const device::DriverCalls calls = backend_.driver_calls();
  all.driver_calls = calls.about_memory() - calls_before_.about_memory();
  all.event_calls = calls.events - calls_before_.events;
  all.driver_time = store.driver_time();
  all.page_maps = store.page_maps();
  all.page_remaps = store.page_remaps();
  pool::add(all, past_);
  return all;
}

LeakCount Pool::Implementation::check_leaks() const {
  require_usable();
  std::int64_t blocks = 0;  // may come out below 0 while other threads free what they allocated meanwhile
  caches_.for_each([&](const Cache& cache) {
    const std::uint64_t allocations = cache.cache_hits.get() + cache.arena_hits.get() + cache.misses.get();
    blocks += static_cast<std::int64_t>(allocations - cache.frees.get());
  });
  return {unsigned_of(blocks), unsigned_of(credits_.live().requested)};
}

LiveBlock Pool::Implementation::describe(std::uint32_t id) const {
  require_usable();
  if (id == 0) return {};
  const Block& block = blocks_[id];
  LiveBlock known;
  known.address = block.address();
  known.requested = block.requested;
  known.allocated = block.bytes();
  known.age = clock_.since(block.stamp);
  known.tag = notes_.tags().name(block.tag);
  known.call_site = notes_.call_site(id);
  return known;
}

std::vector<LiveBlock> Pool::Implementation::live_blocks() const {
  require_usable();
  std::vector<LiveBlock> blocks;
  // None is woken meanwhile, so that all records are seen at one moment.
  caches_.with_all_asleep([&] {
    for (std::uint32_t id = 1; id < space_.blocks().end(); ++id) {
      const Block& block = blocks_[id];
      if (block.is(BlockState::live) && block.remote.load(std::memory_order_relaxed) == 0)
        blocks.push_back(describe(id));
    }
  });
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const LiveBlock& a, const LiveBlock& b) { return a.requested > b.requested; });
  return blocks;
}

Tag Pool::Implementation::tag(std::string_view name) {
  require_usable();
  core::check_name("tag", name);
  const std::uint32_t number = notes_.tags().take(name);
  tap_.name_tag(number, name);
  return static_cast<Tag>(number);
}

void Pool::Implementation::verify() const {
  require_usable();
  const auto expect = [&](std::uint64_t counted, std::uint64_t found, const char* what) {
    if (counted == found) return;
    throw std::logic_error("pool \"" + options_.name + "\": " + what + " counted " + std::to_string(counted) +
                           ", found " + std::to_string(found));
  };
  space_.verify();
  Statistics found;
  for (std::uint32_t id = 1; id < space_.blocks().end(); ++id) {
    const Block& block = blocks_[id];
    switch (block.state.load(std::memory_order_relaxed)) {
      case BlockState::live:
        if (block.remote.load(std::memory_order_relaxed) != 0) {
          found.cached += block.bytes();  // freed by another thread, in its owner's queue
          break;
        }
        found.live += block.bytes();
        found.requested.live += block.requested;
        ++found.allocations;
        break;
      case BlockState::cached: found.cached += block.bytes(); break;
      case BlockState::pending: found.pending += block.bytes(); break;
      case BlockState::free:
      case BlockState::free_small: found.mapped_free += block.bytes(); break;
      case BlockState::busy: expect(0, block.bytes(), "bytes of pieces in no state"); break;
      case BlockState::unused:
      case BlockState::hole:
      case BlockState::kept: break;
    }
  }
  const Statistics counted = statistics();
  expect(counted.allocations - counted.frees, found.allocations, "live blocks");
  expect(counted.requested.live, found.requested.live, "requested bytes");
  expect(counted.allocated.live, found.live, "allocated bytes");
  expect(counted.cached, found.cached, "cached bytes");
  expect(counted.pending, found.pending, "pending bytes");
  expect(counted.mapped_free, found.mapped_free, "free bytes");
  expect(counted.reserved.live, found.live + found.cached + found.pending + found.mapped_free + counted.held,
         "reserved bytes, as the sum of all states,");
}

}  // namespace weir
