// Bounds of movement, and when a level has settled.
#include "workloads/graph/layout/schedule.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

/// A grid whose edges are 5 long.
struct StartedGrid {
  Graph graph = grid_graph(40, 25);
  std::vector<Position> places;

  StartedGrid() {
    for (std::uint32_t i = 0; i < graph.nodes; ++i)
      places.push_back({5.0F * static_cast<float>(i % 40), 5.0F * static_cast<float>(i / 40), 0});
  }
  [[nodiscard]] Schedule schedule(LawKind kind, Start start, std::uint64_t max_steps = 0) const {
    return {usual_law(kind), graph, places, start, max_steps};
  }
};

TEST(GraphSchedule, MovementShrinksToAHundredthOfAnEdge) {
  const StartedGrid level;
  for (const Start start : {Start::random_places, Start::coarser_level}) {
    for (const std::uint64_t asked : {0U, 20U}) {
      const Schedule schedule = level.schedule(LawKind::fruchterman_reingold, start, asked);
      EXPECT_TRUE(asked == 0 || schedule.max_steps() == asked);
      EXPECT_NEAR(schedule.max_movement(0), start == Start::coarser_level ? 2.5 : 5 * 31.62, 0.1);
      for (std::uint64_t step = 1; step < schedule.max_steps(); ++step)
        EXPECT_LT(schedule.max_movement(step), schedule.max_movement(step - 1));
      EXPECT_NEAR(schedule.max_movement(schedule.max_steps() - 1), 0.05, 1e-4);
      EXPECT_NEAR(schedule.max_movement(schedule.max_steps() + 9), 0.05, 1e-4);
    }
  }
}

TEST(GraphSchedule, LargerGraphsTakeFewerSteps) {
  StartedGrid large;
  large.graph.nodes = 100'000;
  const auto steps = [](const StartedGrid& level, LawKind kind) {
    return level.schedule(kind, Start::coarser_level).max_steps();
  };
  EXPECT_EQ(steps(StartedGrid(), LawKind::fruchterman_reingold), 300U);
  EXPECT_EQ(steps(large, LawKind::fruchterman_reingold), 40U);
  EXPECT_EQ(steps(large, LawKind::springs), 320U);
  EXPECT_EQ(large.schedule(LawKind::springs, Start::random_places).max_steps(), 2400U);
  StartedGrid small;
  small.graph.nodes = 200;
  EXPECT_EQ(steps(small, LawKind::springs), 6000U);
  EXPECT_EQ(large.schedule(LawKind::fruchterman_reingold, Start::random_places).max_steps(), 300U);
}

TEST(GraphSchedule, ALevelSettlesWhenItsNodesHardlyMoveThoughTheyMay) {
  const StartedGrid level;
  const Schedule schedule = level.schedule(LawKind::fruchterman_reingold, Start::coarser_level);
  EXPECT_FALSE(schedule.at_rest(0, 0, 0));  // nothing has been measured
  EXPECT_FALSE(schedule.at_rest(5, 0, 0.06));
  EXPECT_TRUE(schedule.at_rest(5, 1e9, 0.04));
  const Schedule atlas = level.schedule(LawKind::force_atlas_2, Start::coarser_level);
  EXPECT_FALSE(atlas.at_rest(5, 0, 0.04));
  EXPECT_TRUE(atlas.at_rest(5, 0, 0.019));
  for (const Schedule& each : {schedule, atlas}) {
    for (const std::uint64_t step : {each.max_steps() - 1, each.max_steps()}) {
      EXPECT_FALSE(each.at_rest(step, 0, each.max_movement(step - 1))) << "the bound ended them";
      EXPECT_TRUE(each.at_rest(step, 0, 0.2 * double{each.max_movement(step - 1)}));
    }
  }
}

TEST(GraphSchedule, SpringsSettleByTheirEnergyOnceTheyAreWarm) {
  const StartedGrid level;
  const Schedule schedule = level.schedule(LawKind::springs, Start::coarser_level);
  EXPECT_FALSE(schedule.at_rest(1, 0, 0));  // a start from rest is no rest
  EXPECT_FALSE(schedule.at_rest(500, 2e-3, 0));
  EXPECT_TRUE(schedule.at_rest(500, 0.9e-3, 1));
  EXPECT_FALSE(schedule.moves_freely(199));
  EXPECT_TRUE(schedule.moves_freely(200));
  EXPECT_GT(schedule.steps_at_rest(), 1U) << "after a stop they all have no energy";
  EXPECT_FALSE(level.schedule(LawKind::force_atlas_2, Start::coarser_level).moves_freely(500));
}

}  // namespace
}  // namespace weir::graph::test
