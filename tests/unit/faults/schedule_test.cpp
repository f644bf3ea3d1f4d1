// Which call a fault strikes: the n-th, of all or of a kind, the first that fits, again after a period.
#include "faults/schedule.hpp"

#include <gtest/gtest.h>

namespace weir::faults {
namespace {

/// The calls, counted from 1, that a fault strikes out of the first `count`.
std::vector<int> struck(Schedule& schedule, int count, CallKind kind = CallKind::copy) {
  std::vector<int> all;
  for (int i = 1; i <= count; ++i) {
    if (schedule.strike(kind)) all.push_back(i);
  }
  return all;
}

TEST(FaultSchedule, StrikesTheNthCallOnce) {
  Schedule schedule;
  schedule.add({.nth = 3});
  EXPECT_FALSE(schedule.fired());
  EXPECT_EQ(schedule.waiting().size(), 1u);
  EXPECT_EQ(struck(schedule, 10), std::vector{3});
  EXPECT_TRUE(schedule.fired());
  EXPECT_EQ(schedule.waiting().size(), 0u);
  EXPECT_EQ(schedule.calls(), 10u);
}

TEST(FaultSchedule, CountsCallsOfOneKind) {
  Schedule schedule;
  schedule.add({.nth = 2, .counted = only(CallKind::create)});
  EXPECT_EQ(struck(schedule, 5), std::vector<int>{});
  EXPECT_EQ(struck(schedule, 5, CallKind::create), std::vector{2});
}

TEST(FaultSchedule, WaitsForTheFirstCallThatFits) {
  Schedule schedule;
  schedule.add({.kind = FaultKind::out_of_memory, .nth = 4, .fitting = takes_memory});
  EXPECT_EQ(struck(schedule, 2, CallKind::create), std::vector<int>{}) << "calls before the fourth";
  EXPECT_EQ(struck(schedule, 5), std::vector<int>{}) << "calls that take no memory";
  EXPECT_EQ(struck(schedule, 3, CallKind::create), std::vector{1});
}

TEST(FaultSchedule, StrikesAgainAfterAPeriod) {
  Schedule schedule;
  schedule.add({.nth = 2, .times = 3, .period = 2});
  EXPECT_EQ(struck(schedule, 20), (std::vector{2, 4, 6}));
}

TEST(FaultSchedule, OfSeveralThatAreDueEachHasItsCall) {
  Schedule schedule;
  schedule.add({.kind = FaultKind::out_of_memory, .nth = 2});
  schedule.add({.kind = FaultKind::loss, .nth = 2});
  EXPECT_FALSE(schedule.strike(CallKind::create));
  EXPECT_EQ(schedule.strike(CallKind::create)->kind, FaultKind::out_of_memory);
  EXPECT_EQ(schedule.strike(CallKind::create)->kind, FaultKind::loss);
  EXPECT_FALSE(schedule.strike(CallKind::create));
}

TEST(FaultSchedule, CountsFromWhereAFaultIsAdded) {
  Schedule schedule;
  EXPECT_EQ(struck(schedule, 5), std::vector<int>{});
  schedule.add({.nth = 2});
  EXPECT_EQ(struck(schedule, 5), std::vector{2});
  schedule.restart({{.nth = 1}});
  EXPECT_FALSE(schedule.fired());
  schedule.clear();
  EXPECT_EQ(struck(schedule, 5), std::vector<int>{});
}

}  // namespace
}  // namespace weir::faults
