// Stamps of coarse time are short, and compare as the times that they stand for, for more than a century.
#include "pool/coarse_clock.hpp"

#include <gtest/gtest.h>

#include "contract/fake_clock.hpp"

namespace weir::pool {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds unit{1 << 20};
constexpr std::chrono::nanoseconds resolution = 2'200ms;  // of old pools

TEST(CoarseClock, StampsRiseWithTheTime) {
  std::uint32_t last = 0;
  for (std::uint64_t units = 1; units < std::uint64_t{1} << 42; units += 1 + units / 1000) {
    const std::uint32_t stamp = CoarseClock::stamp(units);
    EXPECT_GE(stamp, last);
    EXPECT_LT(stamp, UINT32_MAX);
    last = stamp;
  }
}

// Nothing is taken for older than it is, nor for much younger.
TEST(CoarseClock, AgesAreRightOnBothSidesOfEveryBorder) {
  contract::FakeClock time;
  const CoarseClock clock(time);
  std::chrono::nanoseconds now{0};
  for (const std::int64_t border : {std::int64_t{1} << 31, std::int64_t{1} << 32, std::int64_t{1} << 41}) {
    for (const std::int64_t distance : {-40'000, -3'000, -1, 0, 1, 2'047, 2'048, 40'000}) {
      const auto start = (border + distance) * unit;
      time.advance(start - now);
      now = start;
      const std::uint32_t stamp = clock.now();
      for (const auto age : {std::chrono::seconds(1), 30s, std::chrono::seconds(36'000)}) {
        EXPECT_LT(clock.of_age(age).value(), stamp) << border << ' ' << distance;
        time.advance(age - 2 * unit);
        now += age - 2 * unit;
        EXPECT_LT(clock.of_age(age).value(), stamp) << border << ' ' << distance;
        EXPECT_LE(clock.since(stamp), age);
        EXPECT_GE(clock.since(stamp), age - resolution);
        time.advance(resolution + 2 * unit);
        now += resolution + 2 * unit;
        EXPECT_GE(clock.of_age(age).value(), stamp) << border << ' ' << distance;
        time.advance(-(age + resolution));
        now -= age + resolution;
      }
    }
  }
}

TEST(CoarseClock, NothingHasAnAgeThatThePoolDoesNotHave) {
  contract::FakeClock time;
  const CoarseClock clock(time);
  time.advance(30s);
  EXPECT_FALSE(clock.of_age(31s));
  EXPECT_FALSE(clock.of_age(std::chrono::nanoseconds::max()));
  EXPECT_EQ(clock.of_age(0s), clock.now());
  EXPECT_EQ(clock.since(clock.now()), 0s);
}

}  // namespace
}  // namespace weir::pool
