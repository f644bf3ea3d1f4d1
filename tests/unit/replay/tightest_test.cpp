// The search for the least memory: on answers that are known, and on traces.
#include "replay/tightest.hpp"

#include <random>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>

#include "replay/replay.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {
namespace {

std::uint64_t least(std::uint64_t from, std::uint64_t guess, const LeastSearch::Completes& completes) {
  LeastSearch search;
  search.run(from, guess, completes);
  return search.enough();
}

TEST(LeastSearch, FindsTheStepWhereverItIsAndWhateverTheGuess) {
  for (std::uint64_t step = 1; step <= 40; ++step) {
    for (std::uint64_t guess = 0; guess <= 45; ++guess) {
      EXPECT_EQ(least(1, guess, [&](std::uint64_t pages) { return pages >= step; }), step) << guess;
    }
  }
}

TEST(LeastSearch, TriesNothingBelowTheLeast) {
  EXPECT_EQ(least(7, 100,
                  [](std::uint64_t pages) {
                    EXPECT_GE(pages, 7U);
                    return true;
                  }),
            7U);
}

TEST(LeastSearch, WhatLiesAFewPagesBelowIsFound) {
  // 90 fails though 83 to 85 do not; bisection from 100 over 1 ends at 91.
  const auto completes = [](std::uint64_t pages) { return pages > 90 || (pages >= 83 && pages <= 85); };
  EXPECT_EQ(least(1, 100, completes), 83U);
}

TEST(LeastSearch, EveryPromisedNeighbourWasRefused) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::set<std::uint64_t> good;
    for (std::uint64_t pages = 1; pages < 200; ++pages) {
      if (random() % 200 < pages) good.insert(pages);
    }
    const auto completes = [&](std::uint64_t pages) { return pages >= 200 || good.count(pages) != 0; };
    const std::uint64_t found = least(1, 200, completes);
    EXPECT_TRUE(completes(found));
    for (std::uint64_t below = 1; below <= pages_tried_below && below < found; ++below) {
      EXPECT_FALSE(completes(found - below)) << found << " less " << below;
    }
  }
}

TEST(LeastSearch, WhatWasFoundStaysWhenItIsCutShort) {
  LeastSearch search;
  int asked = 0;
  EXPECT_THROW(search.run(1, 64,
                          [&](std::uint64_t pages) {
                            if (++asked == 4) throw Interrupted();
                            return pages >= 20;
                          }),
               Interrupted);
  EXPECT_EQ(search.enough(), 32U);
  EXPECT_EQ(search.refused(), 16U);
}

Trace trace_of(TraceBuilder builder) {
  Trace trace;
  trace.devices.push_back(std::move(builder).finish());
  return trace;
}

TEST(Tightest, OfTracesThatCanBePackedByHand) {
  TraceBuilder turns(0);  // one after the other: three pages of 2 MiB
  for (int i = 0; i < 4; ++i) turns.free(turns.allocate(6_MiB, 0), 0);
  TraceBuilder together(0);  // 9 MiB: five pages
  for (int i = 0; i < 3; ++i) together.allocate(3_MiB, 0);
  const auto find = [](const Trace& trace, std::uint32_t passes) {
    return find_tightest(trace, {.passes = passes}, 64_MiB).limit;
  };
  for (const std::uint32_t passes : {1U, 3U}) {
    EXPECT_EQ(find(trace_of(turns), passes), 6_MiB);
    EXPECT_EQ(find(trace_of(together), passes), 10_MiB);
  }
}

TEST(Tightest, CompletesAndOnePageLessDoesNot) {
  TraceBuilder builder(0);
  std::mt19937 random(3);
  std::vector<std::uint32_t> live;
  for (int i = 0; i < 600; ++i) {
    if (live.size() < 12 || random() % 2 == 0) {
      live.push_back(builder.allocate(1 + random() % 6_MiB, 0));
    } else {
      std::swap(live[random() % live.size()], live.back());
      builder.free(live.back(), 0);
      live.pop_back();
    }
  }
  const Trace trace = trace_of(std::move(builder));
  const ReplayOptions options{.passes = 2};
  const ReplayReport whole = replay(trace, options);
  std::uint64_t before = 0;
  const Tightest found = find_tightest(trace, options, whole.needed, [&](std::uint64_t refused, std::uint64_t fits) {
    EXPECT_LT(refused, fits);
    before = fits;
  });
  EXPECT_LE(found.limit, before);
  EXPECT_FALSE(found.interrupted);
  EXPECT_EQ(found.all, found.limit);
  const auto fits = [&](std::uint64_t capacity) {
    ReplayOptions bounded = options;
    bounded.capacity = capacity;
    return replay(trace, bounded).fits();
  };
  EXPECT_TRUE(fits(found.limit));
  EXPECT_FALSE(fits(found.limit - 2_MiB));
}

TEST(Tightest, EachDeviceHasItsOwn) {
  Trace trace;
  for (const std::uint64_t bytes : {4_MiB, 10_MiB}) {
    TraceBuilder builder(static_cast<std::uint32_t>(trace.devices.size()));
    builder.allocate(bytes, 0);
    trace.devices.push_back(std::move(builder).finish());
  }
  const Tightest found = find_tightest(trace, {}, 64_MiB);
  EXPECT_EQ(found.limit, 10_MiB);
  EXPECT_EQ(found.all, 14_MiB);
}

TEST(Tightest, InterruptedAtOnceItKnowsWhatItWasTold) {
  TraceBuilder builder(0);
  builder.allocate(4_MiB, 0);
  const Tightest found = find_tightest(trace_of(std::move(builder)), {.interrupted = [] { return true; }}, 64_MiB);
  EXPECT_TRUE(found.interrupted);
  EXPECT_EQ(found.limit, 64_MiB);
  EXPECT_LT(found.refused, 4_MiB);
}

}  // namespace
}  // namespace weir::replay
