// Unfolding of small layouts.
#include "workloads/graph/layout/straighten.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/layout/place.hpp"
#include "workloads/graph/layout/quality.hpp"

namespace weir::graph::test {
namespace {

TEST(GraphStraighten, AFoldedPathUnfolds) {
  Graph path{.nodes = 30};
  for (std::uint32_t i = 0; i + 1 < path.nodes; ++i) path.edges.push_back({i, i + 1, 1});
  std::vector<Position> places;  // there, and back beside it
  for (int i = 0; i < 30; ++i) places.push_back({static_cast<float>(i < 15 ? i : 29 - i), i < 15 ? 0.0F : 1.0F, 0});
  const double before = measure(path, places).stress;
  straighten(adjacency_of(path), places);
  EXPECT_GT(before, 0.2);
  EXPECT_LT(measure(path, places).stress, before / 2);
}

TEST(GraphStraighten, BringsALayoutByChanceNearToTheGraph) {
  const Graph grid = grid_graph(12, 12);
  for (const unsigned dimensions : {2U, 3U}) {
    std::vector<Position> places = random_places(grid.nodes, dimensions, 1);
    const Quality before = measure(grid, places);
    straighten(adjacency_of(grid), places);
    const Quality after = measure(grid, places);
    EXPECT_LT(after.stress, before.stress / 2);
    EXPECT_NEAR(after.scale / before.scale, 1, 0.5);  // the size stays
  }
}

TEST(GraphStraighten, ComponentsStayWhereTheyAre) {
  const Graph graph{.nodes = 5, .edges = {{0, 1, 1}, {2, 3, 1}}};
  std::vector<Position> places{{0, 0, 0}, {1, 0, 0}, {50, 0, 0}, {50, 3, 0}, {7, 7, 0}};
  straighten(adjacency_of(graph), places);
  EXPECT_NEAR(places[0].x + places[1].x, 1, 2);
  EXPECT_NEAR(places[2].x, 50, 1e-3);
  EXPECT_EQ(places[4], (Position{7, 7, 0}));
}

TEST(GraphStraighten, LeavesLargeGraphsAndOnePlaceAlone) {
  const Graph large = grid_graph(max_straightened + 1, 1);
  std::vector<Position> places = random_places(large.nodes, 2, 1);
  const std::vector<Position> before = places;
  straighten(adjacency_of(large), places);
  EXPECT_EQ(places, before);
  std::vector<Position> same(4);
  straighten(adjacency_of(grid_graph(4, 1)), same);
  EXPECT_EQ(same, std::vector<Position>(4));
}

}  // namespace
}  // namespace weir::graph::test
