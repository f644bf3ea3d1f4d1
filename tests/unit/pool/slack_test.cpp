// When a thread may have pages of its own rather than turn to other threads' memory.
#include "pool/slack.hpp"

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

constexpr std::uint64_t plenty = 1 << 20;

TEST(Slack, APageTakesTwoTurns) {
  Slack slack;
  EXPECT_FALSE(slack.allows(1, plenty));
  EXPECT_TRUE(slack.allows(1, plenty));
  slack.add(1);
  EXPECT_FALSE(slack.allows(1, plenty));
  EXPECT_TRUE(slack.allows(1, plenty));
  EXPECT_FALSE(slack.allows(10, plenty));
}

TEST(Slack, IsAtMostAQuarterOfWhatIsMapped) {
  Slack slack;
  for (int turn = 0; turn < 100; ++turn) EXPECT_FALSE(slack.allows(5, 16));
  EXPECT_TRUE(slack.allows(4, 16));
  slack.add(4);
  EXPECT_FALSE(slack.allows(1, 19));
  EXPECT_TRUE(slack.allows(1, 20));
}

TEST(Slack, WhatIsNeededIsNone) {
  Slack slack;
  for (int turn = 0; turn < 100; ++turn) static_cast<void>(slack.allows(1, 0));
  slack.add(4);
  slack.clear();
  EXPECT_FALSE(slack.allows(1, 4));  // the turns are counted anew
  EXPECT_TRUE(slack.allows(1, 4));
}

TEST(Slack, AfterARefusalItIsNotAskedAgainSoon) {
  Slack slack;
  slack.refuse();
  for (int turn = 0; turn < 1000; ++turn) EXPECT_FALSE(slack.allows(1, plenty));
  EXPECT_FALSE(slack.allows(1, plenty));
  EXPECT_TRUE(slack.allows(1, plenty));
}

TEST(Slack, WhatWentBackIsNone) {
  Slack slack;
  for (int turn = 0; turn < 100; ++turn) static_cast<void>(slack.allows(1, 0));
  slack.add(4);
  EXPECT_FALSE(slack.allows(1, 16));
  slack.drop(1);
  EXPECT_TRUE(slack.allows(1, 16));
  slack.drop(100);
  EXPECT_TRUE(slack.allows(4, 16));
  EXPECT_FALSE(slack.allows(5, 16));
}

}  // namespace
}  // namespace weir::pool
