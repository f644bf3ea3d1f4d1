// Measures of a layout: known ones of small graphs, and the definition in plain loops.
#include "workloads/graph/layout/quality.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

Graph path_graph(std::uint32_t nodes) {
  Graph graph{.nodes = nodes};
  for (std::uint32_t i = 0; i + 1 < nodes; ++i) graph.edges.push_back({i, i + 1, 1});
  return graph;
}

std::vector<Position> by_chance(std::uint32_t nodes, float size, unsigned seed) {
  std::mt19937 random(seed);
  const auto place = [&] { return size * static_cast<float>(random() % 10'000) / 10'000; };
  std::vector<Position> places(nodes);
  for (Position& at : places) at = {place(), place(), place()};
  return places;
}

/// Floyd and Warshall's distances and the sum as the definition has it, for one scale.
double stress_in_loops(const Graph& graph, const std::vector<Position>& places, double scale) {
  const std::size_t n = graph.nodes;
  std::vector<double> d(n * n, std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < n; ++i) d[i * n + i] = 0;
  for (const Edge& edge : graph.edges) d[edge.source * n + edge.target] = d[edge.target * n + edge.source] = 1;
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) d[i * n + j] = std::min(d[i * n + j], d[i * n + k] + d[k * n + j]);
    }
  }
  double sum = 0, pairs = 0;
  const std::size_t sources = std::min<std::size_t>(n, 200);
  for (std::size_t i = 0; i < sources; ++i) {
    const std::size_t s = n * i / sources;
    for (std::size_t v = 0; v < n; ++v) {
      if (v == s || std::isinf(d[s * n + v])) continue;
      const double dx = double{places[s].x} - places[v].x, dy = double{places[s].y} - places[v].y;
      const double dz = double{places[s].z} - places[v].z;
      const double miss = scale * std::sqrt(dx * dx + dy * dy + dz * dz) - d[s * n + v];
      sum += miss * miss / (d[s * n + v] * d[s * n + v]);
      ++pairs;
    }
  }
  return sum / pairs;
}

TEST(GraphQuality, AStraightPathHasNoStress) {
  std::vector<Position> places;
  for (int i = 0; i < 10; ++i) places.push_back({3.0F * static_cast<float>(i), 4.0F * static_cast<float>(i), 7});
  const Quality quality = measure(path_graph(10), places);
  EXPECT_NEAR(quality.stress, 0, 1e-12);
  EXPECT_NEAR(quality.scale, 0.2, 1e-9);
  EXPECT_EQ(quality.pairs, 90U);
  EXPECT_NEAR(quality.edge_length_spread, 0, 1e-9);
}

TEST(GraphQuality, ASquareHasWhatItsDiagonalsMiss) {
  const Graph square{.nodes = 4, .edges = {{0, 1, 1}, {0, 3, 1}, {1, 2, 1}, {2, 3, 1}}};
  const std::vector<Position> places{{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}};
  // Two ratios of 1 and one of √2 / 2 a node: stress is 1 - (Σ ratio)² / (Σ ratio² · pairs).
  const double first = 2 + std::sqrt(0.5), second = 2.5;
  EXPECT_NEAR(measure(square, places).stress, 1 - first * first / (second * 3), 1e-12);
}

TEST(GraphQuality, IsTheLeastStressOfItsDefinition) {
  const Graph graph = preferential_graph(301, 2, 5);
  const std::vector<Position> places = by_chance(graph.nodes, 1000, 1);
  const Quality quality = measure(graph, places);
  EXPECT_EQ(quality.pairs, 200U * 300);
  EXPECT_NEAR(quality.stress, stress_in_loops(graph, places, quality.scale), 1e-9);
  for (const double factor : {0.99, 1.01})
    EXPECT_LT(quality.stress, stress_in_loops(graph, places, factor * quality.scale));
}

TEST(GraphQuality, LeavesPairsWithoutAPathOut) {
  const Graph graph{.nodes = 5, .edges = {{0, 1, 1}, {2, 3, 1}}};
  const std::vector<Position> places{{0, 0, 0}, {2, 0, 0}, {100, 100, 0}, {100, 102, 0}, {9, 9, 9}};
  const Quality quality = measure(graph, places);
  EXPECT_EQ(quality.pairs, 4U);
  EXPECT_NEAR(quality.stress, 0, 1e-12);
}

TEST(GraphQuality, IsTheSameForAnyThreads) {
  const Graph graph = grid_graph(40, 30);
  const std::vector<Position> places = by_chance(graph.nodes, 50, 2);
  const Quality one = measure(graph, places, 1);
  for (const unsigned threads : {0U, 2U, 3U, 8U}) {
    const Quality more = measure(graph, places, threads);
    EXPECT_EQ(one.stress, more.stress);
    EXPECT_EQ(one.scale, more.scale);
  }
}

TEST(GraphQuality, SpreadIsDeviationOverMean) {
  const std::vector<Position> places{{0, 0, 0}, {1, 0, 0}, {4, 0, 0}};  // lengths of 1 and 3
  EXPECT_NEAR(measure(path_graph(3), places).edge_length_spread, 0.5, 1e-12);
}

TEST(GraphQuality, OnePlaceForAllIsAllStress) {
  const Quality quality = measure(path_graph(3), std::vector<Position>(3));
  EXPECT_EQ(quality.stress, 1);
  EXPECT_EQ(quality.scale, 0);
  EXPECT_EQ(quality.edge_length_spread, 0);
}

TEST(GraphQuality, NodesWithoutEdgesHaveNone) {
  const Quality quality = measure(Graph{.nodes = 3}, std::vector<Position>{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}});
  EXPECT_EQ(quality.pairs, 0U);
  EXPECT_EQ(quality.stress, 0);
}

TEST(GraphQuality, RefusesWhatIsNotALayoutOfTheGraph) {
  EXPECT_THROW(static_cast<void>(measure(path_graph(3), std::vector<Position>(2))), InvalidArgument);
  std::vector<Position> places(3);
  places[1].y = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(static_cast<void>(measure(path_graph(3), places)), InvalidArgument);
}

}  // namespace
}  // namespace weir::graph::test
