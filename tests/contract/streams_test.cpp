// Streams: reuse in their order, blocks used on several, streams that end, and
// events that are late.
#include <chrono>
#include <optional>
#include <vector>

#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

class Streams : public PoolContract {
 protected:
  [[nodiscard]] std::uint64_t records() const { return backend_->calls(device::CallKind::record); }
};

TEST_P(Streams, ReuseOnTheOwnStreamRecordsNoEvent) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off waits for every free";
  Pool& pool = make_pool();
  Stream stream = device_->stream();
  void* first = pool.allocate(100'000, stream);
  const std::uint64_t before = records();
  pool.deallocate(first, stream);
  void* second = pool.allocate(100'000, stream);
  EXPECT_EQ(second, first);
  EXPECT_EQ(records(), before);
  pool.deallocate(second, stream);
}

TEST_P(Streams, MemoryFreedOnOneServesAnotherInsteadOfNewMemory) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off reuses nothing";
  Pool& pool = make_pool();
  Stream first = device_->stream();
  Stream second = device_->stream();
  pool.deallocate(pool.allocate(20_MiB, first), first);
  const std::uint64_t reserved = pool.statistics().reserved.live;
  void* block = pool.allocate(20_MiB, second);
  EXPECT_EQ(pool.statistics().reserved.live, reserved);
  pool.deallocate(block, second);
}

// While the freeing stream's work goes on, the other stream waits on the device, not the host.
TEST_P(Streams, AStreamWaitsForTheOtherOnTheDevice) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off reuses nothing";
  Pool& pool = make_pool({.limit = 32_MiB, .reclaim_deadline = no_patience()});
  Stream first = device_->stream();
  Stream second = device_->stream();
  pool.deallocate(pool.allocate(20_MiB, first), first);
  backend_->hold_events();
  const std::uint64_t before = backend_->calls(device::CallKind::stream_wait);
  void* block = nullptr;
  EXPECT_NO_THROW(block = pool.allocate(20_MiB, second));
  EXPECT_GT(backend_->calls(device::CallKind::stream_wait), before);
  backend_->let_events_go();
  pool.deallocate(block, second);
}

TEST_P(Streams, PendingMemoryIsNotReusedBeforeItsEvents) {
  Pool& pool = make_pool({.reclaim_deadline = no_patience()});
  Stream user = device_->stream();
  void* block = pool.allocate(5_MiB);
  pool.used_on(block, user);
  backend_->hold_events();
  pool.deallocate(block);
  Statistics now = pool.statistics();
  EXPECT_EQ(now.pending, 5_MiB);
  EXPECT_EQ(now.requested.live, 0u);
  EXPECT_TRUE(coherent(now));
  EXPECT_NO_THROW(pool.verify());
  void* other = pool.allocate(5_MiB);
  EXPECT_NE(other, block);
  EXPECT_EQ(pool.trim(), 0u);
  EXPECT_EQ(pool.statistics().pending, 5_MiB);
  backend_->let_events_go();
  maintain(pool);
  EXPECT_EQ(pool.statistics().pending, 0u);
  pool.deallocate(other);
}

TEST_P(Streams, ABlockUsedOnSeveralWaitsForAllOfThem) {
  Pool& pool = make_pool();
  std::vector<Stream> users;
  for (int i = 0; i < 3; ++i) users.push_back(device_->stream());
  const BlockHandle block = pool.acquire(5_MiB);
  for (const Stream& user : users) pool.used_on(block, user);
  const std::uint64_t before = records();
  pool.release(block);
  EXPECT_GE(records() - before, 3u);
  maintain(pool);
  EXPECT_EQ(pool.statistics().pending, 0u);
}

