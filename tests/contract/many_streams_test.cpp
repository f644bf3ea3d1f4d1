// Many streams on one pool: what each costs does not grow with how many there are or have been, and nothing is lost in
// caches that are left alone. Thousands at a time only where a stream is an object of weir's own; of a driver's streams
// there are at most `max_driver_streams`.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

#include "contract/pool_kinds.hpp"
#include "open_backend.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_driver_streams = 100;

class ManyStreams : public PoolContract {
 protected:
  [[nodiscard]] bool of_a_driver() const {
    return info_.backend == BackendKind::vulkan ||
           (info_.backend == BackendKind::cuda && GetParam().backend != cuda_fake);
  }
  /// So many, or fewer where they are a driver's.
  std::vector<Stream> streams(std::size_t count) {
    if (of_a_driver()) count = std::min(count, max_driver_streams);
    std::vector<Stream> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(device_->stream());
    return made;
  }
};

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// While events are late, every stream's memory waits for its own: a retired stream asks for none but its
// own and a few that were not done.
TEST_P(ManyStreams, RetiringOneAsksTheDriverLittleAboutTheOthers) {
  Pool& pool = make_pool({.reclaim_deadline = no_patience()});
  const std::vector<Stream> all = streams(300);
  const std::size_t count = all.size();
  backend_->hold_events();
  std::vector<void*> blocks;
  for (const Stream& stream : all) blocks.push_back(pool.allocate(5000, stream));
  for (std::size_t i = 0; i < count; ++i) pool.deallocate(blocks[i], all[i]);
  const auto calls = [&] {
    std::uint64_t sum = 0;
    for (const auto kind : {device::CallKind::record, device::CallKind::query, device::CallKind::wait}) {
      sum += backend_->calls(kind);
    }
    return sum;
  };
  const std::uint64_t before = calls();
  for (const Stream& stream : all) pool.retire(stream);
  EXPECT_LE(calls() - before, 20 * count);
  backend_->let_events_go();
  pool.maintain();
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

// A cache serves one stream after another; what the thread remembers of the former ones must not take it
// out of use. The free on the next stream would then leave its credit where nobody finds it.
TEST_P(ManyStreams, OneAfterTheOtherLeaveTheCacheToTheLast) {
  Pool& pool = make_pool();
  const Stream first = device_->stream();
  for (std::size_t i = 1; i < 300; ++i) {
    const Stream next = device_->stream();
    void* const block = pool.allocate(100 * i, first);
    ASSERT_EQ(pool.statistics().requested.peak, 100 * i);
    pool.deallocate(block, next);
    pool.retire(next);
  }
}

// Each stream is used once and kept: a quadratic cost would take 64 times as long for 8 times as many.
TEST_P(ManyStreams, CostTheSameEachHoweverManyThereAre) {
#ifdef WEIR_PARANOID
  GTEST_SKIP() << "each operation checks all sums here, and those are over all streams";
#endif
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off keeps nothing for a stream";
  if (GetParam().backend == cuda_fake) GTEST_SKIP() << "the fake driver looks at all streams for each of its checks";
  if (of_a_driver()) GTEST_SKIP() << "thousands of streams; and the driver's own time would be measured";
  const auto cost = [&](std::size_t count) {
    Pool& pool = make_pool();
    const double start = processor_seconds();
    {
      std::vector<Stream> all;
      std::vector<std::pair<void*, std::size_t>> live;
      for (std::size_t i = 0; i < count; ++i) {
        all.push_back(device_->stream());
        for (std::size_t k = 1; k <= 3; ++k) live.emplace_back(pool.allocate(50'000 * k, all.back()), i);
        for (; live.size() > 20; live.erase(live.begin())) pool.deallocate(live[0].first, all[live[0].second]);
        if (i % 16 == 0) pool.deallocate(pool.allocate(20_MiB + i * 64_KiB, all.back()), all.back());
        if (i % 16 == 0) static_cast<void>(pool.trim());
      }
      for (const auto& [block, stream] : live) pool.deallocate(block, all[stream]);
    }
    const double spent = processor_seconds() - start;
    end_pool(pool);
    return spent;
  };
  static_cast<void>(cost(500));
  const double few = cost(1000);
  EXPECT_LT(cost(8000), 30 * few);
}

// With one thread the peak is exact, also over caches that were emptied meanwhile.
TEST_P(ManyStreams, LeaveThePeakExact) {
  Pool& pool = make_pool();
  const std::vector<Stream> all = streams(100);
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  std::vector<std::vector<std::pair<void*, std::uint64_t>>> blocks(all.size());
  std::uint64_t dice = 1;
  for (int i = 0; i < 20'000; ++i) {
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    const std::size_t at = (dice >> 33) % all.size();
    if ((dice >> 60) < 8 || blocks[at].empty()) {
      const std::uint64_t bytes = 1 + (dice >> 20) % 20'000;
      blocks[at].emplace_back(pool.allocate(bytes, all[at]), bytes);
      live += bytes;
    } else {
      pool.deallocate(blocks[at].back().first, all[at]);
      live -= blocks[at].back().second;
      blocks[at].pop_back();
    }
    peak = std::max(peak, live);
    if (i % 500 == 0) static_cast<void>(pool.trim());
    if (i % 100 == 0) {
      const Statistics now = pool.statistics();
      ASSERT_EQ(now.requested.peak, peak);
      ASSERT_EQ(now.requested.live, live);
      ASSERT_TRUE(coherent(now));
    }
  }
  pool.verify();
  for (std::size_t at = 0; at < all.size(); ++at) {
    for (const auto& [block, bytes] : blocks[at]) pool.deallocate(block, all[at]);
  }
}

// Caches that were emptied and left alone since: what comes to them again, by their thread or
// another, serves a request that needs everything.
TEST_P(ManyStreams, WhatComesToACacheLeftAloneIsNoReasonToRefuse) {
  constexpr std::uint64_t limit = 128_MiB;
  Pool& pool = make_pool({.limit = limit});
  const std::vector<Stream> all = streams(60);
  for (int round = 0; round < 4; ++round) {
    std::vector<void*> blocks;
    for (const Stream& stream : all) {
      for (int k = 0; k < 2; ++k) blocks.push_back(pool.allocate(1_MiB, stream));
    }
    static_cast<void>(pool.trim());
    const auto give_back = [&] {
      for (std::size_t i = 0; i < blocks.size(); ++i) pool.deallocate(blocks[i], all[i / 2]);
    };
    if (round % 2 == 0) {
      give_back();
    } else {
      TestThread(give_back).join();
    }
    EXPECT_EQ(pool.live_blocks().size(), 0u);
    EXPECT_NO_THROW(pool.verify());
    void* everything = nullptr;
    EXPECT_NO_THROW(everything = pool.allocate(limit - 4_MiB, all[0]));
    pool.deallocate(everything, all[0]);
    EXPECT_TRUE(coherent(pool.statistics()));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ManyStreams, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
