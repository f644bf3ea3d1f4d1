// Blocks that change their size: in place where the device has virtual memory,
// with contents, address and counts kept; refused with nothing changed otherwise.
#include <cstring>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class Growth : public PoolContract {
 protected:
  [[nodiscard]] bool in_place() const { return GetParam().mode == PoolMode::pages; }
  [[nodiscard]] std::uint64_t page() const { return info_.page_bytes; }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Growth, testing::ValuesIn(kinds()), name_of);

TEST_P(Growth, ABlockGrowsWhereItIsAndKeepsItsBytes) {
  Pool& pool = make_pool();
  const BlockHandle block = pool.acquire_growable(page() + 1, 64 * page());
  const std::uint64_t address = pool.address(block);
  if (!in_place()) {
    EXPECT_FALSE(pool.resize(block, 40 * page()));
    EXPECT_EQ(pool.describe(block).requested, page() + 1);
    pool.release(block);
    return;
  }
  EXPECT_EQ(pool.statistics().allocated.live, 2 * page());  // the tail of its last page is its own
  if (pointers()) std::memset(reinterpret_cast<void*>(address), 0x5a, page() + 1);  // NOLINT(performance-no-int-to-ptr)
  for (const std::uint64_t pages : {2u, 3u, 10u, 64u}) {
    const std::uint64_t bytes = pages * page() - 7;
    ASSERT_TRUE(pool.resize(block, bytes));
    const Statistics now = pool.statistics();
    EXPECT_EQ(pool.address(block), address);
    EXPECT_EQ(now.requested.live, bytes);
    EXPECT_EQ(now.allocated.live, pages * page());
    EXPECT_TRUE(coherent(now));
    pool.verify();
  }
  if (pointers()) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(address);  // NOLINT(performance-no-int-to-ptr)
    for (std::uint64_t i = 0; i <= page(); ++i) ASSERT_EQ(bytes[i], 0x5a);
  }
  EXPECT_FALSE(pool.resize(block, 65 * page()));  // past what was kept for it
  EXPECT_EQ(pool.describe(block).requested, 64 * page() - 7);
  pool.release(block);
  EXPECT_EQ(pool.statistics().live, 0u);
}

TEST_P(Growth, AShrunkBlockGivesItsPagesBackAndCanGrowAgain) {
  Pool& pool = make_pool();
  if (!in_place()) GTEST_SKIP() << "only blocks of pages give pages back";
  const BlockHandle block = pool.acquire_growable(8 * page(), 16 * page());
  const std::uint64_t address = pool.address(block);
  ASSERT_TRUE(pool.resize(block, 2 * page() + 1));
  Statistics now = pool.statistics();
  EXPECT_EQ(now.allocated.live, 3 * page());
  EXPECT_EQ(now.held, 5 * page());
  EXPECT_TRUE(coherent(now));
  pool.verify();
  ASSERT_TRUE(pool.resize(block, 16 * page()));
  EXPECT_EQ(pool.address(block), address);
  now = pool.statistics();
  EXPECT_EQ(now.held, 0u);
  EXPECT_EQ(now.reserved.peak, 16 * page());
  pool.release(block);
  EXPECT_EQ(pool.trim(), 16 * page());
}

TEST_P(Growth, WhatWasKeptForABlockIsFreeAfterIt) {
  Pool& pool = make_pool();
  for (int round = 0; round < 200; ++round) {
    const BlockHandle block = pool.acquire_growable(3 * page(), 512 * page());
    ASSERT_EQ(pool.resize(block, 5 * page()), in_place());
    pool.release(block);
  }
  pool.verify();
  // What queued work still uses is not taken again, but for what is done in microseconds.
  if (GetParam().late <= std::chrono::microseconds(20)) {
    EXPECT_LE(pool.statistics().reserved.peak, 32_MiB);
  }
}