// A block of a thread's that another thread frees, used on a third stream: the same rules.
TEST_P(Streams, UseElsewhereHoldsAlsoWhereAnotherThreadFrees) {
  Pool& pool = make_pool({.reclaim_deadline = no_patience()});
  Stream user = device_->stream();
  void* block = pool.allocate(5_MiB);
  pool.used_on(block, user);
  backend_->hold_events();
  TestThread([&] { pool.deallocate(block); }).join();
  void* other = pool.allocate(5_MiB);
  EXPECT_NE(other, block);
  backend_->let_events_go();
  pool.deallocate(other);
  maintain(pool);
  EXPECT_EQ(pool.statistics().pending, 0u);
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

TEST_P(Streams, AReusedBlockForgetsItsFormerUsers) {
  if (!caching()) GTEST_SKIP() << "without thread caches there are no hits";
  Pool& pool = make_pool();
  Stream user = device_->stream();
  void* block = pool.allocate(5000);
  pool.used_on(block, user);
  pool.deallocate(block);
  for (int i = 0; i < 5; ++i) {
    block = pool.allocate(5000);
    const std::uint64_t before = records();
    pool.deallocate(block);
    EXPECT_EQ(records(), before);
  }
}

TEST_P(Streams, AUserMayEndBeforeTheBlockIsFreed) {
  Pool& pool = make_pool();
  void* block = pool.allocate(5_MiB);
  {
    Stream user = device_->stream();
    pool.used_on(block, user);
  }
  EXPECT_NO_THROW(pool.deallocate(block));
  maintain(pool);
  EXPECT_EQ(pool.statistics().pending, 0u);
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

TEST_P(Streams, AnEndedStreamLeavesItsMemoryToAll) {
  Pool& pool = make_pool();
  std::uint64_t reserved = 0;
  for (int i = 0; i < 200; ++i) {
    Stream stream = device_->stream();
    std::vector<void*> blocks;
    for (int k = 0; k < 10; ++k) blocks.push_back(pool.allocate(1_MiB, stream));
    for (void* block : blocks) pool.deallocate(block, stream);
    if (i == 0) reserved = pool.statistics().reserved.live;
  }
  EXPECT_EQ(pool.statistics().reserved.peak, std::max<std::uint64_t>(reserved, pool.statistics().reserved.peak));
  EXPECT_LE(pool.statistics().reserved.peak, 32_MiB);
  EXPECT_EQ(pool.statistics().cached, 0u);
}

TEST_P(Streams, RetiringIsForThisPoolAndMayBeRepeated) {
  Pool& pool = make_pool();
  Stream stream = device_->stream();
  void* live = pool.allocate(1_MiB, stream);
  pool.deallocate(pool.allocate(1_MiB, stream), stream);
  pool.retire(stream);
  pool.retire(stream);
  pool.retire(StreamId{12345678});
  EXPECT_EQ(pool.statistics().cached, 0u);
  // It was promised that nothing more comes; a late free is taken all the same.
  pool.deallocate(live, stream);
  EXPECT_NO_THROW(pool.verify());
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
  void* again = pool.allocate(1_MiB, stream);
  pool.deallocate(again, stream);
}

TEST_P(Streams, ManyThreadsMayRetireTheSameStream) {
  Pool& pool = make_pool();
  for (int i = 0; i < 50; ++i) {
    Stream stream = device_->stream();
    pool.deallocate(pool.allocate(10'000, stream), stream);
    std::vector<TestThread> crew;
    for (int k = 0; k < 4; ++k) crew.emplace_back([&] { pool.retire(stream); });
    for (TestThread& thread : crew) thread.join();
  }
  // Had a cache been given up twice, two threads would now share it.
  std::vector<TestThread> crew;
  for (int k = 0; k < 4; ++k) {
    crew.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) pool.deallocate(pool.allocate(10'000));
    });
  }
  for (TestThread& thread : crew) thread.join();
}

TEST_P(Streams, DefaultStreamsAreDistinct) {
  if (!pointers()) GTEST_SKIP() << info_.name << " has no default stream for each thread";
  Pool& pool = make_pool();
  void* legacy = pool.allocate(5000);
  void* own = pool.allocate(5000, StreamId::per_thread_default);
  pool.deallocate(legacy);
  pool.deallocate(own, StreamId::per_thread_default);
  if (caching()) {
    void* again = pool.allocate(5000, StreamId::per_thread_default);
    EXPECT_EQ(again, own);
    pool.deallocate(again, StreamId::per_thread_default);
  }
  TestThread([&] {
    void* block = pool.allocate(5000, StreamId::per_thread_default);
    pool.deallocate(block, StreamId::per_thread_default);
  }).join();
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

TEST_P(Streams, AWaitPastItsDeadlineIsATimeout) {
  Stream stream = device_->stream();
  backend_->hold_events();
  EXPECT_THROW(device_->synchronize(stream, 1ms), Timeout);
  backend_->let_events_go();
  EXPECT_NO_THROW(device_->synchronize(stream, 1s));
  EXPECT_EQ(backend_->balance().events, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Streams, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
