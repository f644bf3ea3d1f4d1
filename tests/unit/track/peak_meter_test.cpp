// The peak meter's sum: live = peak - headroom - credits, whoever takes and gives.
#include "track/peak_meter.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "track/ledger.hpp"

namespace weir::track {
namespace {

TEST(PeakMeter, GivesWhatIsThereAndNoMore) {
  PeakMeter meter;
  EXPECT_EQ(meter.take(100), 0);
  meter.rise(50);
  EXPECT_EQ(meter.peak(), 50);
  meter.give(30);
  EXPECT_EQ(meter.take(0), 0);
  EXPECT_EQ(meter.take(10), 10);
  EXPECT_EQ(meter.take(100), 20);
  EXPECT_EQ(meter.take(100), 0);
  EXPECT_EQ(meter.headroom(), 0);
  EXPECT_EQ(meter.peak(), 50);
}

TEST(PeakMeter, LosesNothingBetweenThreads) {
  PeakMeter meter;
  meter.rise(1'000'000);
  meter.give(1'000'000);
  std::vector<std::thread> crew;
  for (int i = 0; i < 4; ++i) {
    crew.emplace_back([&] {
      std::int64_t mine = 0;
      for (int k = 0; k < 20'000; ++k) {
        mine += meter.take(1000);
        if (k % 3 == 2) meter.give(std::exchange(mine, 0));
      }
      meter.give(mine);
    });
  }
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(meter.headroom(), 1'000'000);
  EXPECT_EQ(meter.peak(), 1'000'000);
}

TEST(Ledger, CreditIsWhatWasGrantedAndNotSpent) {
  Ledger ledger;
  EXPECT_EQ(ledger.credit(), 0);
  ledger.out.add(100);
  EXPECT_EQ(ledger.credit(), -100);
  EXPECT_TRUE(ledger.overdrawn());
  ledger.grant(150);
  EXPECT_EQ(ledger.credit(), 50);
  EXPECT_FALSE(ledger.overdrawn());
  ledger.returned.add(100);
  EXPECT_EQ(ledger.credit(), 150);
}

TEST(Counter, AddsAndSets) {
  Counter<std::uint64_t> counter;
  counter.add(5);
  counter.add(static_cast<std::uint64_t>(-2));
  EXPECT_EQ(counter.get(), 3u);
  counter.set(9);
  EXPECT_EQ(counter.get(), 9u);
}

}  // namespace
}  // namespace weir::track
