// Components beside each other: apart, of one scale, close together, and each with its shape.
#include "workloads/graph/layout/pack.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/layout/board.hpp"
#include "workloads/graph/layout/place.hpp"

namespace weir::graph::test {
namespace {

double between(const Position& a, const Position& b) {
  return std::hypot(double{a.x} - b.x, double{a.y} - b.y, double{a.z} - b.z);
}

/// Grids side by side in the numbering, and on top of each other on the picture, each a little larger than the last.
struct Grids {
  Graph graph;
  std::vector<Position> places;

  void add(std::uint32_t width, std::uint32_t height, float size) {
    const Graph grid = grid_graph(width, height);
    for (Edge edge : grid.edges) {
      edge.source += graph.nodes;
      edge.target += graph.nodes;
      graph.edges.push_back(edge);
    }
    for (std::uint32_t i = 0; i < grid.nodes; ++i)
      places.push_back({size * static_cast<float>(i % width), size * static_cast<float>(i / width), 0});
    graph.nodes += grid.nodes;
  }
};
Grids many() {
  Grids grids;
  for (std::uint32_t i = 0; i < 40; ++i) grids.add(1 + i % 7, 1 + i % 5, 0.1F + static_cast<float>(i));
  return grids;
}

TEST(GraphPack, ComponentsLieApart) {
  Grids grids = many();
  const Components components = components_of(grids.graph);
  pack(grids.graph, components, grids.places);
  double nearest = 1e9, farthest = 0;
  for (std::uint32_t a = 0; a < grids.graph.nodes; ++a) {
    farthest = std::max(farthest, between(grids.places[a], {}));
    for (std::uint32_t b = 0; b < a; ++b) {
      if (components.of[a] != components.of[b]) nearest = std::min(nearest, between(grids.places[a], grids.places[b]));
    }
  }
  EXPECT_GE(nearest, 0.5);
  EXPECT_LT(farthest, 2.5 * std::sqrt(grids.graph.nodes));  // 448 nodes, one a unit of area, and what is between
}

TEST(GraphPack, EdgesAreOneLongAndShapesStay) {
  Grids grids = many();
  pack(grids.graph, components_of(grids.graph), grids.places);
  for (const Edge& edge : grids.graph.edges) {
    const double length = between(grids.places[edge.source], grids.places[edge.target]);
    EXPECT_GT(length, 0.99);
    EXPECT_LT(length, 1.5);  // a grid's corners are nearer on the picture than in the graph
  }
  Grids two;
  two.add(3, 3, 7);
  two.add(2, 1, 1);
  pack(two.graph, components_of(two.graph), two.places);
  const double side = between(two.places[0], two.places[1]);
  EXPECT_NEAR(between(two.places[0], two.places[8]), std::sqrt(8.0) * side, 1e-5);
  EXPECT_NEAR(two.places[4].x, 0, 0.6);  // the largest in the middle
  EXPECT_NEAR(two.places[4].y, 0, 0.6);
}

TEST(GraphPack, NothingLiesInsideARing) {
  Graph graph{.nodes = 62};
  std::vector<Position> places;
  for (std::uint32_t i = 0; i < 60; ++i) {
    if (i < 59) graph.edges.push_back({i, i + 1, 1});
    const float angle = 6.2831853F * static_cast<float>(i) / 60;
    places.push_back({std::cos(angle), std::sin(angle), 0});
  }
  graph.edges.insert(graph.edges.begin() + 1, {0, 59, 1});
  places.resize(graph.nodes);  // two nodes without edges, in its middle
  pack(graph, components_of(graph), places);
  EXPECT_GT(between(places[60], places[61]), 1);
  for (const std::uint32_t single : {60U, 61U}) {
    double sum = 0;
    for (std::uint32_t i = 0; i < 60; ++i) {
      // Its whole turn round the single node is none, from outside.
      const Position &a = places[i], &b = places[(i + 1) % 60], &at = places[single];
      const double ax = double{a.x} - at.x, ay = double{a.y} - at.y, bx = double{b.x} - at.x, by = double{b.y} - at.y;
      sum += std::atan2(ax * by - ay * bx, ax * bx + ay * by);
    }
    EXPECT_NEAR(sum, 0, 0.1);
  }
}

TEST(GraphPack, OneComponentStaysAsItIs) {
  Grids one;
  one.add(4, 3, 7);
  const std::vector<Position> before = one.places;
  pack(one.graph, components_of(one.graph), one.places);
  EXPECT_EQ(one.places, before);
}

TEST(GraphPack, ManyNodesWithoutEdgesTakeNoSearchEach) {
  const Graph graph{.nodes = 200'000};
  std::vector<Position> places(graph.nodes, Position{1, 2, 3});
  const auto start = std::chrono::steady_clock::now();
  pack(graph, components_of(graph), places);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));  // a search each would take hours
  std::sort(places.begin(), places.end(),
            [](const Position& a, const Position& b) { return a.x != b.x ? a.x < b.x : a.y < b.y; });
  EXPECT_EQ(std::adjacent_find(places.begin(), places.end()), places.end());
}

TEST(GraphPack, ComponentsOfManySizesTakeNoSearchEach) {
  Board board;
  std::set<std::pair<std::int32_t, std::int32_t>> covered;
  std::size_t cells = 0;
  for (std::int32_t nodes = 399; nodes >= 2; --nodes) {  // as paths cover it, each of another size
    std::vector<Cell> footprint;
    for (std::int32_t x = 0; x < 2 * nodes + 3; ++x)
      for (std::int32_t y = 0; y < 5; ++y) footprint.push_back({x - nodes, y - 2});
    const Cell at = board.place(footprint, static_cast<std::size_t>(nodes));
    for (const Cell cell : footprint) covered.insert({cell.x + at.x, cell.y + at.y});
    cells += footprint.size();
  }
  EXPECT_EQ(covered.size(), cells) << "none lies on another";
  EXPECT_LT(board.looks(), 100'000'000U);
}

TEST(GraphPack, OnShelvesTheyLieApartAsWell) {
  Grids grids = many();
  const Components components = components_of(grids.graph);
  pack_on_shelves(grids.graph, components, grids.places);
  double nearest = 1e9, farthest = 0;
  for (std::uint32_t a = 0; a < grids.graph.nodes; ++a) {
    for (std::uint32_t b = 0; b < a; ++b) {
      const double apart = between(grids.places[a], grids.places[b]);
      farthest = std::max(farthest, apart);
      if (components.of[a] != components.of[b]) nearest = std::min(nearest, apart);
    }
  }
  EXPECT_GE(nearest, 0.99);
  EXPECT_LT(farthest, 4 * std::sqrt(grids.graph.nodes));
  for (const Edge& edge : grids.graph.edges)
    EXPECT_NEAR(between(grids.places[edge.source], grids.places[edge.target]), 1, 1e-3);
}

TEST(GraphPack, RefusesPlacesThatAreNotFinite) {
  const Graph graph{.nodes = 2};
  std::vector<Position> places(2);
  places[1].x = std::numeric_limits<float>::infinity();
  EXPECT_THROW(pack(graph, components_of(graph), places), InvalidArgument);
}

}  // namespace
}  // namespace weir::graph::test
