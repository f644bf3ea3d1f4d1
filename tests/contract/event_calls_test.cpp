// How often a pool asks the driver about events: never where one stream's memory goes round,
// and a stated number of times elsewhere. Each call is a microsecond of a real driver's.
#include <vector>

#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

using device::CallKind;

class EventCalls : public PoolContract {
 protected:
  [[nodiscard]] std::uint64_t calls() const {
    std::uint64_t sum = 0;
    for (const CallKind kind : {CallKind::record, CallKind::query, CallKind::wait, CallKind::stream_wait}) {
      sum += backend_->calls(kind);
    }
    return sum;
  }
  [[nodiscard]] std::uint64_t records() const { return backend_->calls(CallKind::record); }
};
INSTANTIATE_TEST_SUITE_P(Kinds, EventCalls, testing::ValuesIn(kinds()), name_of);

TEST_P(EventCalls, AreNoneForHits) {
  if (!caching()) GTEST_SKIP() << "without thread caches there are no hits";
  Pool& pool = make_pool();
  const Stream stream = device_->stream();
  pool.deallocate(pool.allocate(5000, stream), stream);
  const std::uint64_t before = calls();
  const std::uint64_t hits = pool.statistics().cache_hits;
  for (int i = 0; i < 1000; ++i) pool.deallocate(pool.allocate(5000, stream), stream);
  EXPECT_GE(pool.statistics().cache_hits - hits, 1000u);
  EXPECT_EQ(calls(), before);
}

TEST_P(EventCalls, AreNoneForArenaHitsOnOneStream) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off waits for every free";
  Pool& pool = make_pool();
  const Stream stream = device_->stream();
  pool.deallocate(pool.allocate(64_MiB, stream), stream);
  const std::uint64_t before = calls();
  const Statistics then = pool.statistics();
  for (std::size_t i = 0; i < 200; ++i) {
    pool.deallocate(pool.allocate(1_MiB + i * 100'000, stream), stream);  // a size once is cached by nobody
  }
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.misses, then.misses);
  EXPECT_GT(now.arena_hits, then.arena_hits);
  EXPECT_EQ(calls(), before);
}

// One stream's own memory is never asked for; of each other stream that has free memory, once is enough.
TEST_P(EventCalls, AreFewForAGrowth) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off waits for every free";
  constexpr std::uint64_t max_calls = 6;  // beside other streams
  // A record, a look or two on each of a few rungs, a wait on the device.
  constexpr std::uint64_t max_calls_a_stream = 8;
  for (const std::size_t others : {0u, 8u}) {
    Pool& pool = make_pool();
    const Stream stream = device_->stream();
    std::vector<Stream> streams;
    for (std::size_t i = 0; i < others; ++i) streams.push_back(device_->stream());
    std::vector<void*> blocks;
    for (const Stream& each : streams) blocks.push_back(pool.allocate(3_MiB, each));
    for (std::size_t i = 0; i < others; ++i) pool.deallocate(blocks[i], streams[i]);
    void* const held = pool.allocate(10_MiB, stream);
    const std::uint64_t before = calls();
    const std::uint64_t misses = pool.statistics().misses;
    void* const block = pool.allocate(200_MiB, stream);
    EXPECT_EQ(pool.statistics().misses, misses + 1);
    RecordProperty("calls beside " + std::to_string(others), std::to_string(calls() - before));
    EXPECT_LE(calls() - before, max_calls + max_calls_a_stream * others);
    pool.deallocate(block, stream);
    pool.deallocate(held, stream);
    end_pool(pool);
  }
}

TEST_P(EventCalls, AreOneRecordForEachStreamThatUsedWhatIsFreed) {
  Pool& pool = make_pool();
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off waits for every free";
  const Stream owner = device_->stream();
  std::vector<Stream> users;
  for (int i = 0; i < 5; ++i) users.push_back(device_->stream());
  for (std::size_t count = 0; count <= users.size(); ++count) {
    void* const block = pool.allocate(5_MiB, owner);
    for (std::size_t i = 0; i < count; ++i) pool.used_on(block, users[i]);
    const std::uint64_t before = records();
    pool.deallocate(block, owner);
    EXPECT_EQ(records() - before, count);
  }
}

}  // namespace
}  // namespace weir::contract
