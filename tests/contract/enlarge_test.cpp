// Ordinary blocks that outgrow their place: they move into a range of their own, by
// remapping where nobody uses them and by a copy in stream order where somebody does, with
// contents, counts and limits as promised, and unchanged where it is refused.
#include <algorithm>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"
#include "late_events.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;
using device::CallKind;
using device::FaultyBackend;

class Enlarge : public PoolContract {
 protected:
  void SetUp() override {
    PoolContract::SetUp();
    if (!IsSkipped() && GetParam().mode != PoolMode::pages) GTEST_SKIP() << "blocks move by pages only";
  }
  [[nodiscard]] std::uint64_t page() const { return info_.page_bytes; }
  /// Whether an event is done as soon as the work before it is, whatever else the machine does.
  [[nodiscard]] bool punctual() const { return GetParam().late.count() == 0 && info_.backend == BackendKind::dry; }
  void put(const Pool& pool, BlockHandle block, std::uint64_t bytes, std::uint64_t seed) {
    if (pointers()) fill_pattern(pointer(pool.address(block)), bytes, seed);
  }
  [[nodiscard]] bool holds(const Pool& pool, BlockHandle block, std::uint64_t bytes, std::uint64_t seed) {
    device_->synchronize(StreamId::legacy_default);
    return !pointers() || has_pattern(pointer(pool.address(block)), bytes, seed);
  }
  static void* pointer(std::uint64_t address) {
    return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
  }
  /// A block on a page's border.
  [[nodiscard]] BlockHandle aligned(Pool& pool, std::uint64_t pages, StreamId stream = StreamId::legacy_default) const {
    return pool.acquire(pages * page(), stream, {.alignment = page()});
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Enlarge, testing::ValuesIn(kinds()), name_of);

TEST_P(Enlarge, WholePagesMoveByRemapping) {
  Pool& pool = make_pool();
  const BlockHandle before = pool.acquire(page() / 2);
  const BlockHandle block = aligned(pool, 4);
  const BlockHandle behind = pool.acquire(page() + 512);
  put(pool, before, page() / 2, 1);
  put(pool, block, 4 * page(), 2);
  put(pool, behind, page() + 512, 3);
  const std::uint64_t address = pool.address(block);
  const std::uint64_t reserved = pool.statistics().reserved.live;
  EXPECT_EQ(pool.growable_bytes(block), 4 * page());
  const auto enlarged = pool.enlarge(block, 5 * page() + 1, 64 * page(), 4 * page());
  ASSERT_TRUE(enlarged);
  EXPECT_TRUE(enlarged->moved);
  EXPECT_NE(pool.address(block), address);
  EXPECT_EQ(pool.growable_bytes(block), 16 * page());
  EXPECT_TRUE(holds(pool, block, 4 * page(), 2));
  EXPECT_TRUE(holds(pool, before, page() / 2, 1));
  EXPECT_TRUE(holds(pool, behind, page() + 512, 3));
  const Statistics now = pool.statistics();
  EXPECT_TRUE(coherent(now));
  EXPECT_EQ(pool.describe(block).requested, 5 * page() + 1);
  EXPECT_EQ(pool.allocated(block), 6 * page());
  if (punctual()) {
    EXPECT_EQ(enlarged->bytes_copied, 0u);
    EXPECT_LE(now.reserved.live, reserved + 2 * page());
  }
  pool.verify();
  // In place from now on, up to the end of its range; then on to a longer one.
  const std::uint64_t there = pool.address(block);
  ASSERT_TRUE(pool.enlarge(block, 16 * page(), 64 * page(), 4 * page()));
  EXPECT_EQ(pool.address(block), there);
  ASSERT_TRUE(pool.enlarge(block, 17 * page(), 64 * page(), 4 * page()));
  EXPECT_NE(pool.address(block), there);
  EXPECT_EQ(pool.growable_bytes(block), 64 * page());
  EXPECT_TRUE(holds(pool, block, 4 * page(), 2));
  EXPECT_TRUE(coherent(pool.statistics()));
  pool.verify();
  for (const BlockHandle each : {before, block, behind}) pool.release(each);
  device_->synchronize(StreamId::legacy_default);
  const std::uint64_t all = pool.statistics().reserved.live;
  EXPECT_EQ(pool.trim(), all);
}

TEST_P(Enlarge, WhatDoesNotLieOnPagesIsCopied) {
  Pool& pool = make_pool();
  const BlockHandle odd = pool.acquire(page() / 2 + 512);
  const BlockHandle block = pool.acquire(3 * page() + 512);
  const BlockHandle small = pool.acquire(700);
  put(pool, block, 3 * page() + 512, 4);
  put(pool, small, 700, 5);
  const auto enlarged = pool.enlarge(block, 4 * page(), 64 * page(), 3 * page());
  ASSERT_TRUE(enlarged);
  EXPECT_LE(enlarged->bytes_copied, 3 * page());
  EXPECT_TRUE(holds(pool, block, 3 * page(), 4));
  // From far below a page to far above it.
  const auto grown = pool.enlarge(small, 9 * page(), 64 * page(), 700);
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->bytes_copied, 700u);
  EXPECT_TRUE(holds(pool, small, 700, 5));
  EXPECT_TRUE(coherent(pool.statistics()));
  pool.verify();
  for (const BlockHandle each : {odd, block, small}) pool.release(each);
}

