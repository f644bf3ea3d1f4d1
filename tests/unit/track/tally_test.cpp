// Tallies: sums of what several hold, the peak that of the sum, also between threads.
#include "track/tally.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::track {
namespace {

TEST(Tally, ThePeakIsThatOfTheSum) {
  Tally all;
  Tally one(&all);
  Tally other(&all);
  one.take(100);
  one.give(100);
  other.take(70);
  one.take(20);
  EXPECT_EQ(one.amount().live, 20u);
  EXPECT_EQ(one.amount().peak, 100u);
  EXPECT_EQ(one.amount().cumulative, 120u);
  EXPECT_EQ(other.amount().peak, 70u);
  EXPECT_EQ(all.amount().live, 90u);
  EXPECT_EQ(all.amount().peak, 100u);  // of 170 that the parts had, at different times
  EXPECT_EQ(all.amount().cumulative, 190u);
}

TEST(Tally, LosesNothingBetweenThreads) {
  constexpr std::uint64_t times = 20'000;
  Tally all;
  std::vector<std::thread> crew;
  for (int i = 0; i < 4; ++i) {
    crew.emplace_back([&] {
      Tally own(&all);
      for (std::uint64_t n = 0; n < times; ++n) {
        own.take(3);
        own.give(3);
      }
    });
  }
  for (std::thread& each : crew) each.join();
  EXPECT_EQ(all.amount().live, 0u);
  EXPECT_GE(all.amount().peak, 3u);
  EXPECT_LE(all.amount().peak, 12u);
  EXPECT_EQ(all.amount().cumulative, 4 * times * 3);
}

}  // namespace
}  // namespace weir::track
