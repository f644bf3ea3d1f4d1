#include "pool/lasting.hpp"

#include <algorithm>

namespace weir::pool {

Statistics of_a_lost_device(Statistics last) noexcept {
  Statistics past;
  past.requested = {0, last.requested.peak, last.requested.cumulative};
  past.allocated = {0, last.allocated.peak, last.allocated.cumulative};
  past.reserved = {0, last.reserved.peak, last.reserved.cumulative};
  past.allocations = last.allocations;
  past.frees = last.allocations;
  past.cache_hits = last.cache_hits;
  past.arena_hits = last.arena_hits;
  past.misses = last.misses;
  past.refusals = last.refusals;
  past.errors = last.errors;
  past.driver_calls = last.driver_calls;
  past.event_calls = last.event_calls;
  past.driver_time = last.driver_time;
  past.page_maps = last.page_maps;
  past.page_remaps = last.page_remaps;
  past.evictions = last.evictions;
  return past;
}

void add(Statistics& now, const Statistics& past) noexcept {
  const auto add_amount = [](Amount& amount, const Amount& before) {
    amount.peak = std::max(amount.peak, before.peak);
    amount.cumulative += before.cumulative;
  };
  add_amount(now.requested, past.requested);
  add_amount(now.allocated, past.allocated);
  add_amount(now.reserved, past.reserved);
  now.allocations += past.allocations;
  now.frees += past.frees;
  now.cache_hits += past.cache_hits;
  now.arena_hits += past.arena_hits;
  now.misses += past.misses;
  now.refusals += past.refusals;
  now.errors += past.errors;
  now.driver_calls += past.driver_calls;
  now.event_calls += past.event_calls;
  now.driver_time += past.driver_time;
  now.page_maps += past.page_maps;
  now.page_remaps += past.page_remaps;
  now.evictions += past.evictions;
}

}  // namespace weir::pool
