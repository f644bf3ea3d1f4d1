// What a pool tells about itself: statistics field by field, live blocks with
// their owners and call sites, and the log.
#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "contract/keeping_sink.hpp"
#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

class Tracking : public PoolContract {};

TEST_P(Tracking, CountsRequestedAndAllocatedToTheByte) {
  Pool& pool = make_pool();
  void* small = pool.allocate(100);
  void* large = pool.allocate(3'000'000);
  Statistics now = pool.statistics();
  EXPECT_EQ(now.requested.live, 3'000'100u);
  EXPECT_EQ(now.requested.peak, 3'000'100u);
  EXPECT_EQ(now.requested.cumulative, 3'000'100u);
  EXPECT_EQ(now.allocated.live, 512u + 3'000'320u);
  EXPECT_EQ(now.allocated.peak, now.allocated.live);
  EXPECT_EQ(now.live, now.allocated.live);
  EXPECT_EQ(now.allocations, 2u);
  EXPECT_EQ(now.frees, 0u);
  EXPECT_GE(now.reserved.live, now.allocated.live);
  EXPECT_GT(now.driver_calls, 0u);
  EXPECT_TRUE(coherent(now));

  pool.deallocate(large);
  now = pool.statistics();
  EXPECT_EQ(now.requested.live, 100u);
  EXPECT_EQ(now.requested.peak, 3'000'100u);
  EXPECT_EQ(now.allocated.live, 512u);
  EXPECT_EQ(now.frees, 1u);

  pool.deallocate(pool.allocate(2'000'000));
  now = pool.statistics();
  EXPECT_EQ(now.requested.peak, 3'000'100u);
  EXPECT_EQ(now.requested.cumulative, 5'000'100u);
  pool.deallocate(small);
}

TEST_P(Tracking, TellsHitsFromMisses) {
  Pool& pool = make_pool();
  void* block = pool.allocate(5000);
  EXPECT_EQ(pool.statistics().misses, 1u);
  pool.deallocate(block);
  pool.deallocate(pool.allocate(5000));
  Statistics now = pool.statistics();
  EXPECT_EQ(now.cache_hits, caching() ? 1u : 0u);
  EXPECT_EQ(now.arena_hits, pooling() && !caching() ? 1u : 0u);
  EXPECT_EQ(now.misses, pooling() ? 1u : 2u);
  EXPECT_DOUBLE_EQ(now.hit_rate(), caching() ? 0.5 : 0.0);
  pool.deallocate(pool.allocate(7000));
  now = pool.statistics();
  EXPECT_EQ(now.arena_hits, !pooling() ? 0u : caching() ? 1u : 2u);
  EXPECT_TRUE(coherent(now));
}

TEST_P(Tracking, MeasuresUtilizationAndFragmentation) {
  Pool& pool = make_pool();
  EXPECT_DOUBLE_EQ(pool.statistics().utilization(), 1.0);
  EXPECT_DOUBLE_EQ(pool.statistics().fragmentation(), 0.0);
  void* block = pool.allocate(32_MiB);
  EXPECT_DOUBLE_EQ(pool.statistics().utilization(), 1.0);
  EXPECT_DOUBLE_EQ(pool.statistics().fragmentation(), 0.0);
  pool.deallocate(block);
  const Statistics now = pool.statistics();
  EXPECT_DOUBLE_EQ(now.fragmentation(), now.reserved.live == 0 ? 0.0 : 1.0);
  EXPECT_DOUBLE_EQ(now.utilization(), 1.0);
}

TEST_P(Tracking, CountsPagesAndRemaps) {
  if (GetParam().mode != PoolMode::pages) GTEST_SKIP() << "segments have no pages";
  Pool& pool = make_pool();
  void* first = pool.allocate(8 * info_.page_bytes);
  EXPECT_EQ(pool.statistics().page_maps, 8u);
  EXPECT_EQ(pool.statistics().page_remaps, 0u);
  pool.deallocate(first);
  static_cast<void>(pool.trim());
  void* second = pool.allocate(8 * info_.page_bytes);
  EXPECT_EQ(pool.statistics().page_maps, 16u);
  EXPECT_EQ(pool.statistics().page_remaps, 8u);
  EXPECT_EQ(pool.statistics().reserved.cumulative, 16 * info_.page_bytes);
  EXPECT_EQ(pool.statistics().reserved.peak, 8 * info_.page_bytes);
  pool.deallocate(second);
}

