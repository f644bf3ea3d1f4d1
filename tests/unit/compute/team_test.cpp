// A team does each step with all its threads, one after the other, and hands on what they throw.
#include "compute/team.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::compute::test {
namespace {

TEST(Team, EachStepIsDoneByAllBeforeTheNext) {
  Team team(3);
  ASSERT_EQ(team.size(), 3u);
  std::vector<int> steps(3);
  for (int step = 0; step < 2000; ++step) {
    team.each([&](std::size_t self) { ++steps[self]; });
    ASSERT_EQ(steps, std::vector<int>(3, step + 1));
  }
}

TEST(Team, WakesWhenItHasSlept) {
  Team team(2);
  std::atomic<int> done{0};
  for (int step = 0; step < 3; ++step) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    team.each([&](std::size_t self) {
      if (self == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++done;
    });
    EXPECT_EQ(done, 2 * (step + 1));
  }
}

TEST(Team, RangesAndTurnsHoldEachOnce) {
  for (const std::size_t threads : {1u, 2u, 5u}) {
    Team team(threads);
    std::vector<std::atomic<int>> seen(103);
    team.in_ranges(103, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
      for (std::uint32_t i = first; i < last; ++i) ++seen[i];
    });
    team.in_turn(103, [&](std::size_t, std::size_t i) { ++seen[i]; });
    for (const std::atomic<int>& each : seen) EXPECT_EQ(each, 2);
  }
}

TEST(Team, WhatAThreadThrowsIsThrownWhenAllHaveEndedAndOnce) {
  Team team(3);
  std::vector<int> ended(3);
  const auto work = [&](std::size_t self) {
    ended[self] = 1;
    if (self > 0) throw std::runtime_error("one");
  };
  EXPECT_THROW(team.each(work), std::runtime_error);
  EXPECT_EQ(ended, std::vector<int>(3, 1));
  EXPECT_NO_THROW(team.each([](std::size_t) {}));
  std::atomic<int> begun{0};
  EXPECT_THROW(team.in_turn(1000,
                            [&](std::size_t, std::size_t) {
                              ++begun;
                              throw std::runtime_error("first");
                            }),
               std::runtime_error);
  EXPECT_LE(begun, 3);
}

}  // namespace
}  // namespace weir::compute::test
