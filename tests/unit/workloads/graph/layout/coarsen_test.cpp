// Coarser graphs: that they stand for the whole graph, shrink whatever its shape, and keep the shape.
#include "workloads/graph/layout/coarsen.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

/// What each level has to be of the one below it.
void expect_sound(const Graph& graph, const std::vector<CoarseLevel>& levels) {
  const Graph* finer = &graph;
  for (const CoarseLevel& level : levels) {
    ASSERT_EQ(level.coarse_of.size(), finer->nodes);
    ASSERT_EQ(level.masses.size(), level.graph.nodes);
    EXPECT_LE(10 * std::uint64_t{level.graph.nodes}, 9 * std::uint64_t{finer->nodes});
    EXPECT_EQ(std::accumulate(level.masses.begin(), level.masses.end(), 0.0), graph.nodes);
    EXPECT_TRUE(std::all_of(level.masses.begin(), level.masses.end(), [](float mass) { return mass >= 1; }));
    double between = 0;  // the weight of the edges that are left
    for (const Edge& edge : finer->edges) {
      ASSERT_LT(level.coarse_of[edge.source], level.graph.nodes);
      if (level.coarse_of[edge.source] != level.coarse_of[edge.target]) between += edge.weight;
    }
    double kept = 0;
    for (const Edge& edge : level.graph.edges) kept += edge.weight;
    EXPECT_NEAR(kept, between, 1e-3 * between);
    EXPECT_TRUE(std::is_sorted(level.graph.edges.begin(), level.graph.edges.end(), [](const Edge& a, const Edge& b) {
      return a.source != b.source ? a.source < b.source : a.target < b.target;
    }));
    for (std::size_t i = 0; i < level.graph.edges.size(); ++i) {
      const Edge& edge = level.graph.edges[i];
      ASSERT_LT(edge.source, edge.target);
      ASSERT_LT(edge.target, level.graph.nodes);
      if (i == 0) continue;
      const Edge& before = level.graph.edges[i - 1];
      ASSERT_FALSE(before.source == edge.source && before.target == edge.target);
    }
    finer = &level.graph;
  }
}

TEST(GraphCoarsen, LevelsStandForTheWholeGraph) {
  for (const Graph& graph : {grid_graph(60, 45), preferential_graph(3000, 2, 1), power_law_graph(12, 9000, 3)}) {
    const std::vector<CoarseLevel> levels = coarsen(graph);
    expect_sound(graph, levels);
    ASSERT_FALSE(levels.empty());
    EXPECT_LE(levels.back().graph.nodes, 50U);
  }
}

TEST(GraphCoarsen, AQuarterOfTheNodesIsLeftOnAGrid) {
  const Graph grid = grid_graph(100, 100);
  const std::vector<CoarseLevel> levels = coarsen(grid);
  EXPECT_NEAR(levels[0].graph.nodes, 2500, 250);
  // Squares rather than bricks, in the mean: what is merged is as wide as it is high.
  double wide = 0, high = 0;
  for (std::uint32_t coarse = 0; coarse < levels[1].graph.nodes; ++coarse) {
    std::uint32_t low_x = 100, high_x = 0, low_y = 100, high_y = 0;
    for (std::uint32_t node = 0; node < grid.nodes; ++node) {
      if (levels[1].coarse_of[levels[0].coarse_of[node]] != coarse) continue;
      low_x = std::min(low_x, node % 100), high_x = std::max(high_x, node % 100);
      low_y = std::min(low_y, node / 100), high_y = std::max(high_y, node / 100);
    }
    wide += high_x - low_x + 1;
    high += high_y - low_y + 1;
  }
  EXPECT_NEAR(wide / high, 1, 0.3);
}

TEST(GraphCoarsen, StarsShrinkAsFast) {
  Graph star{.nodes = 100'001};
  for (std::uint32_t leaf = 1; leaf < star.nodes; ++leaf) star.edges.push_back({0, leaf, 1});
  const std::vector<CoarseLevel> levels = coarsen(star);
  expect_sound(star, levels);
  EXPECT_LE(levels.back().graph.nodes, 50U);
  EXPECT_LE(levels.size(), 8U);
}

TEST(GraphCoarsen, NodesWithoutEdgesShrinkToo) {
  const std::vector<CoarseLevel> levels = coarsen(Graph{.nodes = 10'000});
  expect_sound(Graph{.nodes = 10'000}, levels);
  EXPECT_LE(levels.back().graph.nodes, 50U);
}

TEST(GraphCoarsen, HeavyEdgesMergeFirst) {
  Graph ring{.nodes = 100};
  for (std::uint32_t i = 0; i + 1 < 100; ++i) ring.edges.push_back({i, i + 1, i % 2 == 1 ? 9.0F : 1.0F});
  ring.edges.insert(ring.edges.begin() + 1, {0, 99, 9.0F});
  const std::vector<CoarseLevel> levels = coarsen(ring, 99);
  ASSERT_EQ(levels[0].graph.nodes, 50U);  // the first merging is enough
  for (std::uint32_t i = 1; i + 1 < 100; i += 2) EXPECT_EQ(levels[0].coarse_of[i], levels[0].coarse_of[i + 1]);
}

TEST(GraphCoarsen, SmallGraphsHaveNoLevels) {
  EXPECT_TRUE(coarsen(grid_graph(7, 7)).empty());
  EXPECT_TRUE(coarsen(Graph{}).empty());
  EXPECT_FALSE(coarsen(grid_graph(7, 7), 48).empty());
}

TEST(GraphCoarsen, EndsWhereItIsTold) {
  int asked = 0;
  const Graph grid = grid_graph(60, 60);
  EXPECT_TRUE(coarsen(grid, 50, [] { return true; }).empty());
  EXPECT_EQ(coarsen(grid, 50, [&] { return ++asked > 2; }).size(), 1U);
}

}  // namespace
}  // namespace weir::graph::test
