// The histogram of times: buckets without gaps, quantiles within the stated error of
// exact ones, and nothing lost between threads.
#include "track/latency.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::track {
namespace {

using std::chrono::nanoseconds;

std::uint64_t number(nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

TEST(Latency, NothingRecordedIsAllZero) {
  const LatencySummary none = Latency().summary();
  EXPECT_EQ(none.count, 0u);
  EXPECT_EQ(none.p50.count(), 0);
  EXPECT_EQ(none.p99.count(), 0);
  EXPECT_EQ(none.max.count(), 0);
  EXPECT_EQ(none.mean.count(), 0);
}

TEST(Latency, BucketsFollowOneAnotherWithoutGaps) {
  std::size_t last = 0;
  for (std::uint64_t time = 0; time < 1'000'000; ++time) {
    const std::size_t here = Latency::bucket(time);
    ASSERT_TRUE(here == last || here == last + 1) << time;
    last = here;
  }
  for (unsigned bit = 6; bit < Latency::last_bit; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    EXPECT_EQ(Latency::bucket(power), Latency::bucket(power - 1) + 1) << bit;
  }
  EXPECT_EQ(Latency::bucket(std::uint64_t{1} << Latency::last_bit), Latency::buckets - 1);
  EXPECT_EQ(Latency::bucket((std::uint64_t{1} << Latency::last_bit) - 1), Latency::buckets - 2);
  EXPECT_EQ(Latency::bucket(UINT64_MAX), Latency::buckets - 1);
}

TEST(Latency, TheMiddleOfABucketIsNearEveryTimeInIt) {
  for (double time = 1; time < 4e12; time *= 1.003) {
    const auto exact = static_cast<std::uint64_t>(time);
    const auto told = static_cast<double>(Latency::middle(Latency::bucket(exact)));
    EXPECT_LE(std::abs(told - time), std::max(time / 16, 5.0)) << exact;
  }
}

TEST(Latency, OneTimeIsEveryQuantile) {
  for (const std::uint64_t time : {0u, 1u, 63u, 64u, 100u, 12'345u, 4'000'000'000u}) {
    Latency one;
    one.record(nanoseconds(time));
    const LatencySummary all = one.summary();
    EXPECT_EQ(all.count, 1u);
    EXPECT_EQ(number(all.max), time);
    EXPECT_EQ(number(all.mean), time);
    EXPECT_LE(number(all.p99), time);
    EXPECT_GE(number(all.p50) + std::max<std::uint64_t>(time / 16, 4), time);
  }
}

TEST(Latency, QuantilesAreWithinASixteenth) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> spread(9, 2);
  for (const std::size_t count : {2u, 3u, 99u, 100u, 101u, 5000u}) {
    Latency recorded;
    std::vector<std::uint64_t> exact;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      exact.push_back(static_cast<std::uint64_t>(spread(random)) + 64);
      sum += exact.back();
      recorded.record(nanoseconds(exact.back()));
    }
    std::sort(exact.begin(), exact.end());
    const LatencySummary all = recorded.summary();
    EXPECT_EQ(all.count, count);
    EXPECT_EQ(number(all.max), exact.back());
    EXPECT_EQ(number(all.mean), sum / count);
    const auto expect_near = [&](nanoseconds told, std::size_t percent) {
      const std::uint64_t rank = (count * percent + 99) / 100;
      const auto wanted = static_cast<double>(exact[rank - 1]);
      EXPECT_NEAR(static_cast<double>(told.count()), wanted, wanted / 16) << count << " times, " << percent << " %";
    };
    expect_near(all.p50, 50);
    expect_near(all.p99, 99);
  }
}

TEST(Latency, FarBeyondTheLastBucketTheMaximumIsTold) {
  Latency recorded;
  recorded.record(std::chrono::hours(10));
  recorded.record(std::chrono::hours(20));
  EXPECT_EQ(recorded.summary().p50, std::chrono::hours(20));
  recorded.record(nanoseconds(-5));
  EXPECT_EQ(recorded.summary().count, 3u);
  EXPECT_EQ(recorded.summary().mean, std::chrono::hours(10));
}

TEST(Latency, LosesNothingBetweenThreads) {
  constexpr std::uint64_t each = 20'000;
  Latency recorded;
  std::vector<std::thread> threads;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    threads.emplace_back([&recorded, number] {
      for (std::uint64_t i = 0; i < each; ++i) recorded.record(nanoseconds(number * 1000 + i % 7));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const LatencySummary all = recorded.summary();
  EXPECT_EQ(all.count, 4 * each);
  EXPECT_EQ(number(all.max), 4006u);
  EXPECT_NEAR(static_cast<double>(all.mean.count()), 2503, 2);
}

}  // namespace
}  // namespace weir::track
