// Bundled pages behind blocks that grow in place: few driver calls, no page lost or
// taken twice, and memory that serves others when it is idle.
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

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
    if (GetParam().mode != PoolMode::pages || backend_->max_extent_pages() == 1)
      GTEST_SKIP() << "no pages that are bundled";
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
  Pool& pool = make_pool({.max_handle_bytes = 64_MiB});
  const auto calls_of = [&](auto work) {
    const std::uint64_t before = backend_->driver_calls().all();
    work();
    return backend_->driver_calls().all() - before;
  };
  BlockHandle block;
  const std::uint64_t first = calls_of([&] { block = pool.acquire_growable(512 * page(), 1024 * page()); });
  const std::uint64_t grown = calls_of([&] { EXPECT_TRUE(pool.resize(block, 640 * page())); });
  EXPECT_TRUE(pool.resize(block, 512 * page()));
  EXPECT_EQ(pool.statistics().held, 128 * page());
  const std::uint64_t again = calls_of([&] { EXPECT_TRUE(pool.resize(block, 640 * page())); });
  EXPECT_EQ(pool.statistics().held, 0u);
  EXPECT_EQ(pool.statistics().reserved.peak, 640 * page());
  if (info_.backend == BackendKind::cuda && page() == 2_MiB) {
    EXPECT_LE(first, 99u);  // 512 pages in 49 handles
    EXPECT_LE(grown, 9u);   // 4 handles created, 4 mapped, one access for all
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
  Pool& pool = make_pool({.limit = 1024 * page()});
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

/// Blocks of every kind that come, change their size and go at random. The first word of each page of each says whose
/// it is, where the host can look.
class Crowd {
 public:
  Crowd(Pool& pool, std::uint64_t page, bool pointers, std::uint32_t seed)
      : pool_(pool), page_(page), pointers_(pointers), random_(seed), next_mark_(std::uint64_t{seed} << 32) {}

  void step() {
    try {
      switch (roll(9)) {
        case 0:
        case 1: add(pool_.acquire_growable(page_ + 1 + roll(90 * page_), 300 * page_)); break;
        case 2: add(pool_.acquire(1 + roll(roll(2) == 0 ? page_ / 4 : 20 * page_))); break;
        case 3:
        case 4:
        case 5:
          if (!live_.empty()) resize(live_[roll(live_.size())]);
          break;
        case 6:
          if (!live_.empty()) enlarge(live_[roll(live_.size())]);
          break;
        case 7:
          if (roll(10) == 0) static_cast<void>(pool_.trim(roll(200 * page_)));
          break;
        default:
          if (!live_.empty()) drop(roll(live_.size()));
      }
    } catch (const LimitExceeded&) {
      while (live_.size() > 2) drop(roll(live_.size()));
    } catch (const Unsupported&) {  // the address range is short on some devices
      while (live_.size() > 2) drop(roll(live_.size()));
    } catch (const DriverError&) {  // NOLINT(bugprone-empty-catch): injected; nothing has changed
    } catch (const OutOfMemory&) {  // NOLINT(bugprone-empty-catch): likewise
    }
  }
  void leave() {
    while (!live_.empty()) drop(0);
  }
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const Live& each : live_) sum += each.bytes;
    return sum;
  }

 private:
  struct Live {
    BlockHandle block;
    std::uint64_t bytes = 0;
    std::uint64_t mark = 0;
  };

  [[nodiscard]] std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }
  [[nodiscard]] std::uint64_t* word(const Live& each, std::uint64_t at) const {
    return reinterpret_cast<std::uint64_t*>(pool_.address(each.block) + at);  // NOLINT(performance-no-int-to-ptr)
  }
  // What is free in the order of a stream is the host's when the work queued there is done.
  void mark(const Live& each, std::uint64_t from) const {
    if (!pointers_) return;
    settle();
    for (std::uint64_t at = (from + page_ - 1) / page_ * page_; at + 8 <= each.bytes; at += page_) {
      *word(each, at) = each.mark + at;
    }
  }
  void check(const Live& each) const {
    if (!pointers_) return;
    for (std::uint64_t at = 0; at + 8 <= each.bytes; at += page_) ASSERT_EQ(*word(each, at), each.mark + at);
  }
  void add(BlockHandle block) {
    live_.push_back({block, pool_.describe(block).requested, ++next_mark_});
    mark(live_.back(), 0);
  }
  void resize(Live& each) {
    const std::uint64_t bytes = 1 + roll(300 * page_);
    if (!pool_.resize(each.block, bytes)) return;
    const std::uint64_t before = std::exchange(each.bytes, std::min(bytes, each.bytes));
    check(each);
    each.bytes = bytes;
    // A word that reaches past the old end was not marked, or not to its end.
    mark(each, before < 8 ? 0 : before - 7);
  }
  void enlarge(Live& each) {
    const std::uint64_t bytes = each.bytes + 1 + roll(40 * page_);
    if (!pool_.enlarge(each.block, bytes, 300 * page_, each.bytes)) return;
    const std::uint64_t before = std::exchange(each.bytes, bytes);
    mark(each, before < 8 ? 0 : before - 7);
    check(each);
  }
  void settle() const {
    Device device = pool_.device();
    try {
      device.synchronize(StreamId::legacy_default);
    } catch (const Error&) {  // a fault that was injected; it happens once
      device.synchronize(StreamId::legacy_default);
    }
  }
  void drop(std::uint64_t at) {
    check(live_[at]);
    pool_.release(live_[at].block);
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  Pool& pool_;
  const std::uint64_t page_;
  const bool pointers_;
  std::mt19937_64 random_;
  std::uint64_t next_mark_;
  std::vector<Live> live_;
};

TEST_P(Bundles, HoldsUnderRandomUse) {
  for (const std::uint64_t faults : {0u, 23u}) {
    Pool& pool = make_pool({.limit = 600 * page()});
    Crowd crowd(pool, page(), pointers(), 5);
    if (faults != 0) backend_->fail_every(faults);
    for (int step = 0; step < 1500 && !HasFatalFailure(); ++step) {
      crowd.step();
      const Statistics now = pool.statistics();
      ASSERT_TRUE(coherent(now)) << "at step " << step;
      ASSERT_EQ(now.requested.live, crowd.bytes()) << "at step " << step;
      ASSERT_EQ(now.reserved.live, backend_->balance().pages * page() + backend_->balance().segment_bytes);
      ASSERT_LE(now.reserved.peak, 600 * page());
      if (step % 10 == 0) pool.verify();
    }
    backend_->heal();
    crowd.leave();
    static_cast<void>(pool.trim());
    EXPECT_EQ(pool.statistics().reserved.live, 0u);
    end_pool(pool);
  }
}

TEST_P(Bundles, ThreadsShareThemUnderOneLimit) {
  Pool& pool = make_pool({.limit = 1500 * page()});
  std::vector<TestThread> crew;
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    crew.emplace_back([&, seed] {
      Crowd crowd(pool, page(), pointers(), seed);
      for (int step = 0; step < 120 && !HasFatalFailure(); ++step) crowd.step();
      crowd.leave();
    });
  }
  for (TestThread& thread : crew) thread.join();
  EXPECT_LE(pool.statistics().reserved.peak, 1500 * page());
  EXPECT_EQ(pool.statistics().live, 0u);
}

}  // namespace
}  // namespace weir::contract
