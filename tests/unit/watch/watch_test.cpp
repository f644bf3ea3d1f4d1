// What samples say: one metric at a time, by rows of numbers that are made for it.
#include <weir/watch.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

/// A program that does the same each second: 100 requests, 90 of them cache hits; 100 MiB requested, 120 reserved.
class Row {
 public:
  explicit Row(const WatchOptions& options = {}) : watch(options) {}

  /// `change` sees the next sample before it is noted; its counts go on from the last.
  std::vector<Finding> next(const std::function<void(MemorySample&)>& change = {}) {
    sample.time += seconds(1);
    sample.allocations += 100;
    sample.cache_hits += 90;
    sample.arena_hits += 10;
    sample.compute.count += 4;
    sample.compute.total += std::chrono::milliseconds(4);
    if (change) change(sample);
    sample.peak_requested = std::max(sample.peak_requested, sample.requested);
    std::vector<Finding> told = watch.note(sample);
    all.insert(all.end(), told.begin(), told.end());
    return told;
  }
  void repeat(std::size_t count, const std::function<void(MemorySample&)>& change = {}) {
    for (std::size_t i = 0; i < count; ++i) next(change);
  }

  Watch watch;
  MemorySample sample{.requested = 100 * mib, .reserved = 120 * mib, .in_use = 100 * mib, .limit = 1024 * mib};
  std::vector<Finding> all;
};

TEST(Watch, KnowsNothingOfNoSamples) {
  const Watch watch;
  EXPECT_EQ(watch.summary(Metric::requested).count, 0U);
  EXPECT_EQ(watch.summary(Metric::served_rate).p99, 0);
  EXPECT_EQ(watch.health().status, HealthStatus::good);
  EXPECT_THAT(watch.health().reasons, IsEmpty());
  EXPECT_THAT(watch.history(), IsEmpty());
  EXPECT_THAT(watch.findings(), IsEmpty());
  EXPECT_FALSE(watch.forecast());
}

TEST(Watch, KeepsTheLatestSamplesAndSumsThemUp) {
  Row row({.history = 100, .leak_window = 48});
  for (std::uint64_t i = 1; i <= 450; ++i) row.next([&](MemorySample& now) { now.requested = i; });
  const auto kept = row.watch.history();
  ASSERT_THAT(kept, SizeIs(100));
  EXPECT_EQ(kept.front().requested, 351U);
  EXPECT_EQ(kept.back().requested, 450U);
  EXPECT_THAT(row.watch.history(3), SizeIs(3));
  const MetricSummary all = row.watch.summary(Metric::requested);
  EXPECT_EQ(all.count, 100U);
  EXPECT_EQ(all.last, 450);
  EXPECT_EQ(all.min, 351);
  EXPECT_EQ(all.max, 450);
  EXPECT_DOUBLE_EQ(all.mean, 400.5);
  EXPECT_EQ(all.p50, 400);
  EXPECT_EQ(all.p99, 449);
  EXPECT_NEAR(row.watch.summary(Metric::hit_rate, 10).mean, 0.9, 1e-12);
  EXPECT_NEAR(row.watch.summary(Metric::served_rate, 10).mean, 1, 1e-12);
  EXPECT_NEAR(row.watch.summary(Metric::compute_time, 10).p50, 1e-3, 1e-9);
  EXPECT_EQ(row.watch.summary(Metric::utilization).count, 0U) << "what is unknown is no 0";
}