TEST_P(Growth, OrdinaryBlocksResizeWithinTheirRounding) {
  Pool& pool = make_pool();
  const BlockHandle block = pool.acquire(1000);
  EXPECT_TRUE(pool.resize(block, 1024));
  EXPECT_EQ(pool.statistics().requested.live, 1024u);
  EXPECT_TRUE(pool.resize(block, 1));
  EXPECT_EQ(pool.statistics().requested.live, 1u);
  EXPECT_FALSE(pool.resize(block, 1025));
  EXPECT_EQ(pool.describe(block).requested, 1u);
  EXPECT_THROW(static_cast<void>(pool.resize(block, 0)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(pool.resize(block, SIZE_MAX)), std::bad_alloc);
  pool.release(block);
  EXPECT_THROW(static_cast<void>(pool.resize(block, 1)), StaleHandle);
}

TEST_P(Growth, GrowthPastTheLimitChangesNothing) {
  PoolOptions options;
  options.limit = 16 * page();
  Pool& pool = make_pool(options);
  const BlockHandle block = pool.acquire_growable(4 * page(), 64 * page());
  const BlockHandle other = pool.acquire(6 * page());
  const Statistics before = pool.statistics();
  if (in_place()) {
    EXPECT_THROW(static_cast<void>(pool.resize(block, 13 * page())), LimitExceeded);
    EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
    pool.verify();
    pool.release(other);
    EXPECT_TRUE(pool.resize(block, 16 * page()));  // over the pages of what was freed
    EXPECT_EQ(pool.statistics().reserved.peak, 16 * page());
  } else {
    EXPECT_FALSE(pool.resize(block, 13 * page()));
    pool.release(other);
  }
  pool.release(block);
}

TEST_P(Growth, EveryDriverCallOfGrowthMayFail) {
  if (!in_place()) GTEST_SKIP() << "blocks grow in place on pages only";
  for (std::uint64_t nth = 1;; ++nth) {
    Pool& pool = make_pool();
    const BlockHandle block = pool.acquire_growable(2 * page(), 16 * page());
    const Statistics before = pool.statistics();
    backend_->fail(nth, device::FaultyBackend::Fault::driver_error);
    bool grew = false;
    try {
      grew = pool.resize(block, 8 * page()) && pool.resize(block, 3 * page()) && pool.resize(block, 16 * page());
    } catch (const DriverError&) {
      pool.verify();
      EXPECT_TRUE(coherent(pool.statistics()));
    }
    const bool fired = backend_->fired();
    backend_->heal();
    EXPECT_TRUE(pool.resize(block, 2 * page()));
    EXPECT_EQ(pool.statistics().live, before.live);
    pool.release(block);
    end_pool(pool);
    if (!fired) {
      EXPECT_TRUE(grew);
      return;
    }
  }
}

TEST_P(Growth, APlainBlockIsItsOwnAllocation) {
  Pool& pool = make_pool();
  const BlockHandle block = pool.acquire_plain(3 * page());
  EXPECT_EQ(pool.statistics().reserved.live, 3 * page());
  EXPECT_EQ(backend_->balance().segments, 1u);
  pool.release(block);
  if (GetParam().mode != PoolMode::segments) {
    EXPECT_EQ(backend_->balance().segments, 0u);  // at once the driver's again
    EXPECT_EQ(pool.statistics().reserved.live, 0u);
  }
}

TEST_P(Growth, AShrinkingBlockWaitsForTheWorkThatUsesIt) {
  if (!in_place() || !pointers()) GTEST_SKIP() << "needs pages and streams that run host code";
  PoolOptions options;
  options.reclaim_deadline = std::chrono::milliseconds(20);
  Pool& pool = make_pool(options);
  const Stream stream = device_->stream();
  const BlockHandle block = pool.acquire_growable(8 * page(), 16 * page(), stream);
  std::atomic<bool> go{false};
  device_->run(stream, [&] { go.wait(false); });
  const Statistics before = pool.statistics();
  EXPECT_THROW(static_cast<void>(pool.resize(block, page(), stream)), Timeout);
  EXPECT_EQ(pool.statistics().live, before.live);
  go = true;
  go.notify_all();
  device_->synchronize(stream);
  EXPECT_TRUE(pool.resize(block, page(), stream));
  pool.release(block, stream);
}

}  // namespace
}  // namespace weir::contract