TEST_P(Tracking, KnowsTheLargestFreeRange) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off has no free ranges";
  Pool& pool = make_pool({.thread_cache_bytes = 0});
  EXPECT_EQ(pool.statistics().largest_free_range, 0u);
  void* block = pool.allocate(40_MiB);
  EXPECT_LT(pool.statistics().largest_free_range, 40_MiB);
  pool.deallocate(block);
  EXPECT_GE(pool.statistics().largest_free_range, 40_MiB);
}

// Against a plain record of every step: with one allocating thread the peak is exact,
// also where it works on several streams.
TEST_P(Tracking, PeaksAreExactWithOneAllocatingThread) {
  Pool& pool = make_pool();
  std::vector<Stream> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(device_->stream());
  struct Held {
    void* block;
    std::uint64_t bytes;
  };
  std::vector<Held> held;
  std::uint64_t requested = 0, requested_peak = 0, allocated = 0, allocated_peak = 0, seed = 5;
  for (int i = 0; i < 5000; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t dice = seed >> 33;
    const StreamId stream = dice % 4 == 0 ? StreamId::legacy_default : streams[dice % 3].id();
    const bool shrink = (i / 500) % 2 == 1;
    if (!held.empty() && dice % 8 < (shrink ? 5u : 3u)) {
      const Held freed = held[dice / 8 % held.size()];
      held[dice / 8 % held.size()] = held.back();
      held.pop_back();
      pool.deallocate(freed.block, stream);
      requested -= freed.bytes;
      allocated -= (freed.bytes + 511) / 512 * 512;
    } else {
      const std::uint64_t bytes = 1 + (dice / 8) % 40'000;
      held.push_back({pool.allocate(bytes, stream), bytes});
      requested += bytes;
      allocated += (bytes + 511) / 512 * 512;
    }
    requested_peak = std::max(requested_peak, requested);
    allocated_peak = std::max(allocated_peak, allocated);
    const Statistics now = pool.statistics();
    ASSERT_EQ(now.requested.live, requested) << "step " << i;
    ASSERT_EQ(now.requested.peak, requested_peak) << "step " << i;
    ASSERT_EQ(now.allocated.live, allocated) << "step " << i;
    ASSERT_EQ(now.allocated.peak, allocated_peak) << "step " << i;
  }
  for (const Held& each : held) pool.deallocate(each.block);
}

// With several, each on several streams, no peak is missed, and none is more than 64 KiB a thread too high.
TEST_P(Tracking, PeaksAreCloseWithSeveralAllocatingThreads) {
  constexpr unsigned threads = 4;
  Pool& pool = make_pool();
  std::vector<Stream> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(device_->stream());
  std::mutex mutex;  // one operation at a time, so that the true peak is known
  std::uint64_t requested = 0;
  std::uint64_t peak = 0;
  std::vector<TestThread> crew;
  for (unsigned me = 0; me < threads; ++me) {
    crew.emplace_back([&, me] {
      std::uint64_t seed = me + 1;
      std::vector<std::pair<void*, std::uint64_t>> held;
      for (unsigned i = 0; i < 4000; ++i) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const std::uint64_t dice = seed >> 33;
        const StreamId stream = streams[dice % 4];
        const std::lock_guard lock(mutex);
        if (!held.empty() && dice % 64 < ((i / 300 + me) % 2 == 0 ? 20u : 44u)) {
          pool.deallocate(held.back().first, stream);
          requested -= held.back().second;
          held.pop_back();
        } else {
          const std::uint64_t bytes = 1 + dice / 64 % 8000;
          held.emplace_back(pool.allocate(bytes, stream), bytes);
          requested += bytes;
          peak = std::max(peak, requested);
        }
        if (i % 16 == 0) {
          const std::uint64_t told = pool.statistics().requested.peak;
          EXPECT_GE(told, peak);
          EXPECT_LE(told, peak + threads * 64_KiB);
        }
      }
      const std::lock_guard lock(mutex);
      for (const auto& [block, bytes] : held) {
        pool.deallocate(block);
        requested -= bytes;
      }
    });
  }
  for (TestThread& thread : crew) thread.join();
  EXPECT_EQ(pool.statistics().requested.live, 0u);
}

