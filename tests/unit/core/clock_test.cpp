// The system's clock goes on, never back, and serves any thread.
#include <weir/clock.hpp>

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(SystemClock, GoesOnAndNeverBack) {
  const Clock& clock = Clock::system();
  EXPECT_EQ(&clock, &Clock::system());
  auto last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_GE(clock.now() - last, std::chrono::milliseconds(2));
}

}  // namespace
}  // namespace weir