TEST(Watch, HealthHasReasons) {
  Row row;
  row.repeat(20);
  EXPECT_EQ(row.watch.health().status, HealthStatus::good);
  row.next([](MemorySample& now) { now.in_use = 950 * mib; });
  EXPECT_EQ(row.watch.health().status, HealthStatus::bad);
  EXPECT_THAT(row.watch.health().reasons, testing::ElementsAre(HasSubstr("93 % of the limit of 1.00 GiB is in use")));
  row.next([](MemorySample& now) { now.in_use = 100 * mib, now.errors += 3; });
  EXPECT_EQ(row.watch.health().status, HealthStatus::warning);
  EXPECT_THAT(row.watch.health().reasons, testing::ElementsAre("3 errors were made"));
  row.next([](MemorySample& now) { now.refusals += 1; });
  EXPECT_EQ(row.watch.health().status, HealthStatus::bad);
  EXPECT_THAT(row.watch.health().reasons, SizeIs(2));
  row.repeat(300);
  EXPECT_EQ(row.watch.health().status, HealthStatus::good) << "what is long ago is over";
}

TEST(Watch, FewRequestsSayNothingOfHits) {
  Row row;
  row.next();
  const auto misses = [](MemorySample& now) {
    now.allocations -= 97, now.cache_hits -= 90, now.arena_hits -= 10;  // 3 requests, all served by the driver
  };
  row.repeat(3, misses);
  EXPECT_EQ(row.watch.health().status, HealthStatus::good) << "9 requests";
  row.next(misses);
  EXPECT_THAT(row.watch.health().reasons, testing::ElementsAre("0 % of the requests were served without the driver"));
}

TEST(Watch, ALeakIsToldOnceAndWhenItIsOver) {
  Row row;
  row.repeat(100);
  const auto leak = [](MemorySample& now) { now.requested += mib / 2, now.in_use += mib / 2; };
  row.repeat(300, leak);
  ASSERT_THAT(row.all, SizeIs(1));
  EXPECT_EQ(row.all[0].kind, FindingKind::leak);
  EXPECT_NEAR(row.all[0].bytes_per_second, 0.5 * mib, 0.1 * mib);
  EXPECT_THAT(row.all[0].text(), HasSubstr("Pool::live_blocks()"));
  EXPECT_THAT(row.watch.findings(), SizeIs(1));
  EXPECT_EQ(row.watch.health().status, HealthStatus::warning);
  const auto forecast = row.watch.forecast();
  ASSERT_TRUE(forecast);
  // 250 MiB are in use, and 774 are left.
  EXPECT_NEAR(std::chrono::duration<double>(forecast->time_left).count(), 774 * 2, 60);
  row.repeat(120);
  ASSERT_THAT(row.all, SizeIs(2));
  EXPECT_TRUE(row.all[1].over);
  EXPECT_THAT(row.watch.findings(), IsEmpty());
}

TEST(Watch, WhatGrowsAndComesBackIsNoLeak) {
  Row row;
  for (int i = 0; i < 1000; ++i) {
    row.next([&](MemorySample& now) { now.requested = (100 + static_cast<std::uint64_t>(i % 50) * 10) * mib; });
  }
  EXPECT_THAT(row.all, IsEmpty());
}

TEST(Watch, AStepIsNoLeak) {
  Row row;
  row.repeat(300);
  row.next([](MemorySample& now) { now.requested = 300 * mib, now.reserved = 330 * mib; });
  row.repeat(400);
  EXPECT_THAT(row.all, IsEmpty());
}

TEST(Watch, AFallOfTheHitRateIsToldAndItsEnd) {
  Row row;
  row.repeat(100);
  row.repeat(30, [](MemorySample& now) { now.cache_hits -= 50, now.arena_hits += 50; });
  ASSERT_THAT(row.all, SizeIs(1));
  EXPECT_EQ(row.all[0].kind, FindingKind::hit_rate_drop);
  EXPECT_EQ(row.all[0].metric, Metric::hit_rate);
  EXPECT_NEAR(row.all[0].before, 0.9, 0.01);
  EXPECT_NEAR(row.all[0].now, 0.4, 0.01);
  EXPECT_EQ(row.all[0].since, seconds(101));
  EXPECT_EQ(row.all[0].setting, "PoolOptions::thread_cache_bytes");
  row.repeat(30);
  ASSERT_THAT(row.all, SizeIs(2));
  EXPECT_TRUE(row.all[1].over);
}

