// Faults as a text: every form, and errors that name the part, its limits and what to write.
#include "faults/plan.hpp"

#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::faults {
namespace {

std::string error_of(std::string_view text) {
  try {
    static_cast<void>(parse_plan(text));
  } catch (const InvalidArgument& error) {
    return error.message();
  }
  return {};
}

TEST(FaultPlan, HasEachPartInItsOrder) {
  const Plan plan = parse_plan("lose@100,slow@3:2.5,oom@7,late@50,lose@200");
  std::string texts;
  for (const Fault& each : plan.faults) texts += text_of(each) + " ";
  EXPECT_EQ(texts, "lose@100 slow@3:2.5 oom@7 lose@200 ");
  EXPECT_EQ(plan.late, std::chrono::microseconds(50));
  EXPECT_EQ(plan.faults[1].factor, 2.5);
  EXPECT_EQ(parse_plan("lose@1").late.count(), 0);
}

TEST(FaultPlan, MemoryIsRefusedAndStreamsSlowedWhereThatMakesSense) {
  const Plan plan = parse_plan("oom@1,slow@1:2,lose@1");
  EXPECT_TRUE(plan.faults[0].fitting(CallKind::create));
  EXPECT_FALSE(plan.faults[0].fitting(CallKind::query));
  EXPECT_TRUE(plan.faults[1].fitting(CallKind::run));
  EXPECT_FALSE(plan.faults[1].fitting(CallKind::record));
  EXPECT_FALSE(plan.faults[2].fitting) << "any call may find that the device is lost";
}

TEST(FaultPlan, ErrorsNameThePartTheLimitsAndTheRemedy) {
  EXPECT_EQ(
      error_of("lose@0"),
      "WEIR_INJECT=\"lose@0\": \"lose@0\" has no number of a call of 1 to 1000000000000; write it as in lose@100");
  EXPECT_EQ(
      error_of("oom@7,slow@9"),
      "WEIR_INJECT=\"oom@7,slow@9\": \"slow@9\" has no factor above 1, up to 1000, behind a colon; write it as in "
      "slow@1:5");
  EXPECT_EQ(error_of("late@10000001"),
            "WEIR_INJECT=\"late@10000001\": \"late@10000001\" has no number of microseconds of 1 to 10000000; write it "
            "as in late@50");
  EXPECT_EQ(error_of("lose"),
            "WEIR_INJECT=\"lose\": \"lose\" is no fault; write lose@N, oom@N, slow@N:FACTOR or late@US, with commas "
            "between several");
  EXPECT_EQ(error_of("late@5,late@6"),
            "WEIR_INJECT=\"late@5,late@6\": \"late@6\" comes a second time; all events are late by one time, so write "
            "late@US once");
  for (const char* wrong : {"lose@-1", "lose@1.5", "lose@ 1", "lose@1 ", "lose@", "lose@1,", ",", "gain@1", "slow@1:1",
                            "slow@1:nan", "slow@1:1001", "slow@0:2", "oom@99999999999999999999", "LOSE@1"}) {
    EXPECT_NE(error_of(wrong), "") << wrong;
  }
}

}  // namespace
}  // namespace weir::faults
