// Bundled pages behind blocks that grow in place: few driver calls, no page lost or
// taken twice, and memory that serves others when it is idle. Only CUDA bundles pages
// by itself; the suite's dry device does by way of its fault-injecting wrapper.
#include <cstring>
#include <vector>

#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;
using device::CallKind;
using device::FaultyBackend;

class Bundles : public PoolContract {
 protected:
  void SetUp() override {
    PoolContract::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (GetParam().mode != PoolMode::pages || !backend_->bundles_pages()) GTEST_SKIP() << "no pages that are bundled";
  }
  [[nodiscard]] std::uint64_t page() const { return info_.page_bytes; }
  /// Of a block that was shrunk to so many bytes.
  static void expect_little_waste(const Statistics& now, std::uint64_t bytes, std::uint64_t page) {
    EXPECT_GE(now.allocated.live, bytes);
    EXPECT_LT(now.allocated.live, bytes + bytes / 8 + page);
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Bundles, testing::ValuesIn(kinds()), name_of);

TEST_P(Bundles, ALargeGrowthTakesFewCalls) {
  Pool& pool = make_pool();
  const auto calls_of = [&](auto work) {
    const std::uint64_t before = backend_->driver_calls();
    work();
    return backend_->driver_calls() - before;
  };
  BlockHandle block;
  const std::uint64_t first = calls_of([&] { block = pool.acquire_growable(1_GiB, 4_GiB); });
  const std::uint64_t grown = calls_of([&] { EXPECT_TRUE(pool.resize(block, 1_GiB + 256_MiB)); });
  const std::uint64_t shrunk = calls_of([&] { EXPECT_TRUE(pool.resize(block, 1_GiB)); });
  EXPECT_EQ(pool.statistics().held, 256_MiB);
  const std::uint64_t again = calls_of([&] { EXPECT_TRUE(pool.resize(block, 1_GiB + 256_MiB)); });
  EXPECT_EQ(pool.statistics().held, 0u);
  EXPECT_EQ(pool.statistics().reserved.peak, 1_GiB + 256_MiB);
  if (info_.backend == "cuda" && page() == 2_MiB) {
    EXPECT_LE(first, 112u);  // of 512 pages
    EXPECT_LE(grown, 9u);    // 4 handles created, 4 mapped, one access for all
    EXPECT_LE(shrunk, 12u);  // 4 unmapped; the work on it is waited for
    EXPECT_LE(again, 5u);
  }
  pool.release(block);
}

TEST_P(Bundles, ABlockKeepsItsBytesThroughShrinksAndGrowths) {
  Pool& pool = make_pool();
  const BlockHandle block = pool.acquire_growable(40 * page(), 512 * page());
  auto* const bytes = reinterpret_cast<unsigned char*>(pool.address(block));  // NOLINT(performance-no-int-to-ptr)
  if (pointers()) std::memset(bytes, 0x5a, 40 * page());
  for (const std::uint64_t pages : {100u, 97u, 90u, 171u, 43u, 44u, 300u, 60u, 512u, 41u}) {
    ASSERT_TRUE(pool.resize(block, pages * page() - 3));
    if (pointers()) {
      bytes[pages * page() - 4] = 1;
      ASSERT_EQ(bytes[0], 0x5a);
      ASSERT_EQ(bytes[40 * page() - 1], 0x5a);
    }
    const Statistics now = pool.statistics();
    EXPECT_EQ(now.requested.live, pages * page() - 3);
    expect_little_waste(now, pages * page(), page());
    EXPECT_TRUE(coherent(now));
    ASSERT_NO_THROW(pool.verify());
  }
  EXPECT_EQ(pool.statistics().reserved.peak, 512 * page());
  pool.release(block);
  const std::uint64_t reserved = pool.statistics().reserved.live;
  EXPECT_EQ(pool.trim(), reserved);
}

TEST_P(Bundles, WhatAShrinkLeftIsClearedWhenItIsUsedAgain) {
  if (!pointers()) GTEST_SKIP() << "the host cannot look";
  Pool& pool = make_pool({.zero = true});
  const BlockHandle block = pool.acquire_growable(100 * page(), 512 * page());
  auto* const bytes = reinterpret_cast<unsigned char*>(pool.address(block));  // NOLINT(performance-no-int-to-ptr)
  device_->synchronize(StreamId::legacy_default);
  std::memset(bytes, 0x5a, 100 * page());
  for (const std::uint64_t length : {95 * page() + 13, 99 * page() + 500}) {
    ASSERT_TRUE(pool.resize(block, length));
    ASSERT_TRUE(pool.resize(block, 110 * page()));
    device_->synchronize(StreamId::legacy_default);
    EXPECT_EQ(bytes[95 * page() + 12], 0x5a);
    for (std::uint64_t at = length; at < 110 * page(); ++at) ASSERT_EQ(bytes[at], 0) << at;
    std::memset(bytes, 0x5a, 110 * page());
  }
  pool.release(block);
}

// What a shrink gave back in bundles becomes single pages for others, within the limit.
TEST_P(Bundles, HeldBundlesMakeWayForOrdinaryBlocks) {
  Pool& pool = make_pool({.limit = 128 * page()});
  const BlockHandle block = pool.acquire_growable(128 * page(), 256 * page());
  ASSERT_TRUE(pool.resize(block, 20 * page()));
  const std::uint64_t held = pool.statistics().held / page();
  EXPECT_GE(held, 105u);
  std::vector<BlockHandle> others;
  for (std::uint64_t i = 0; i < held; ++i) others.push_back(pool.acquire(page()));
  EXPECT_EQ(pool.statistics().held, 0u);
  EXPECT_THROW(static_cast<void>(pool.acquire(page())), LimitExceeded);
  EXPECT_TRUE(coherent(pool.statistics()));
  pool.verify();
  for (const BlockHandle& each : others) pool.release(each);
  ASSERT_TRUE(pool.resize(block, 128 * page()));  // single pages serve a large growth as well
  EXPECT_EQ(pool.statistics().reserved.peak, 128 * page());
  pool.release(block);
}

// The pages of a block that is gone serve wherever they are needed: as they lie, or by a move.
TEST_P(Bundles, FreeBundlesServeWhatDoesNotFitWhereTheyAre) {
  Pool& pool = make_pool({.limit = 160 * page()});
  for (const std::uint64_t pages : {150u, 60u, 159u, 20u, 160u}) {
    const BlockHandle block = pool.acquire_growable(pages * page(), 200 * page());
    pool.release(block);
    const BlockHandle other = pool.acquire((170 - pages) * page() / 2);
    pool.release(other);
    EXPECT_TRUE(coherent(pool.statistics()));
    ASSERT_NO_THROW(pool.verify());
  }
  EXPECT_LE(pool.statistics().reserved.peak, 160 * page());
  const std::uint64_t reserved = pool.statistics().reserved.live;
  EXPECT_EQ(pool.trim(), reserved);
}

TEST_P(Bundles, AFailureInALargeGrowthOrShrinkChangesNothing) {
  Pool& pool = make_pool({.limit = 1024 * page(), .reclaim_deadline = {}});
  const BlockHandle block = pool.acquire_growable(100 * page(), 512 * page());
  const auto unchanged = [&](CallKind kind, std::uint64_t pages) {
    const Statistics before = pool.statistics();
    backend_->fail(1, FaultyBackend::Fault::driver_error, kind);
    EXPECT_THROW(static_cast<void>(pool.resize(block, pages * page())), DriverError);
    const Statistics after = pool.statistics();
    EXPECT_EQ(after.allocated.live, before.allocated.live);
    EXPECT_EQ(after.requested.live, before.requested.live);
    EXPECT_TRUE(coherent(after));
    ASSERT_NO_THROW(pool.verify());
  };
  unchanged(CallKind::create, 300);
  unchanged(CallKind::map, 300);
  unchanged(CallKind::unmap, 50);
  ASSERT_TRUE(pool.resize(block, 300 * page()));
  EXPECT_EQ(pool.statistics().reserved.peak, 300 * page());
  unchanged(CallKind::unmap, 90);
  ASSERT_TRUE(pool.resize(block, 90 * page()));
  EXPECT_FALSE(pool.resize(block, 513 * page()));
  pool.release(block);
}

}  // namespace
}  // namespace weir::contract