TEST(Watch, SlowOperationsAreToldAndOutliersAreNot) {
  Row row;
  for (int i = 0; i < 200; ++i) {
    row.next([&](MemorySample& now) { now.compute.total += std::chrono::milliseconds(i % 10 == 0 ? 100 : 0); });
  }
  EXPECT_THAT(row.all, IsEmpty());
  row.repeat(10, [](MemorySample& now) { now.compute.total += std::chrono::milliseconds(40); });
  ASSERT_THAT(row.all, SizeIs(1));
  EXPECT_EQ(row.all[0].kind, FindingKind::slow);
  EXPECT_EQ(row.all[0].metric, Metric::compute_time);
  EXPECT_NEAR(row.all[0].before, 1e-3, 1e-5);
  EXPECT_NEAR(row.all[0].now, 11e-3, 1e-4);
  row.repeat(10);
  ASSERT_THAT(row.all, SizeIs(2));
  EXPECT_TRUE(row.all[1].over);
}

TEST(Watch, MemoryThatNoRequestExplainsIsFragmentation) {
  Row row;
  row.repeat(200);
  row.repeat(200, [](MemorySample& now) { now.reserved += 2 * mib; });
  ASSERT_THAT(row.all, SizeIs(1));
  EXPECT_EQ(row.all[0].kind, FindingKind::fragmentation);
  EXPECT_THAT(row.all[0].text(), HasSubstr("PoolOptions::mode"));
  row.repeat(200, [](MemorySample& now) { now.reserved = 120 * mib; });
  ASSERT_THAT(row.all, SizeIs(2));
  EXPECT_TRUE(row.all[1].over);
}

TEST(Watch, WhatAPeakNeededIsNoFragmentation) {
  Row row;
  row.repeat(200);
  row.next([](MemorySample& now) { now.requested = 400 * mib, now.reserved = 420 * mib; });
  row.repeat(300, [](MemorySample& now) { now.requested = 100 * mib; });
  EXPECT_THAT(row.all, IsEmpty());
}

TEST(Watch, AFindingThatStandsForAHistoryHasBecomeUsual) {
  Row row({.history = 240});
  row.repeat(100);
  row.repeat(400, [](MemorySample& now) { now.cache_hits -= 50, now.arena_hits += 50; });
  ASSERT_THAT(row.all, SizeIs(2));
  EXPECT_TRUE(row.all[1].over);
  EXPECT_THAT(row.watch.findings(), IsEmpty());
}

TEST(Watch, ASampleOfTheSameTimeIsLeftOutAndAnotherPoolBeginsAnew) {
  Row row;
  row.repeat(50);
  static_cast<void>(row.watch.note(row.sample));
  EXPECT_THAT(row.watch.history(), SizeIs(50));
  MemorySample other = row.sample;
  other.time += seconds(1);
  other.allocations = 5;
  static_cast<void>(row.watch.note(other));
  EXPECT_THAT(row.watch.history(), SizeIs(1));
}

TEST(Watch, OptionsOutOfRangeAreRefused) {
  const auto refused = [](const WatchOptions& options, const char* text) {
    try {
      const Watch watch(options);
      ADD_FAILURE() << "no refusal: " << text;
    } catch (const InvalidArgument& error) {
      EXPECT_THAT(error.message(), HasSubstr(text));
    }
  };
  refused({.leak_window = 47}, "leak_window is 47 samples; it must be 48 or more");
  refused({.history = 100}, "history is 100 samples; it must be leak_window's 240 to 1000000");
  refused({.history = 1'000'001}, "to 1000000");
  refused({.leak_share = -1}, "leak_share is -1");
  refused({.hit_rate_drop = 0}, "hit_rate_drop is 0");
  refused({.hit_rate_drop = std::numeric_limits<double>::quiet_NaN()}, "hit_rate_drop");
  refused({.slow_factor = 1}, "slow_factor is 1");
  refused({.fragmentation_rise = 1}, "fragmentation_rise is 1");
}

}  // namespace
}  // namespace weir
