// What a manager's pools, of device and of pinned memory, were asked for and did, for runs that tell how their memory
// was served: taken twice and subtracted. Used by the workloads' reports.
#pragma once

#include <cstdint>

#include <weir/weir.hpp>

namespace weir::compute {

struct PoolCounts {
  explicit PoolCounts(const MemoryManager& memory) {
    const ManagerStatistics now = memory.statistics();
    for (const Statistics* const pool : {&now.pool, &now.transfers.pinned}) {
      requests += pool->allocations;
      hits += pool->cache_hits + pool->arena_hits;
      driver_calls += pool->driver_calls;
    }
  }
  /// What came between.
  [[nodiscard]] PoolCounts since(const PoolCounts& before) const noexcept {
    PoolCounts between = *this;
    between.requests -= before.requests;
    between.hits -= before.hits;
    between.driver_calls -= before.driver_calls;
    return between;
  }
  /// hits ÷ requests; 0 where there were none.
  [[nodiscard]] double hit_rate() const noexcept {
    return requests == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(requests);
  }

  std::uint64_t requests = 0;
  std::uint64_t hits = 0;          ///< served by caches and arenas
  std::uint64_t driver_calls = 0;  ///< about memory
};

}  // namespace weir::compute
