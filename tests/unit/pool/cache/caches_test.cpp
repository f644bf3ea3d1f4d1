// All caches and their credits: peaks are exact with one thread; what is live is never
// said to be more than there is, whoever frees and allocates meanwhile; and caches that
// hold nothing are put to sleep where there are many.
#include "pool/cache/caches.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "pool/cache/credits.hpp"
#include "track/block_table.hpp"

namespace weir::pool {
namespace {

class CachesTest : public testing::Test {
 protected:
  static constexpr std::uint64_t key_of(StreamId stream) {
    return std::uint64_t{77} << 32 | static_cast<std::uint32_t>(stream);
  }
  ThreadCache& begin(StreamId stream) {
    return caches_.begin(key_of(stream), stream, [](ThreadCache&) {});
  }
  /// An allocation of so many bytes, in the books alone.
  void spend(ThreadCache& cache, std::uint64_t bytes) {
    caches_.enter(cache);
    const bool overdrawn = (cache.requested.spend(bytes) | cache.allocated.spend(bytes)) < 0;
    cache.bypassed(bytes);
    cache.lock.leave();
    if (overdrawn) credits_.settle(cache);
  }
  void take_back(ThreadCache& cache, std::uint64_t bytes) {
    caches_.enter(cache);
    cache.requested.take_back(bytes);
    cache.allocated.take_back(bytes);
    cache.passed_by(bytes);
    cache.lock.leave();
  }
  /// A block of so many granules, freed into the cache.
  void push(ThreadCache& cache, std::uint32_t granules) {
    if (next_ == end_) {
      next_ = blocks_.take_run();
      end_ = next_ + track::BlockTable::run;
    }
    track::Block& block = blocks_[next_];
    block.size = granules;
    block.become(track::BlockState::live);
    spend(cache, block.bytes());
    caches_.enter(cache);
    cache.requested.take_back(block.bytes());
    EXPECT_TRUE(cache.push(block, next_, cache.allocated.take_back(block.bytes())));
    cache.lock.leave();
    ++next_;
  }
  std::size_t awake() {
    std::size_t count = 0;
    caches_.look_at_awake([&](ThreadCache&) { ++count; });
    return count;
  }