// Its handles are its own in the middle only: what lies before and behind is copied.
TEST_P(Enlarge, HandlesThatOthersUseTooStay) {
  Pool& pool = make_pool();
  pool.map_ahead(512 * page());
  std::vector<BlockHandle> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(aligned(pool, 100));
  for (std::size_t i = 0; i < blocks.size(); ++i) put(pool, blocks[i], 100 * page(), i);
  for (std::size_t i = 0; i < blocks.size(); i += 2) {
    device_->synchronize(StreamId::legacy_default);
    const auto enlarged = pool.enlarge(blocks[i], 130 * page(), 512 * page(), 100 * page());
    ASSERT_TRUE(enlarged);
    if (punctual()) {
      EXPECT_LE(enlarged->bytes_copied, 32 * page());
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) EXPECT_TRUE(holds(pool, blocks[i], 100 * page(), i)) << i;
  EXPECT_TRUE(coherent(pool.statistics()));
  pool.verify();
  for (const BlockHandle each : blocks) pool.release(each);
  device_->synchronize(StreamId::legacy_default);
  const std::uint64_t all = pool.statistics().reserved.live;
  EXPECT_EQ(pool.trim(), all);
}

// Growth does not wait for the device where there is memory for a copy, which follows the work of all streams.
TEST_P(Enlarge, WorkThatGoesOnIsFollowedByACopy) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  Pool& pool = make_pool();
  const Stream writer = device_->stream();
  const Stream grower = device_->stream();
  const BlockHandle block = aligned(pool, 4);
  pool.used_on(block, writer);
  void* const old = pointer(pool.address(block));
  std::promise<void> go;
  device_->run(writer, [&, gate = go.get_future().share()] {
    gate.wait();
    fill_pattern(old, 4 * page(), 7);
  });
  const auto enlarged = pool.enlarge(block, 6 * page(), 64 * page(), 4 * page(), grower);
  ASSERT_TRUE(enlarged);
  EXPECT_EQ(enlarged->bytes_copied, 4 * page());
  pool.used_on(block, grower);
  // What it left is handed out after the writer, and after the copy.
  const BlockHandle other = aligned(pool, 4);
  device_->run(StreamId::legacy_default, [&, to = pointer(pool.address(other))] { fill_pattern(to, 4 * page(), 8); });
  EXPECT_TRUE(coherent(pool.statistics()));
  go.set_value();
  device_->synchronize(grower);
  EXPECT_TRUE(has_pattern(pointer(pool.address(block)), 4 * page(), 7));
  EXPECT_TRUE(holds(pool, other, 4 * page(), 8));
  pool.release(block);
  pool.release(other);
}

TEST_P(Enlarge, WhereThereIsNoMemoryForACopyItWaits) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  Pool& pool = make_pool({.limit = 12 * page()});
  const Stream writer = device_->stream();
  const BlockHandle block = aligned(pool, 8);
  pool.used_on(block, writer);
  void* const old = pointer(pool.address(block));
  std::promise<void> go;
  device_->run(writer, [&, gate = go.get_future().share()] {
    gate.wait();
    fill_pattern(old, 8 * page(), 8);
  });
  TestThread opener([&] {
    std::this_thread::sleep_for(50ms);
    go.set_value();
  });
  const auto enlarged = pool.enlarge(block, 12 * page(), 12 * page(), 8 * page());
  opener.join();
  ASSERT_TRUE(enlarged);
  EXPECT_EQ(enlarged->bytes_copied, 0u);
  EXPECT_EQ(pool.statistics().reserved.peak, 12 * page());
  EXPECT_TRUE(holds(pool, block, 8 * page(), 8));
  pool.verify();
  pool.release(block);
}

TEST_P(Enlarge, ARefusalChangesNothing) {
  Pool& pool = make_pool({.limit = 12 * page(), .reclaim_deadline = 50ms});
  const BlockHandle block = aligned(pool, 8);
  put(pool, block, 8 * page(), 9);
  const std::uint64_t address = pool.address(block);
  const Statistics before = pool.statistics();
  EXPECT_THROW(static_cast<void>(pool.enlarge(block, 13 * page(), 64 * page(), 8 * page())), LimitExceeded);
  EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
  EXPECT_EQ(pool.address(block), address);
  EXPECT_TRUE(holds(pool, block, 8 * page(), 9));
  if (pointers()) {  // in use, so that it cannot move, and too large for a copy
    const Stream user = device_->stream();
    pool.used_on(block, user);
    std::promise<void> go;
    device_->run(user, [gate = go.get_future().share()] { gate.wait(); });
    EXPECT_THROW(static_cast<void>(pool.enlarge(block, 11 * page(), 64 * page(), 8 * page())), std::bad_alloc);
    EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
    EXPECT_EQ(pool.address(block), address);
    go.set_value();
    device_->synchronize(user);
  }
  EXPECT_TRUE(holds(pool, block, 8 * page(), 9));
  pool.verify();
  pool.release(block);
}

