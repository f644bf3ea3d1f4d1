// Simulated time goes on by what is spent, passed and waited, to the nanosecond where
// it is imagined, and never back; real time is sat out.
#include "device/simulated_time.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::device {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(SimulatedTime, StartsAtZeroAndGoesOnOnlyByItsCalls) {
  SimulatedTime time;
  EXPECT_EQ(time.now(), 0ns);
  std::this_thread::sleep_for(1ms);
  EXPECT_EQ(time.now(), 0ns);
  time.pass(7ns);
  time.spend(30ns);
  EXPECT_EQ(time.now(), 37ns);
  EXPECT_EQ(time.in_driver(), 30ns);
  EXPECT_EQ(time.waited(), 0ns);
}

TEST(SimulatedTime, NothingIsSpentByLessThanNone) {
  SimulatedTime time;
  time.pass(5ns);
  time.pass(-3ns);
  time.spend(nanoseconds::min());
  EXPECT_EQ(time.now(), 5ns);
  EXPECT_EQ(time.in_driver(), 0ns);
}

TEST(SimulatedTime, WaitsExactlyToTheMoment) {
  SimulatedTime time;
  time.pass(10ns);
  EXPECT_TRUE(time.wait_until(25ns, 1s));
  EXPECT_EQ(time.now(), 25ns);
  EXPECT_EQ(time.waited(), 15ns);
  EXPECT_TRUE(time.wait_until(40ns, 15ns)) << "the deadline is the moment";
  EXPECT_EQ(time.now(), 40ns);
}

TEST(SimulatedTime, WaitsNoLongerThanTheDeadline) {
  SimulatedTime time;
  time.pass(10ns);
  EXPECT_FALSE(time.wait_until(1ms, 100ns));
  EXPECT_EQ(time.now(), 110ns);
  EXPECT_EQ(time.waited(), 100ns);
  EXPECT_FALSE(time.wait_until(1ms, 0ns));
  EXPECT_FALSE(time.wait_until(1ms, nanoseconds::min()));
  EXPECT_EQ(time.now(), 110ns);
}

TEST(SimulatedTime, DoesNotWaitForWhatIsPast) {
  SimulatedTime time;
  time.pass(10ns);
  EXPECT_TRUE(time.wait_until(10ns, 1s));
  EXPECT_TRUE(time.wait_until(3ns, -1s));
  EXPECT_EQ(time.now(), 10ns);
  EXPECT_EQ(time.waited(), 0ns);
}

TEST(SimulatedTime, StopsAtTheLastMomentInsteadOfOverflowing) {
  SimulatedTime time;
  time.spend(nanoseconds::max() - 1ns);
  time.spend(1h);
  EXPECT_EQ(time.now(), nanoseconds::max());
  EXPECT_EQ(time.in_driver(), nanoseconds::max());
  EXPECT_TRUE(time.wait_until(nanoseconds::max(), nanoseconds::max()));
  EXPECT_EQ(later(nanoseconds::max(), 1ns), nanoseconds::max());
  EXPECT_EQ(later(5ns, -1ns), 5ns);
}

TEST(SimulatedTime, ADeadlineForEverOverflowsNothing) {
  SimulatedTime time;
  time.pass(10ns);
  EXPECT_TRUE(time.wait_until(20ns, nanoseconds::max()));
  EXPECT_EQ(time.now(), 20ns);
}

TEST(SimulatedTime, LosesNothingOfManyThreads) {
  SimulatedTime time;
  constexpr int threads = 4;
  constexpr int rounds = 20'000;
  std::vector<std::thread> crew;
  for (int i = 0; i < threads; ++i) {
    crew.emplace_back([&] {
      nanoseconds last{0};
      for (int round = 0; round < rounds; ++round) {
        time.spend(3ns);
        time.pass(2ns);
        const nanoseconds now = time.now();
        ASSERT_GE(now - last, 5ns);
        last = now;
      }
    });
  }
  for (std::thread& each : crew) each.join();
  EXPECT_EQ(time.now(), 5ns * threads * rounds);
  EXPECT_EQ(time.in_driver(), 3ns * threads * rounds);
}

TEST(SimulatedTime, NeverGoesBackWhenThreadsWait) {
  SimulatedTime time;
  std::vector<std::thread> crew;
  for (int i = 0; i < 4; ++i) {
    crew.emplace_back([&, i] {
      for (int round = 1; round <= 10'000; ++round) {
        const nanoseconds moment{round * 4 + i};
        ASSERT_TRUE(time.wait_until(moment, nanoseconds::max()));
        ASSERT_GE(time.now(), moment);
      }
    });
  }
  for (std::thread& each : crew) each.join();
  EXPECT_EQ(time.now(), nanoseconds(40'003));
}

TEST(RealTime, SitsOutWhatIsSpentAndWaited) {
  SimulatedTime time(SimulatedTime::Kind::real);
  const auto start = Clock::system().now();
  EXPECT_GE(time.now(), start);
  time.spend(50us);
  EXPECT_GE(Clock::system().now() - start, 50us);
  time.pass(3ms);  // slept, in part
  EXPECT_GE(Clock::system().now() - start, 3050us);
  EXPECT_EQ(time.in_driver(), 50us);
  const auto before = time.now();
  EXPECT_TRUE(time.wait_until(before + 1ms, 1s));
  EXPECT_GE(Clock::system().now() - before, 1ms);
  EXPECT_FALSE(time.wait_until(time.now() + 1h, 100us));
  EXPECT_LT(Clock::system().now() - start, 30min);
}

}  // namespace
}  // namespace weir::device