  track::BlockTable blocks_;
  const Journal journal_{"tested", nullptr};
  const core::OwnerProcess process_;
  Caches caches_{blocks_.data(), journal_, process_, std::uint64_t{1} << 30};
  Credits credits_{caches_};
  std::uint32_t next_ = 0;
  std::uint32_t end_ = 0;
};

TEST_F(CachesTest, WithOneThreadThePeakIsExact) {
  ThreadCache& one = begin(StreamId{1});
  ThreadCache& two = begin(StreamId{2});
  spend(one, 1000);
  spend(two, 500);
  EXPECT_EQ(credits_.allocated_now(), 1500u);
  EXPECT_EQ(credits_.peaks().allocated, 1500);
  take_back(one, 1000);
  EXPECT_EQ(credits_.allocated_now(), 500u);
  spend(two, 900);
  EXPECT_EQ(credits_.allocated_now(), 1400u);
  EXPECT_EQ(credits_.peaks().allocated, 1500) << "this thread's other caches give up what they have";
  spend(one, 200);
  EXPECT_EQ(credits_.peaks().allocated, 1600);
  EXPECT_EQ(credits_.peaks().requested, 1600);
  EXPECT_EQ(credits_.live().requested, 1600);
}

// One thread frees what it spends no credit of.
TEST_F(CachesTest, WhatIsGivenIsNoLongerLive) {
  ThreadCache& cache = begin(StreamId{1});
  spend(cache, 1000);
  credits_.give(1000, 1000);
  EXPECT_EQ(credits_.allocated_now(), 0u);
  spend(cache, 600);
  EXPECT_EQ(credits_.peaks().allocated, 1000);
  EXPECT_EQ(credits_.allocated_now(), 600u);
}

TEST_F(CachesTest, WhileCreditIsOnItsWayThereIsNoSum) {
  spend(begin(StreamId{1}), 1000);
  {
    const auto moving = credits_.begin_moving();
    EXPECT_FALSE(credits_.allocated_now().has_value());
  }
  EXPECT_EQ(credits_.allocated_now(), 1000u);
}

// One of two threads has a block at a time and each has credit for it, so that nothing
// is settled: a sum that saw the one before its free and the other after its allocation
// would say that there are two.
TEST_F(CachesTest, WhatIsLiveIsNeverSaidToBeMore) {
  constexpr std::uint64_t bytes = 1 << 20;
  constexpr std::uint64_t rounds = 20'000;
  std::atomic<std::uint64_t> turn{0};
  std::atomic<int> ready{0};
  const auto work = [&](std::uint64_t parity) {
    ThreadCache& cache = begin(static_cast<StreamId>(parity + 1));
    spend(cache, bytes);
    ++ready;
    while (ready < 2) std::this_thread::yield();  // both are live: the peak
    take_back(cache, bytes);
    ++ready;
    while (ready < 4) std::this_thread::yield();
    for (std::uint64_t round = parity; round < rounds; round += 2) {
      while (turn.load(std::memory_order_acquire) < round) std::this_thread::yield();
      spend(cache, bytes);
      take_back(cache, bytes);
      turn.store(round + 1, std::memory_order_release);
    }
  };
  std::thread one(work, 0);
  std::thread two(work, 1);
  while (ready < 4) std::this_thread::yield();
  std::uint64_t largest = 0;
  while (turn.load(std::memory_order_relaxed) < rounds) {
    largest = std::max(largest, credits_.allocated_now().value_or(0));
  }
  one.join();
  two.join();
  EXPECT_LE(largest, bytes);
  EXPECT_EQ(credits_.allocated_now(), 0u);
  EXPECT_EQ(credits_.peaks().allocated, std::int64_t{2} * bytes);
}

// The same where credit is always on its way.
TEST_F(CachesTest, SumsHoldWhileThreadsSettle) {
  constexpr std::uint64_t bytes = std::uint64_t{1} << 20;
  std::atomic<bool> stop{false};
  std::vector<std::thread> crew;
  crew.reserve(2);
  for (std::uint32_t worker = 1; worker <= 2; ++worker) {
    crew.emplace_back([&, worker] {
      ThreadCache& cache = begin(static_cast<StreamId>(worker));
      for (std::uint64_t i = 0; !stop; ++i) {
        spend(cache, bytes << i % 3);
        take_back(cache, bytes << i % 3);
      }
    });
  }
  std::uint64_t sums = 0;
  for (int i = 0; i < 100'000 || (sums == 0 && i < 10'000'000); ++i) {
    const std::optional<std::uint64_t> sum = credits_.allocated_now();
    if (!sum) continue;
    ++sums;
    ASSERT_LE(*sum, 2 * 4 * bytes);
  }
  stop = true;
  for (std::thread& thread : crew) thread.join();
  EXPECT_NE(sums, 0u);
  EXPECT_EQ(credits_.allocated_now(), 0u);
  EXPECT_LE(credits_.peaks().allocated, static_cast<std::int64_t>(2 * 4 * bytes) + track::PeakMeter::tolerance);
}

TEST_F(CachesTest, AFlushTakesEverythingAndFewStayAwake) {
  ThreadCache& one = begin(StreamId{1});
  push(one, 10);
  push(one, 20);
  const std::vector<Caches::Taken> taken = caches_.flush(credits_);
  ASSERT_EQ(taken.size(), 1u);
  std::vector<std::uint32_t> sizes;
  for (std::uint32_t id = taken[0].cached; id != 0; id = blocks_[id].list_next) sizes.push_back(blocks_[id].size);
  std::sort(sizes.begin(), sizes.end());
  EXPECT_EQ(sizes, (std::vector<std::uint32_t>{10, 20}));
  EXPECT_EQ(one.cached(), 0);
  EXPECT_FALSE(one.lock.asleep()) << "waking one costs more than looking at it";
}

TEST_F(CachesTest, WhereManyAreThoseThatHoldNothingSleep) {
  std::vector<ThreadCache*> all;
  for (std::uint32_t stream = 1; stream <= 100; ++stream) all.push_back(&begin(static_cast<StreamId>(stream)));
  EXPECT_EQ(awake(), 100u);
  push(*all[50], 10);
  static_cast<void>(caches_.flush(credits_, 0));  // what is older than the beginning: nothing
  EXPECT_EQ(awake(), 1u);
  EXPECT_FALSE(all[50]->lock.asleep());
  spend(*all[3], 512);  // its owner finds it shut and wakes it
  EXPECT_EQ(awake(), 2u);
  EXPECT_FALSE(all[3]->lock.asleep());
  EXPECT_EQ(credits_.allocated_now(), 512u);
  // A visit of all leaves every one asleep while it lasts.
  caches_.with_all_asleep([&] {
    for (const ThreadCache* cache : all) EXPECT_TRUE(cache->lock.asleep());
  });
  EXPECT_FALSE(all[3]->lock.asleep());
  EXPECT_TRUE(all[4]->lock.asleep());
}

TEST_F(CachesTest, OnlyOtherThreadsCachesAreNoneOfOnesOwn) {
  ThreadCache& mine = begin(StreamId{1});
  push(mine, 10);
  EXPECT_TRUE(caches_.flush_own().empty()) << "they are all its own";
  std::thread([&] { push(begin(StreamId{2}), 30); }).join();
  const std::vector<Caches::Taken> taken = caches_.flush_own();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(blocks_[taken[0].cached].size, 10u);
  EXPECT_EQ(mine.cached(), 0);
  EXPECT_EQ(caches_[2].cached(), 30 * 512);
}

TEST_F(CachesTest, ACacheServesAnotherWhenItEnded) {
  ThreadCache& one = begin(StreamId{1});
  EXPECT_EQ(caches_.take_serving(key_of(StreamId{1})), std::vector<ThreadCache*>{&one});
  EXPECT_TRUE(caches_.take_serving(key_of(StreamId{1})).empty());
  caches_.end(one, key_of(StreamId{1}));
  EXPECT_EQ(&begin(StreamId{2}), &one);
  EXPECT_EQ(caches_.count(), 1u);
}

}  // namespace
}  // namespace weir::pool
