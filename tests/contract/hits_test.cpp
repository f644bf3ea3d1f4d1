// A hit is free: no driver call, no host-heap allocation. And blocks are cleared
// before they change hands, where that is asked for.
#include <algorithm>
#include <cstring>
#include <vector>

#include "contract/counted_heap.hpp"
#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

class Hits : public PoolContract {
 protected:
  /// Rounds of last-in-first-out use of blocks of several sizes.
  static void use(Pool& pool, int rounds, StreamId stream) {
    constexpr std::size_t sizes[] = {1, 512, 3000, 65'536, 70'000, 700'000, 1 << 20, 5 << 20};
    void* held[std::size(sizes)];
    for (int round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < std::size(sizes); ++i) held[i] = pool.allocate(sizes[i], stream);
      for (std::size_t i = std::size(sizes); i-- > 0;) pool.deallocate(held[i], stream);
    }
  }
  /// The same as a thread that does little else within a millisecond: then large blocks are cached as well.
  void use_in_haste(Pool& pool, StreamId stream) {
    use(pool, 1000, stream);
    clock_.advance(std::chrono::microseconds(1100));
    use(pool, 20, stream);
  }
};

TEST(CountedHeap, Counts) {
  if (!heap_is_counted()) GTEST_SKIP() << "a sanitizer has its own operator new";
  const std::uint64_t before = heap_allocations();
  std::vector<int> numbers(100);
  EXPECT_EQ(numbers.size(), 100u);
  EXPECT_EQ(heap_allocations(), before + 1);
}

TEST_P(Hits, MakeNoDriverCallAndNoHeapAllocation) {
  if (!caching()) GTEST_SKIP() << "without thread caches there are no hits";
  Pool& pool = make_pool();
  Stream stream = device_->stream();
  for (const StreamId id : {StreamId::legacy_default, stream.id()}) {
    use_in_haste(pool, id);
    const Statistics before = pool.statistics();
    const std::uint64_t heap_before = heap_allocations();
    use(pool, 2000, id);
    EXPECT_EQ(heap_allocations(), heap_before);
    const Statistics after = pool.statistics();
    EXPECT_EQ(after.misses, before.misses);
    EXPECT_EQ(after.allocations - before.allocations, 2000u * 8);
    EXPECT_GE(after.cache_hits - before.cache_hits, 2000u * 6);  // two large sizes may share an entry
    EXPECT_EQ(after.driver_calls, before.driver_calls);
  }
}

// What no cache serves still comes from mapped memory: nothing of the driver either.
TEST_P(Hits, InTheArenaMakeNoDriverCallAndNoHeapAllocation) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off asks the driver for every block";
  Pool& pool = make_pool({.thread_cache_bytes = 0});
  use(pool, 20, StreamId::legacy_default);
  const Statistics before = pool.statistics();
  const std::uint64_t heap_before = heap_allocations();
  use(pool, 2000, StreamId::legacy_default);
  EXPECT_EQ(heap_allocations(), heap_before);
  const Statistics after = pool.statistics();
  EXPECT_EQ(after.arena_hits - before.arena_hits, 2000u * 8);
  EXPECT_EQ(after.driver_calls, before.driver_calls);
}

// The same through the handle door.
TEST_P(Hits, OfHandlesMakeNoHeapAllocation) {
  if (!caching()) GTEST_SKIP() << "without thread caches there are no hits";
  Pool& pool = make_pool();
  const Tag tag = pool.tag("owner");
  for (int i = 0; i < 10; ++i) pool.release(pool.acquire(3000));
  const std::uint64_t heap_before = heap_allocations();
  for (int i = 0; i < 2000; ++i) {
    const BlockHandle block = pool.acquire(3000, StreamId::legacy_default, {.tag = tag});
    EXPECT_NE(pool.address(block), 0u);
    pool.release(block);
  }
  EXPECT_EQ(heap_allocations(), heap_before);
}

TEST_P(Hits, AreClearedWhereThatIsAsked) {
  if (!pointers()) GTEST_SKIP() << info_.name << " has no memory to look at";
  Pool& pool = make_pool({.zero = true});
  Stream stream = device_->stream();
  for (const StreamId id : {StreamId::legacy_default, stream.id()}) {
    for (int round = 0; round < 4; ++round) {
      for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, std::size_t{65'537}, std::size_t{3_MiB}}) {
        auto* block = static_cast<unsigned char*>(pool.allocate(bytes, id));
        const std::size_t whole = (bytes + 511) / 512 * 512;
        bool clear = false;
        device_->run(id, [=, &clear] {
          clear = std::all_of(block, block + whole, [](unsigned char byte) { return byte == 0; });
          std::memset(block, 0xa5, whole);
        });
        device_->synchronize(id);
        EXPECT_TRUE(clear) << "round " << round << ", " << bytes << " bytes";
        pool.deallocate(block, id);
      }
    }
  }
}

// The control: without the option the old bytes are there, so the test above can see them.
TEST_P(Hits, KeepOldBytesUnlessClearingIsAsked) {
  if (!pointers() || !caching()) GTEST_SKIP() << "nothing to see";
  Pool& pool = make_pool();
  void* block = pool.allocate(1000);
  std::memset(block, 0xa5, 1000);
  pool.deallocate(block);
  auto* again = static_cast<unsigned char*>(pool.allocate(1000));
  EXPECT_EQ(again, block);
  EXPECT_TRUE(std::all_of(again, again + 1000, [](unsigned char byte) { return byte == 0xa5; }));
  pool.deallocate(again);
}

// A block that cannot be cleared is not handed out, and the request is a refused one.
TEST_P(Hits, ThatCannotBeClearedAreRefused) {
  Pool& pool = make_pool({.zero = true});
  pool.deallocate(pool.allocate(1000));
  device_->synchronize(StreamId::legacy_default);
  const Statistics before = pool.statistics();
  backend_->fail(1, device::FaultyBackend::Fault::driver_error, device::CallKind::fill);
  EXPECT_THROW(static_cast<void>(pool.allocate(1000)), DriverError);
  const Statistics after = pool.statistics();
  EXPECT_EQ(after.requested.cumulative, before.requested.cumulative);
  EXPECT_EQ(after.requested.peak, before.requested.peak);
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.frees, before.frees);
  EXPECT_EQ(after.refusals, before.refusals + 1);
  EXPECT_TRUE(coherent(after));
  pool.deallocate(pool.allocate(1000));
  device_->synchronize(StreamId::legacy_default);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Hits, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
