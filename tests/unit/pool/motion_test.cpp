// Who has memory in hand: a thread that found too little waits for another that moves
// memory, not for itself, and not for long.
#include "pool/motion.hpp"

#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Another thread that moves memory until it is told to stop.
class Other {
 public:
  explicit Other(Motion& motion)
      : thread_([this, &motion] {
          const auto moving = motion.begin();
          began_.set_value();
          stop_.get_future().wait();
        }) {
    began_.get_future().wait();
  }
  void stop() {
    stop_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> began_;
  std::promise<void> stop_;
  std::thread thread_;
};

TEST(Motion, CountsWhoWasDone) {
  Motion motion;
  EXPECT_EQ(motion.ended(), 0u);
  {
    const auto moving = motion.begin();
    EXPECT_EQ(motion.ended(), 0u);
  }
  EXPECT_EQ(motion.ended(), 1u);
}

// A thread that took its own end for another's would try again and again.
TEST(Motion, WhatAThreadDoesWithinIsPartOfIt) {
  Motion motion;
  Motion elsewhere;
  {
    const auto moving = motion.begin();
    { const auto within = motion.begin(); }
    EXPECT_EQ(motion.ended(), 0u);
    { const auto other_pool = elsewhere.begin(); }
    EXPECT_EQ(elsewhere.ended(), 1u);
    { const auto within = motion.begin(); }
    EXPECT_FALSE(motion.await_others(motion.ended()));
    EXPECT_EQ(motion.ended(), 0u);
  }
  EXPECT_EQ(motion.ended(), 1u);
}

TEST(Motion, AloneThereIsNobodyToWaitFor) {
  Motion motion;
  const auto moving = motion.begin();
  EXPECT_FALSE(motion.await_others(motion.ended()));
}

TEST(Motion, WhoWasDoneMeanwhileIsNotWaitedFor) {
  Motion motion;
  const auto moving = motion.begin();
  const std::uint64_t seen = motion.ended();
  Other(motion).stop();
  EXPECT_TRUE(motion.await_others(seen));
}

// Both are refused and wait for each other: neither waits for good.
TEST(Motion, WhoIsNotDoneIsWaitedForAMomentOnly) {
  Motion motion;
  const auto moving = motion.begin();
  Other other(motion);
  const auto began = Clock::now();
  EXPECT_FALSE(motion.await_others(motion.ended()));
  EXPECT_LT(Clock::now() - began, 1s);
  other.stop();
}

TEST(Motion, WhoeverWaitsIsWokenByTheOther) {
  Motion motion;
  // The moment is short, so that a try may miss it on a busy machine: one of many does not.
  bool woken = false;
  for (int tries = 0; tries < 200 && !woken; ++tries) {
    const auto moving = motion.begin();
    const std::uint64_t seen = motion.ended();
    std::promise<void> inside;
    std::thread other([&] {
      const auto theirs = motion.begin();
      inside.set_value();
      std::this_thread::sleep_for(100us);
    });
    inside.get_future().wait();
    woken = motion.await_others(seen);
    other.join();
    EXPECT_NE(motion.ended(), seen);
  }
  EXPECT_TRUE(woken);
}

}  // namespace
}  // namespace weir::pool
