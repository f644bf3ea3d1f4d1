// Times as distributions: what is timed is counted once each, what is too short to be
// timed is not, and a wait that is held shows how long it was held.
#include "contract/manager_kinds.hpp"
#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

void expect_ordered(const LatencySummary& times) {
  EXPECT_LE(times.p50, times.p99);
  EXPECT_LE(times.p99, times.max);
  EXPECT_LE(times.mean, times.max);
  if (times.count == 0) {
    EXPECT_EQ(times.max, 0ns);
  }
}

class PoolLatency : public PoolContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, PoolLatency, testing::ValuesIn(kinds()), name_of);

TEST_P(PoolLatency, EachGrowthAndEachMappingIsTimed) {
  Pool& pool = make_pool();
  EXPECT_EQ(pool.statistics().growth_latency.count, 0u);
  EXPECT_EQ(pool.statistics().mapping_latency.count, 0u);
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) {
    const Statistics before = pool.statistics();
    blocks.push_back(pool.allocate(3 * std::max<std::uint64_t>(info_.page_bytes, 1_MiB)));
    const Statistics after = pool.statistics();
    EXPECT_EQ(after.growth_latency.count - before.growth_latency.count, after.misses - before.misses);
    if (after.misses != before.misses) {
      EXPECT_GT(after.mapping_latency.count, before.mapping_latency.count);
    }
  }
  const Statistics now = pool.statistics();
  EXPECT_GE(now.misses, 1u);
  EXPECT_GT(now.growth_latency.max, 0ns);
  EXPECT_GT(now.mapping_latency.max, 0ns);
  EXPECT_LE(now.mapping_latency.mean * static_cast<std::int64_t>(now.mapping_latency.count),
            now.growth_latency.mean * static_cast<std::int64_t>(now.growth_latency.count + 1));
  for (const LatencySummary& times : {now.arena_latency, now.growth_latency, now.mapping_latency, now.wait_latency}) {
    expect_ordered(times);
  }
  for (void* block : blocks) pool.deallocate(block);
}

TEST_P(PoolLatency, ARefusedGrowthIsNotTimed) {
  Pool& pool = make_pool({.limit = 16_MiB});
  EXPECT_THROW(static_cast<void>(pool.allocate(15_MiB + 512_KiB + 64_MiB)), LimitExceeded);
  void* most = pool.allocate(8_MiB);
  const std::uint64_t timed = pool.statistics().growth_latency.count;
  EXPECT_THROW(static_cast<void>(pool.allocate(12_MiB)), LimitExceeded);
  EXPECT_EQ(pool.statistics().growth_latency.count, timed);
  pool.deallocate(most);
}

TEST_P(PoolLatency, HitsAreNotTimed) {
  if (!caching()) GTEST_SKIP() << "no thread caches";
  Pool& pool = make_pool();
  pool.deallocate(pool.allocate(1000));
  const Statistics before = pool.statistics();
  for (int i = 0; i < 1000; ++i) pool.deallocate(pool.allocate(1000));
  const Statistics after = pool.statistics();
  EXPECT_EQ(after.cache_hits - before.cache_hits, 1000u);
  EXPECT_EQ(after.arena_latency.count, before.arena_latency.count);
  EXPECT_EQ(after.growth_latency.count, before.growth_latency.count);
  EXPECT_EQ(after.mapping_latency.count, before.mapping_latency.count);
  EXPECT_EQ(after.wait_latency.count, before.wait_latency.count);
}

TEST_P(PoolLatency, OfArenaHitsEvery32ndIsTimed) {
  if (!pooling() || caching()) GTEST_SKIP() << "every hit is a cache's, or there is none";
  Pool& pool = make_pool();
  for (int i = 0; i < 1000; ++i) pool.deallocate(pool.allocate(1000));
  const Statistics now = pool.statistics();
  EXPECT_GE(now.arena_hits, 900u);
  EXPECT_EQ(now.arena_latency.count, (now.arena_hits + 31) / 32);
  EXPECT_GT(now.arena_latency.max, 0ns);
  expect_ordered(now.arena_latency);
}

