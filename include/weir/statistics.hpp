// What a pool knows about itself. All bytes, all exact when no operation is in
// flight; while others run, each field is a value it had during the call.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir {

/// A quantity now, at its highest, and all that ever passed. Bytes.
struct Amount {
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  std::uint64_t cumulative = 0;
};

/// How long operations took, by real time, from a histogram: count, maximum and mean are exact, p50 and p99 within
/// 1/16 of the exact ones, or 4 ns. All 0 when nothing was recorded.
struct LatencySummary {
  std::uint64_t count = 0;
  std::chrono::nanoseconds p50{};  ///< half of them took no longer
  std::chrono::nanoseconds p99{};  ///< 99 of 100 took no longer
  std::chrono::nanoseconds max{};
  std::chrono::nanoseconds mean{};
};

struct Statistics {
  /// What callers asked for. The peak is exact with one allocating thread and
  /// at most 64 KiB × threads too high with more.
  Amount requested;
  /// The same after rounding to granules.
  Amount allocated;
  /// Physical bytes held from the driver (mapped and held). The peak is exact.
  Amount reserved;

  // Every reserved byte is in exactly one of these states; they sum to reserved.live.
  std::uint64_t live = 0;                ///< in blocks that callers hold; equals allocated.live
  std::uint64_t cached = 0;              ///< in blocks kept by thread caches
  std::uint64_t pending = 0;             ///< freed, waiting for work on other streams
  std::uint64_t mapped_free = 0;         ///< in free ranges of arenas
  std::uint64_t held = 0;                ///< created, not mapped
  std::uint64_t external = 0;            ///< booked for other libraries; not part of reserved
  std::uint64_t largest_free_range = 0;  ///< at most a 32nd less than the largest there is
  /// What reserved + external bytes are to stay below now: the option, or less by what other programs took when the
  /// device was last asked (PoolOptions::leave_free). Empty where there is no such bound.
  std::optional<std::uint64_t> soft_limit = {};

  std::uint64_t allocations = 0;  ///< requests served
  std::uint64_t frees = 0;
  std::uint64_t cache_hits = 0;    ///< served by a thread cache
  std::uint64_t arena_hits = 0;    ///< served from pages already mapped
  std::uint64_t misses = 0;        ///< pages had to be mapped, or a segment allocated
  std::uint64_t refusals = 0;      ///< requests that memory was refused, or that ended in an error
  std::uint64_t errors = 0;        ///< misuse that was caught, thrown or logged
  std::uint64_t driver_calls = 0;  ///< calls into the device's driver about memory since the pool was made
  std::uint64_t event_calls = 0;   ///< calls that recorded an event, asked for one or waited for one, since then
  /// What this pool's calls about memory took, by the device's clock.
  std::chrono::nanoseconds driver_time{};
  std::uint64_t page_maps = 0;    ///< pages mapped, all told
  std::uint64_t page_remaps = 0;  ///< of those, mappings beyond the peak page count
  std::uint64_t evictions = 0;    ///< blocks pushed out of thread caches

  /// Arena hits: of each thread and stream every 32nd, as reading a clock costs what such a hit does, and cache hits
  /// none.
  LatencySummary arena_latency;
  /// Allocations that did not fit into what was mapped: all that was done for them, reclaiming and driver calls
  /// included.
  LatencySummary growth_latency;
  /// Calls into the driver that created or mapped pages or allocated a segment, each for itself.
  LatencySummary mapping_latency;
  /// Times for which the pool held a thread until work on the device was done, also those that ended at a deadline. A
  /// wait that finds the work done counts too, by the little it took.
  LatencySummary wait_latency;

  /// allocations served by a cache ÷ allocations; 0 when there were none.
  [[nodiscard]] double hit_rate() const noexcept {
    return allocations == 0 ? 0.0 : static_cast<double>(cache_hits) / static_cast<double>(allocations);
  }
  /// peak requested ÷ peak reserved; 1 when nothing was reserved.
  [[nodiscard]] double utilization() const noexcept {
    return reserved.peak == 0 ? 1.0 : static_cast<double>(requested.peak) / static_cast<double>(reserved.peak);
  }
  /// 1 − live requested ÷ reserved now; 0 when nothing is reserved.
  [[nodiscard]] double fragmentation() const noexcept {
    return reserved.live == 0 ? 0.0 : 1.0 - static_cast<double>(requested.live) / static_cast<double>(reserved.live);
  }
};

/// How many blocks are live, and their requested bytes.
struct LeakCount {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

/// One live block.
struct LiveBlock {
  std::uint64_t address = 0;  ///< device address
  std::uint64_t requested = 0;
  std::uint64_t allocated = 0;
  std::chrono::nanoseconds age{};  ///< at most; the clock on the hot path is coarse
  std::string tag;                 ///< the owner named at allocation; empty if none
  std::string call_site;           ///< "file:line" where switched on; else empty
};

}  // namespace weir