// A block below a page has nothing that could move, and where the books alone say no nothing is planned.
TEST_P(Enlarge, ARefusalSaysWhatIsMissing) {
  Pool& pool = make_pool({.limit = 16 * page()});
  const BlockHandle small = pool.acquire(512);
  const BlockHandle other = aligned(pool, 8);
  try {
    static_cast<void>(pool.enlarge(small, 12 * page(), 64 * page(), 512));
    ADD_FAILURE() << "it was enlarged past the limit";
  } catch (const LimitExceeded& error) {
    EXPECT_EQ(error.facts().bytes_asked, 12 * page());
  }
  pool.release(small);
  pool.release(other);
}

TEST_P(Enlarge, EveryDriverCallMayFail) {
  for (const std::uint64_t odd : {0u, 512u}) {  // one that moves by remapping, and one of which a tail is copied
    for (std::uint64_t nth = 1;; ++nth) {
      Pool& pool = make_pool();
      const BlockHandle block = pool.acquire(3 * page() + odd, StreamId::legacy_default, {.alignment = page()});
      const BlockHandle behind = pool.acquire(page());
      put(pool, block, 3 * page() + odd, nth);
      backend_->fail(nth, FaultyBackend::Fault::driver_error);
      bool thrown = false;
      try {
        ASSERT_TRUE(pool.enlarge(block, 7 * page(), 64 * page(), 3 * page() + odd));
      } catch (const DriverError&) {
        thrown = true;
      }
      const bool fired = backend_->fired();
      backend_->heal();
      ASSERT_NO_THROW(pool.verify()) << nth;
      EXPECT_TRUE(coherent(pool.statistics())) << nth;
      EXPECT_TRUE(holds(pool, block, 3 * page() + odd, nth)) << nth;
      EXPECT_EQ(pool.describe(block).requested, thrown ? 3 * page() + odd : 7 * page());
      pool.release(block);
      pool.release(behind);
      end_pool(pool);
      if (!fired) break;
      ASSERT_LT(nth, 100u);
    }
  }
}

// A driver that maps nothing any more loses the block, and nothing else.
TEST_P(Enlarge, ABlockThatCanBeMappedNowhereIsGone) {
  if (!punctual()) GTEST_SKIP() << "it would be copied where events are late";
  Pool& pool = make_pool();
  const BlockHandle block = pool.acquire(3 * page() + 512, StreamId::legacy_default, {.alignment = page()});
  const BlockHandle behind = pool.acquire(page());
  put(pool, behind, page(), 2);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::map, 3);
  EXPECT_THROW(static_cast<void>(pool.enlarge(block, 7 * page(), 64 * page(), 3 * page())), DriverError);
  EXPECT_TRUE(backend_->fired());
  backend_->heal();
  EXPECT_THROW(pool.release(block), StaleHandle);
  EXPECT_TRUE(holds(pool, behind, page(), 2));
  EXPECT_EQ(pool.statistics().requested.live, page());
  EXPECT_TRUE(coherent(pool.statistics()));
  pool.verify();
  const BlockHandle next = aligned(pool, 4);
  put(pool, next, 4 * page(), 3);
  EXPECT_TRUE(holds(pool, next, 4 * page(), 3));
  pool.release(next);
  pool.release(behind);
}

TEST_P(Enlarge, ThousandsHaveRanges) {
  Pool& pool = make_pool();
  const std::uint64_t share = info_.address_space.value_or(UINT64_MAX);
  const std::uint64_t count =
      std::min<std::uint64_t>(info_.backend == BackendKind::dry ? 2000 : 200, share / (64 * page()));
  std::vector<BlockHandle> blocks;
  for (std::uint64_t i = 0; i < count; ++i) blocks.push_back(aligned(pool, 1));
  for (const BlockHandle block : blocks) {
    ASSERT_TRUE(pool.enlarge(block, 2 * page(), 4096 * page(), page()));
    ASSERT_GT(pool.growable_bytes(block), 2 * page());
  }
  pool.verify();
  for (const BlockHandle block : blocks) pool.release(block);
}

TEST_P(Enlarge, WhatHasNoPagesStays) {
  Pool& pool = make_pool();
  const BlockHandle plain = pool.acquire_plain(2 * page());
  EXPECT_FALSE(pool.enlarge(plain, 4 * page(), 8 * page(), page()));
  const BlockHandle small = pool.acquire(1000);
  EXPECT_FALSE(pool.enlarge(small, page(), 8 * page(), 1000));
  EXPECT_EQ(pool.describe(small).requested, 1000u);
  pool.release(plain);
  pool.release(small);
}

}  // namespace
}  // namespace weir::contract
