// How memory goes back to the driver: by trim(), by age, by the end of the pool;
// and that what is asked to be kept is kept.
#include <chrono>
#include <vector>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

class GivingBack : public PoolContract {
 protected:
  /// Allocates and frees `megabytes` of blocks of several sizes.
  static void churn(Pool& pool, std::size_t megabytes, StreamId stream = StreamId::legacy_default) {
    std::vector<void*> held;
    for (std::size_t i = 0; i < megabytes; ++i) {
      held.push_back(pool.allocate(i % 2 == 0 ? 1_MiB : 30'000, stream));
    }
    for (void* block : held) pool.deallocate(block, stream);
  }
  /// Enough operations for the thread to notice the time.
  static void notice_time(Pool& pool) {
    for (int i = 0; i < 70; ++i) pool.deallocate(pool.allocate(512));
  }
};

TEST_P(GivingBack, TrimReturnsAllThatIsFree) {
  Pool& pool = make_pool();
  churn(pool, 50);
  const std::uint64_t reserved = pool.statistics().reserved.live;
  EXPECT_EQ(pool.trim(), reserved);
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.reserved.live, 0u);
  EXPECT_EQ(now.cached + now.pending + now.mapped_free + now.held, 0u);
  EXPECT_EQ(backend_->balance().pages, 0u);
  EXPECT_EQ(backend_->balance().segment_bytes, 0u);
  EXPECT_EQ(pool.trim(), 0u);
  churn(pool, 10);
}

TEST_P(GivingBack, TrimKeepsWhatItIsAskedToKeep) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off keeps nothing";
  Pool& pool = make_pool();
  void* first = pool.allocate(40_MiB);
  void* second = pool.allocate(40_MiB);
  pool.deallocate(first);
  pool.deallocate(second);
  static_cast<void>(pool.trim(50_MiB));
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.mapped_free + now.held, GetParam().mode == PoolMode::pages ? 50_MiB : 80_MiB);
  static_cast<void>(pool.trim(50_MiB));
  EXPECT_EQ(pool.statistics().reserved.live, now.reserved.live);
}

TEST_P(GivingBack, WhatWasMappedAheadNeedsNoDriver) {
  Pool& pool = make_pool({.limit = 200_MiB});
  if (!pooling()) {
    EXPECT_THROW(pool.map_ahead(1_MiB), Unsupported);
    return;
  }
  pool.map_ahead(0);
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
  pool.map_ahead(40_MiB);
  const Statistics ready = pool.statistics();
  EXPECT_GE(ready.mapped_free, 40_MiB);
  EXPECT_GE(ready.largest_free_range, 40_MiB);
  EXPECT_EQ(ready.allocations + ready.frees, 0u);
  EXPECT_EQ(ready.requested.peak + ready.allocated.peak, 0u);
  pool.map_ahead(40_MiB);  // there is as much
  std::vector<void*> blocks{pool.allocate(20_MiB), pool.allocate(10_MiB), pool.allocate(300'000)};
  EXPECT_EQ(pool.statistics().driver_calls, ready.driver_calls);
  EXPECT_EQ(pool.statistics().misses, 0u);
  EXPECT_THROW(pool.map_ahead(1_GiB), LimitExceeded);
  for (void* block : blocks) pool.deallocate(block);
  EXPECT_EQ(pool.trim(), ready.reserved.live);
}

TEST_P(GivingBack, TrimLeavesLiveBlocksAlone) {
  Pool& pool = make_pool();
  struct Held {
    void* block;
    std::size_t bytes;
  };
  std::vector<Held> held;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t bytes = 1000 + i * 5000;
    held.push_back({pool.allocate(bytes), bytes});
    if (pointers()) fill_pattern(held.back().block, bytes, i);
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (i % 3 != 0) pool.deallocate(held[i].block);
  }
  static_cast<void>(pool.trim());
  EXPECT_TRUE(coherent(pool.statistics()));
  EXPECT_NO_THROW(pool.verify());
  for (std::size_t i = 0; i < held.size(); i += 3) {
    EXPECT_TRUE(!pointers() || has_pattern(held[i].block, held[i].bytes, i));
    pool.deallocate(held[i].block);
  }
}

TEST_P(GivingBack, IdleMemoryGoesBackAfterItsAgeAndNotBefore) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off has no idle memory";
  Pool& pool = make_pool();
  churn(pool, 40);
  const std::uint64_t reserved = pool.statistics().reserved.live;
  EXPECT_GE(reserved, 20_MiB);
  clock_.advance(29s);
  maintain(pool);
  EXPECT_EQ(pool.statistics().reserved.live, reserved);
  clock_.advance(2s);
  maintain(pool);
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

// Stamps of time are short; none of their borders is seen.
TEST_P(GivingBack, IdleMemoryGoesBackHoweverOldThePoolIs) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off has no idle memory";
  Pool& pool = make_pool();
  void* const old = pool.allocate(1_MiB);
  std::chrono::nanoseconds age{0};
  constexpr std::chrono::nanoseconds unit{1 << 20};
  for (const auto border :
       {std::chrono::nanoseconds{(std::int64_t{1} << 31) * unit},
        std::chrono::nanoseconds{(std::int64_t{1} << 32) * unit}, std::chrono::nanoseconds{100 * 365 * 24h}}) {
    for (const auto before : {15s, 0s}) {  // the border lies between the free and the look, then behind both
      const auto start = border - before;
      clock_.advance(start - age);
      age = start;
      maintain(pool);
      churn(pool, 40);
      const std::uint64_t reserved = pool.statistics().reserved.live;
      EXPECT_GE(reserved, 20_MiB);
      const auto pass = [&](std::chrono::nanoseconds time) {
        clock_.advance(time);
        age += time;
        maintain(pool);
      };
      pass(25s);
      EXPECT_EQ(pool.statistics().reserved.live, reserved) << age.count();
      pass(8s);
      EXPECT_LE(pool.statistics().reserved.live, 32_MiB) << age.count();
      const std::vector<LiveBlock> live = pool.live_blocks();
      ASSERT_EQ(live.size(), 1u);
      EXPECT_LE(live[0].age, age + 2s);
      EXPECT_GE(live[0].age, age - 2s);
    }
  }
  pool.deallocate(old);
}

