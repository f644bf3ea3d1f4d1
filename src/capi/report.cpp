// What a pool tells about itself, for C.
#include <weir/pool.hpp>
#include <weir/statistics.hpp>

#include "capi/error.hpp"
#include "capi/pool_table.hpp"
#include "capi/structs.hpp"

namespace weir::capi {
namespace {

static_assert(sizeof(weir_statistics) == sizeof(std::size_t) + sizeof(Statistics),
              "a field was added to weir::Statistics: add it at the end of weir_statistics and below");

weir_amount in_c(const Amount& amount) { return {amount.live, amount.peak, amount.cumulative}; }

weir_latency in_c(const LatencySummary& known) {
  return {known.count, known.p50.count(), known.p99.count(), known.max.count(), known.mean.count()};
}

weir_statistics in_c(const Statistics& known) {
  weir_statistics all{};
  all.struct_size = sizeof all;
  all.requested = in_c(known.requested);
  all.allocated = in_c(known.allocated);
  all.reserved = in_c(known.reserved);
  all.live = known.live;
  all.cached = known.cached;
  all.pending = known.pending;
  all.mapped_free = known.mapped_free;
  all.held = known.held;
  all.external = known.external;
  all.largest_free_range = known.largest_free_range;
  all.allocations = known.allocations;
  all.frees = known.frees;
  all.cache_hits = known.cache_hits;
  all.arena_hits = known.arena_hits;
  all.misses = known.misses;
  all.refusals = known.refusals;
  all.errors = known.errors;
  all.driver_calls = known.driver_calls;
  all.page_maps = known.page_maps;
  all.page_remaps = known.page_remaps;
  all.evictions = known.evictions;
  all.arena_latency = in_c(known.arena_latency);
  all.growth_latency = in_c(known.growth_latency);
  all.mapping_latency = in_c(known.mapping_latency);
  all.wait_latency = in_c(known.wait_latency);
  all.event_calls = known.event_calls;
  all.driver_time_ns = known.driver_time.count();
  all.soft_limit = known.soft_limit.value_or(0);
  all.has_soft_limit = known.soft_limit ? 1 : 0;
  return all;
}

weir_live_block in_c(const LiveBlock& known) {
  weir_live_block block{};
  block.struct_size = sizeof block;
  block.address = known.address;
  block.requested = known.requested;
  block.allocated = known.allocated;
  block.age_ns = known.age.count();
  block.tag = known.tag.c_str();
  block.call_site = known.call_site.c_str();
  return block;
}

}  // namespace
}  // namespace weir::capi

using weir::capi::guarded;
using weir::capi::PoolTable;
using weir::capi::require;

weir_status weir_get_statistics(const weir_pool* pool, weir_statistics* statistics) {
  return guarded([&] {
    const weir::Pool& here = PoolTable::find(pool, "weir_get_statistics");
    require(statistics, "weir_get_statistics", "statistics");
    weir::capi::write_result(statistics, weir::capi::in_c(here.statistics()), statistics->struct_size,
                             "weir_get_statistics");
  });
}

weir_status weir_check_leaks(const weir_pool* pool, uint64_t* blocks, uint64_t* bytes) {
  return guarded([&] {
    const weir::Pool& here = PoolTable::find(pool, "weir_check_leaks");
    require(blocks, "weir_check_leaks", "blocks");
    require(bytes, "weir_check_leaks", "bytes");
    const weir::LeakCount count = here.check_leaks();
    *blocks = count.blocks;
    *bytes = count.bytes;
  });
}

weir_status weir_visit_live_blocks(const weir_pool* pool, weir_live_block_visitor visitor, void* user) {
  return guarded([&] {
    const weir::Pool& here = PoolTable::find(pool, "weir_visit_live_blocks");
    require(visitor, "weir_visit_live_blocks", "visitor");
    for (const weir::LiveBlock& each : here.live_blocks()) {
      const weir_live_block block = weir::capi::in_c(each);
      if (visitor(&block, user) != 0) return;
    }
  });
}