TEST_P(Tracking, ListsLiveBlocksLargestFirst) {
  Pool& pool = make_pool();
  const Tag first = pool.tag("first owner");
  const Tag second = pool.tag("second owner");
  EXPECT_EQ(pool.tag("first owner"), first);
  EXPECT_NE(first, second);
  void* small = pool.allocate(100, StreamId::legacy_default, {.tag = first});
  void* large = pool.allocate(1'000'000, StreamId::legacy_default, {.tag = second});
  void* middle = pool.allocate(5000);
  clock_.advance(3s);
  const std::vector<LiveBlock> blocks = pool.live_blocks();
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks[0].address, reinterpret_cast<std::uint64_t>(large));
  EXPECT_EQ(blocks[0].tag, "second owner");
  EXPECT_EQ(blocks[0].requested, 1'000'000u);
  EXPECT_EQ(blocks[0].allocated, 1'000'448u);
  EXPECT_EQ(blocks[1].address, reinterpret_cast<std::uint64_t>(middle));
  EXPECT_EQ(blocks[1].tag, "");
  EXPECT_EQ(blocks[1].call_site, "");
  EXPECT_EQ(blocks[2].address, reinterpret_cast<std::uint64_t>(small));
  EXPECT_EQ(blocks[2].tag, "first owner");
  for (const LiveBlock& block : blocks) {
    EXPECT_GE(block.age, 2900ms);
    EXPECT_LE(block.age, 3100ms);
  }
  EXPECT_EQ(pool.check_leaks().blocks, 3u);
  EXPECT_EQ(pool.check_leaks().bytes, 1'005'100u);
  for (void* block : {small, large, middle}) pool.deallocate(block);
}

TEST_P(Tracking, RemembersCallSitesWhenAsked) {
  Pool& pool = make_pool({.call_sites = true});
  for (int i = 0; i < 3; ++i) {  // fresh, then reused blocks
    const unsigned line = __LINE__ + 1;
    void* block = pool.allocate(1000);
    const BlockHandle handle = pool.acquire(2000);
    const std::vector<LiveBlock> blocks = pool.live_blocks();
    ASSERT_EQ(blocks.size(), 2u);
    EXPECT_THAT(blocks[0].call_site, testing::HasSubstr("tracking_test.cpp:" + std::to_string(line + 1)));
    EXPECT_THAT(blocks[1].call_site, testing::HasSubstr("tracking_test.cpp:" + std::to_string(line)));
    EXPECT_EQ(pool.describe(handle).call_site, blocks[0].call_site);
    pool.deallocate(block);
    pool.release(handle);
  }
}

TEST_P(Tracking, LogsEveryEventWithItsFacts) {
  KeepingSink sink(LogLevel::debug);
  Pool& pool = make_pool({.name = "logged", .limit = 64_MiB, .log = &sink});
  Stream stream = device_->stream();
  void* block = pool.allocate(1'000'000, stream);
  const auto allocated = sink.of(LogEvent::allocate);
  ASSERT_EQ(allocated.size(), 1u);
  EXPECT_EQ(allocated[0].level, LogLevel::debug);
  EXPECT_EQ(allocated[0].pool, "logged");
  EXPECT_EQ(allocated[0].bytes, 1'000'000u);
  EXPECT_EQ(allocated[0].address, reinterpret_cast<std::uint64_t>(block));
  EXPECT_EQ(allocated[0].stream, static_cast<std::uint32_t>(stream.id()));
  ASSERT_EQ(sink.of(LogEvent::grow).size(), 1u);
  EXPECT_EQ(sink.of(LogEvent::grow)[0].bytes, pool.statistics().reserved.live);

  pool.deallocate(block, stream);
  ASSERT_EQ(sink.of(LogEvent::free).size(), 1u);
  EXPECT_EQ(sink.of(LogEvent::free)[0].address, reinterpret_cast<std::uint64_t>(block));
  for (int i = 0; i < 2; ++i) pool.deallocate(pool.allocate(3000, stream), stream);
  EXPECT_EQ(sink.of(LogEvent::reuse).size(), caching() ? 1u : 0u);

  EXPECT_THROW(static_cast<void>(pool.allocate(65_MiB)), LimitExceeded);
  ASSERT_EQ(sink.of(LogEvent::refuse).size(), 1u);
  EXPECT_EQ(sink.of(LogEvent::refuse)[0].level, LogLevel::warning);
  EXPECT_EQ(sink.of(LogEvent::refuse)[0].bytes, 65_MiB);

  const std::uint64_t released = pool.trim();
  if (pooling()) {
    ASSERT_EQ(sink.of(LogEvent::trim).size(), 1u);
    EXPECT_EQ(sink.of(LogEvent::trim)[0].bytes, released);
  }
}