TEST_P(GivingBack, AgeingRunsAtOperationsToo) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off has no idle memory";
  Pool& pool = make_pool();
  churn(pool, 40);
  clock_.advance(40s);
  notice_time(pool);
  if (GetParam().late != 0s) maintain(pool);           // what the operations recorded is not past by the last of them
  EXPECT_LE(pool.statistics().reserved.live, 32_MiB);  // a page, or one segment, for what is in use
  const std::uint64_t reserved = pool.statistics().reserved.live;
  clock_.advance(20s);
  notice_time(pool);
  EXPECT_EQ(pool.statistics().reserved.live, reserved);
}

TEST_P(GivingBack, MemoryInUseIsNotIdle) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off has no idle memory";
  Pool& pool = make_pool();
  for (int second = 0; second < 100; second += 10) {
    churn(pool, 40);
    notice_time(pool);
    clock_.advance(10s);
  }
  churn(pool, 40);
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.reserved.live, now.reserved.peak);
  EXPECT_EQ(now.reserved.cumulative, now.reserved.peak);
}

TEST_P(GivingBack, AgeingKeepsWhatIsToBeKept) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off keeps nothing";
  Pool& pool = make_pool({.keep_free = 64_MiB});
  void* first = pool.allocate(40_MiB);
  void* second = pool.allocate(40_MiB);
  pool.deallocate(first);
  pool.deallocate(second);
  clock_.advance(60s);
  maintain(pool);
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.mapped_free + now.held, GetParam().mode == PoolMode::pages ? 64_MiB : 80_MiB);
}

// A thread that did nothing for long does not know the time when it frees.
TEST_P(GivingBack, MemoryFreedLateIsNotIdleSinceLongAgo) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off keeps nothing";
  Pool& pool = make_pool();
  void* block = pool.allocate(10_MiB);
  TestThread([&] {
    clock_.advance(29s);
    pool.maintain();
  }).join();
  pool.deallocate(block);
  clock_.advance(2s);
  pool.maintain();
  EXPECT_GE(pool.statistics().reserved.live, 10_MiB);
  clock_.advance(30s);
  maintain(pool);
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

TEST_P(GivingBack, AZeroAgeReturnsMemoryAtOnce) {
  Pool& pool = make_pool({.idle_age = 0s});
  churn(pool, 10);
  clock_.advance(10ms);
  maintain(pool);
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

TEST_P(GivingBack, AnEndlessAgeReturnsNothing) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off keeps nothing";
  Pool& pool = make_pool({.idle_age = std::chrono::nanoseconds::max()});
  churn(pool, 10);
  const std::uint64_t reserved = pool.statistics().reserved.live;
  clock_.advance(1000h);
  pool.maintain();
  EXPECT_EQ(pool.statistics().reserved.live, reserved);
}

TEST_P(GivingBack, IdleMemoryOfManyStreamsAndThreadsGoesBackToo) {
  Pool& pool = make_pool();
  std::vector<Stream> streams;
  for (int i = 0; i < 3; ++i) streams.push_back(device_->stream());
  for (const Stream& stream : streams) churn(pool, 20, stream);
  TestThread([&] { churn(pool, 20, streams[0]); }).join();
  clock_.advance(31s);
  pool.maintain();  // an event is late: what it records is past when it looks again
  for (const Stream& stream : streams) device_->synchronize(stream);
  device_->synchronize(StreamId::legacy_default);
  pool.maintain();
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

TEST_P(GivingBack, TheEndOfThePoolReturnsEverythingEvenLiveBlocks) {
  auto pool = std::make_unique<Pool>(*device_, PoolOptions{.mode = GetParam().mode, .clock = &clock_});
  std::vector<void*> leaked;
  for (int i = 0; i < 20; ++i) leaked.push_back(pool->allocate(300'000));
  EXPECT_EQ(pool->check_leaks().blocks, 20u);
  EXPECT_EQ(pool->check_leaks().bytes, 6'000'000u);
  pool.reset();
  EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
}

INSTANTIATE_TEST_SUITE_P(Kinds, GivingBack, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
