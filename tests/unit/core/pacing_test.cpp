// The pauses of a wait by how long it took, without a clock; and the timers of a thread that paused.
#include "core/pacing.hpp"

#include <sys/prctl.h>

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace weir::core {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(Pacing, BeginsWithoutPauses) {
  for (const nanoseconds waited : {0ns, 1ns, 50'000ns, 99'999ns}) EXPECT_EQ(pause_after(waited), 0ns);
  EXPECT_EQ(pause_after(100us), 6'250ns);
}

TEST(Pacing, PausesBySixteenthsOfTheWaitUpToAMillisecond) {
  std::vector<nanoseconds> pauses;
  nanoseconds waited = 100us;
  for (int i = 0; i < 4; ++i) {
    pauses.push_back(pause_after(waited));
    waited += pauses.back();
  }
  EXPECT_EQ(pauses, (std::vector<nanoseconds>{6'250ns, 6'640ns, 7'055ns, 7'496ns}));
  EXPECT_EQ(pause_after(16ms - 16ns), 1ms - 1ns);
  EXPECT_EQ(pause_after(16ms), 1ms);
  EXPECT_EQ(pause_after(1h), 1ms);
}

// How many looks a wait costs in its pauses: by its logarithm, then by the millisecond.
TEST(Pacing, LooksSeldom) {
  const auto looks = [](nanoseconds wait) {
    int count = 0;
    for (nanoseconds waited = 100us; waited < wait; waited += pause_after(waited)) ++count;
    return count;
  };
  EXPECT_EQ(looks(1ms), 38);
  EXPECT_EQ(looks(16ms), 84);
  EXPECT_EQ(looks(116ms), 184);
}

TEST(Pacing, GivesTheThreadItsTimersBack) {
  const int before = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
  {
    Pacing pacing;
    pacing.rest(0ns, 1s);
    EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), before);
    pacing.rest(100us, 1us);
    EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 1);
    pacing.rest(200us, 1us);
  }
  EXPECT_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), before);
}

}  // namespace
}  // namespace weir::core