TEST_P(PoolLatency, AWaitThatIsHeldShowsForHowLong) {
  Pool& pool = make_pool({.reclaim_deadline = 30ms});
  const Stream other = device_->stream();
  void* block = pool.allocate(1_MiB);
  pool.used_on(block, other);
  if (pointers()) device_->run(other, [] {});
  backend_->hold_events();
  pool.deallocate(block);
  static_cast<void>(pool.trim());
  const LatencySummary held = pool.statistics().wait_latency;
  backend_->let_events_go();
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().pending, 0u);
  EXPECT_GT(held.count, 0u);
  EXPECT_GE(held.max, 25ms);
  expect_ordered(held);
}

class ManagerLatency : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, ManagerLatency, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(ManagerLatency, EachBufferThatIsMadeIsTimed) {
  MemoryManager& memory = make_manager({.pool = {.limit = 64_MiB}});
  for (int i = 0; i < 20; ++i) memory.create<float>("buffer " + std::to_string(i), 1000);
  EXPECT_THROW(memory.create<float>("buffer 3", 1000), InvalidArgument);
  EXPECT_THROW(memory.create<std::byte>("large", 100_MiB, {.max_bytes = 100_MiB}), LimitExceeded);
  static_cast<void>(memory.find_or_create<float>("buffer 3", 1000));
  const ManagerStatistics now = memory.statistics();
  EXPECT_EQ(now.creation_latency.count, 20u);
  EXPECT_EQ(now.creation_latency.count, now.buffers_created);
  EXPECT_GT(now.creation_latency.max, 0ns);
  expect_ordered(now.creation_latency);
  EXPECT_EQ(memory.report().totals.creation_latency.count, 20u);
}

class TransferLatency : public TransferContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, TransferLatency, testing::ValuesIn(kinds_with_contents()), name_of);

TEST_P(TransferLatency, EachTransferWhoseEndIsSeenCountsOnce) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("moved", 300'000, {.downloads = true});
  std::uint64_t expected = 0;
  const auto expect_one_more = [&](const char* what) {
    EXPECT_EQ(moved().transfer_latency.count, ++expected) << what;
    expect_ordered(moved().transfer_latency);
    expect_ordered(moved().wait_latency);
  };
  memory.upload(buffer, bytes_of(300'000, 1));
  expect_one_more("an upload");
  static_cast<void>(memory.download(buffer));
  expect_one_more("a download");
  const Transfer started = memory.start_upload(buffer, bytes_of(300'000, 2));
  EXPECT_EQ(moved().transfer_latency.count, expected);
  started.wait();
  started.wait();
  EXPECT_TRUE(started.done());
  expect_one_more("an upload that was started");
  memory.start_download(buffer);
  static_cast<void>(memory.wait_for_download(buffer));
  expect_one_more("a snapshot");
  const Bytes part = bytes_of(1000, 3);
  Batch batch(memory);
  batch.update(buffer, part).read(buffer, 0, 500);
  for (const BatchResult& result : batch.submit()) EXPECT_TRUE(result.ok()) << result.message();
  expect_one_more("a batch");
  EXPECT_GT(moved().transfer_latency.max, 0ns);
  EXPECT_GT(moved().wait_latency.count, 0u);
}

TEST_P(TransferLatency, AWaitThatTimesOutIsTimedAndTheTransferByItsEnd) {
  if (!device_->info().pointers) GTEST_SKIP() << "no host functions to hold a stream with";
  MemoryManager& memory = make_manager();
  const Stream stream = device_->stream();
  const auto buffer = memory.create<std::uint8_t>("moved", 1000, {}, stream);
  const TransferStatistics before = moved();
  Gate gate(*device_, stream);
  const Transfer started = memory.start_upload(buffer, bytes_of(1000, 1), stream);
  EXPECT_THROW(started.wait(30ms), Timeout);
  EXPECT_EQ(moved().transfer_latency.count, before.transfer_latency.count);
  EXPECT_EQ(moved().wait_latency.count, before.wait_latency.count + 1);
  EXPECT_GE(moved().wait_latency.max, 30ms);
  EXPECT_EQ(moved().timeouts, before.timeouts + 1);
  gate.open();
  started.wait();
  EXPECT_EQ(moved().transfer_latency.count, before.transfer_latency.count + 1);
  EXPECT_GE(moved().transfer_latency.max, 30ms);
}

}  // namespace
}  // namespace weir::contract