TEST_P(Tracking, LogsOnlyFromTheSinksLevelOn) {
  KeepingSink sink(LogLevel::warning);
  Pool& pool = make_pool({.limit = 64_MiB, .log = &sink});
  pool.deallocate(pool.allocate(1000));
  static_cast<void>(pool.trim());
  EXPECT_EQ(sink.all().size(), 0u);
  EXPECT_EQ(pool.try_allocate(65_MiB), std::nullopt);
  EXPECT_EQ(sink.all().size(), 1u);
}

TEST_P(Tracking, ReportsLeaksOfADestroyedPool) {
  KeepingSink sink(LogLevel::error);
  {
    Pool pool(*device_,
              {.name = "leaking", .mode = GetParam().mode, .call_sites = true, .clock = &clock_, .log = &sink});
    static_cast<void>(pool.allocate(1234, StreamId::legacy_default, {.tag = pool.tag("forgetful")}));
    static_cast<void>(pool.allocate(99));
    pool.deallocate(pool.allocate(5000));
  }
  const auto leaks = sink.of(LogEvent::leak);
  ASSERT_EQ(leaks.size(), 2u);
  EXPECT_EQ(leaks[0].bytes, 1234u);
  EXPECT_EQ(leaks[0].pool, "leaking");
  EXPECT_EQ(leaks[0].level, LogLevel::error);
  EXPECT_THAT(leaks[0].text, testing::HasSubstr("forgetful"));
  EXPECT_THAT(leaks[0].text, testing::HasSubstr("tracking_test.cpp"));
  EXPECT_EQ(leaks[1].bytes, 99u);
  EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
}

// A sink that uses the pool it hears of, for every record: no lock is held while it is called.
class BusySink final : public KeepingSink {
 public:
  BusySink() : KeepingSink(LogLevel::debug) {}
  void write(const LogRecord& record) noexcept override {
    KeepingSink::write(record);
    if (pool == nullptr || inside) return;
    inside = true;
    void* block = pool->allocate(100 + 50'000 * static_cast<std::size_t>(++calls % 7));
    static_cast<void>(pool->statistics());
    pool->deallocate(block);
    if (calls % 50 == 0) static_cast<void>(pool->live_blocks());
    if (calls % 100 == 0) static_cast<void>(pool->trim());
    inside = false;
  }
  Pool* pool = nullptr;
  bool inside = false;
  int calls = 0;
};

TEST_P(Tracking, ASinkMayUseThePool) {
  BusySink sink;
  Pool& pool = make_pool({.limit = 64_MiB, .log = &sink});
  sink.pool = &pool;
  Stream stream = device_->stream();
  for (int i = 0; i < 200; ++i) {
    void* block = pool.allocate(10'000, stream);
    void* large = pool.allocate(4_MiB);
    pool.used_on(block, StreamId::legacy_default);
    pool.deallocate(block, stream);
    pool.deallocate(large, stream);
    EXPECT_EQ(pool.try_allocate(100_MiB), std::nullopt);
    clock_.advance(1s);
  }
  pool.maintain();
  EXPECT_GT(sink.calls, 600);
  sink.pool = nullptr;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Tracking, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
