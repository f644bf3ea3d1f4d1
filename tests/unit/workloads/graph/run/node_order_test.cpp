// When nodes are sorted anew: often where they move far, seldom where they hardly move.
#include "workloads/graph/run/node_order.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace weir::graph::test {
namespace {

constexpr double spacing = 2;
constexpr double unknown = std::numeric_limits<double>::infinity();

/// How many of the next steps sort.
int sorts(NodeOrder& order, int steps) {
  int count = 0;
  for (int step = 0; step < steps; ++step) count += order.next_sorts() ? 1 : 0;
  return count;
}

TEST(NodeOrder, ServesOneStepWhileTheWayIsNotKnown) {
  NodeOrder order;
  order.renew(spacing, unknown);
  EXPECT_EQ(sorts(order, 5), 5);
}

TEST(NodeOrder, ServesAsManyStepsAsItMayWhereNodesRest) {
  NodeOrder order;
  order.renew(spacing, 0);
  EXPECT_TRUE(order.next_sorts());
  EXPECT_EQ(sorts(order, NodeOrder::max_steps - 1), 0);
  EXPECT_TRUE(order.next_sorts());
}

TEST(NodeOrder, IsMadeAnewOnceNodesHaveMovedTooFar) {
  NodeOrder order;
  order.renew(spacing, 0.3 * NodeOrder::max_way * spacing);
  EXPECT_EQ(sorts(order, 4), 1) << "three steps of three tenths of the way are within it";
  order.renew();
  order.moved(0.6 * NodeOrder::max_way * spacing);
  EXPECT_EQ(sorts(order, 4), 2) << "two of six tenths are not";
  order.moved(2 * NodeOrder::max_way * spacing);
  EXPECT_EQ(sorts(order, 4), 4);
}

TEST(NodeOrder, IsMadeAnewWhereNodesAreAtOnePlaceAndPart) {
  NodeOrder order;
  order.renew(0, 1e-9);
  EXPECT_EQ(sorts(order, 3), 3);
}

}  // namespace
}  // namespace weir::graph::test
