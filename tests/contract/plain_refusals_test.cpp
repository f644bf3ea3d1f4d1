// A refusal that is plain from the books: it costs no driver call, throws nothing inside, and
// asks nothing of the heap, however many blocks there are.
#include <thread>
#include <vector>

#include "contract/counted_heap.hpp"
#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

class PlainRefusals : public PoolContract {
 protected:
  [[nodiscard]] std::uint64_t driver_calls() const {
    std::uint64_t sum = 0;
    for (std::size_t kind = 0; kind < faults::call_kinds; ++kind) {
      sum += backend_->calls(static_cast<device::CallKind>(kind));
    }
    return sum;
  }
  /// Of 20 requests beyond the 128 MiB that are the limit.
  void expect_free(Pool& pool) {
    EXPECT_FALSE(pool.try_allocate(100_MiB).has_value());  // makes what the thread needs once
    const std::uint64_t calls = driver_calls();
    const std::uint64_t refusals = pool.statistics().refusals;
    const std::uint64_t heap = heap_allocations();
    const std::uint64_t thrown = exceptions_thrown();
    for (int i = 0; i < 20; ++i) {
      if (pool.try_allocate(100_MiB).has_value()) ADD_FAILURE() << "more was given than the limit";
    }
    const std::uint64_t heap_after = heap_allocations();
    EXPECT_EQ(exceptions_thrown(), thrown);
    EXPECT_EQ(heap_after, heap);
    EXPECT_EQ(driver_calls(), calls);
    EXPECT_EQ(pool.statistics().refusals, refusals + 20);
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, PlainRefusals, testing::ValuesIn(kinds()), name_of);

TEST_P(PlainRefusals, CostNothingAmongAThousandBlocks) {
  Pool& pool = make_pool({.limit = 128_MiB});
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(pool.allocate(64_KiB));
  expect_free(pool);
  for (void* block : blocks) pool.deallocate(block);
}

// What each cache may still hand out is summed up only where it has any.
TEST_P(PlainRefusals, CostNothingWhereManyThreadsHadCaches) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off has no caches";
  Pool& pool = make_pool({.limit = 128_MiB});
  std::vector<Stream> streams;
  for (int i = 0; i < 60; ++i) streams.push_back(device_->stream());
  for (const Stream& stream : streams) pool.deallocate(pool.allocate(1000, stream), stream);
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(pool.allocate(64_KiB));
  expect_free(pool);
  for (void* block : blocks) pool.deallocate(block);
}

}  // namespace
}  // namespace weir::contract
