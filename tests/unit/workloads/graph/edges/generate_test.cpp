// Generated graphs: their sizes, their shapes, and that a seed tells all.
#include <algorithm>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

std::uint32_t greatest_degree(const Adjacency& adjacency) {
  std::uint32_t greatest = 0;
  for (std::uint32_t node = 0; node < adjacency.nodes(); ++node) greatest = std::max(greatest, adjacency.degree(node));
  return greatest;
}

TEST(GraphGenerate, AGridHasANodeEachCrossing) {
  const Graph graph = grid_graph(7, 5);
  EXPECT_EQ(graph.nodes, 35U);
  EXPECT_EQ(graph.edges.size(), 6U * 5 + 7 * 4);
  EXPECT_TRUE(std::all_of(graph.edges.begin(), graph.edges.end(), [](const Edge& edge) {
    const bool across = edge.target == edge.source + 1 && edge.source % 7 != 6;
    return across || edge.target == edge.source + 7;
  }));
  EXPECT_EQ(grid_graph(1, 1).edges.size(), 0U);
  EXPECT_EQ(grid_graph(1'000, 1'000).nodes, max_nodes);
  EXPECT_THROW(static_cast<void>(grid_graph(0, 5)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(grid_graph(65'536, 65'536)), InvalidArgument);
}

TEST(GraphGenerate, PreferenceMakesFewNodesRich) {
  const Graph graph = preferential_graph(5'000, 3, 11);
  EXPECT_EQ(graph.nodes, 5'000U);
  EXPECT_EQ(graph.edges.size(), (5'000U - 3) * 3);
  EXPECT_EQ(graph.self_loops + graph.duplicates, 0U);
  const Adjacency adjacency = adjacency_of(graph);
  for (std::uint32_t node = 3; node < graph.nodes; ++node) ASSERT_GE(adjacency.degree(node), 3U);
  // The greatest grows with the root of the nodes; without preference it would be near 20.
  EXPECT_GT(greatest_degree(adjacency), 80U);
  EXPECT_EQ(graph.edges, preferential_graph(5'000, 3, 11).edges);
  EXPECT_NE(graph.edges, preferential_graph(5'000, 3, 12).edges);
  EXPECT_EQ(preferential_graph(4, 3, 1).edges.size(), 3U);
  EXPECT_THROW(static_cast<void>(preferential_graph(3, 3, 1)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(preferential_graph(30, 0, 1)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(preferential_graph(max_nodes, 11, 1)), InvalidArgument);
}

TEST(GraphGenerate, APowerLawLeavesManyNodesAlone) {
  const Graph graph = power_law_graph(12, 20'000, 5);
  EXPECT_EQ(graph.nodes, 4'096U);
  EXPECT_EQ(graph.edges.size() + graph.self_loops + graph.duplicates, 20'000U);
  EXPECT_GT(graph.edges.size(), 14'000U);
  EXPECT_GT(greatest_degree(adjacency_of(graph)), 300U);
  EXPECT_EQ(graph.edges, power_law_graph(12, 20'000, 5).edges);
  EXPECT_NE(graph.edges, power_law_graph(12, 20'000, 6).edges);
  EXPECT_EQ(power_law_graph(0, 9, 1).self_loops, 9U);
  EXPECT_THROW(static_cast<void>(power_law_graph(20, 1, 1)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(power_law_graph(40, 1, 1)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(power_law_graph(10, max_edges + 1, 1)), InvalidArgument);
}

/// On every machine: the last edges of each, as they were drawn when this was written.
TEST(GraphGenerate, ASeedTellsAll) {
  EXPECT_EQ(preferential_graph(1'000, 2, 1).edges.back(), (Edge{935, 979, 1}));
  EXPECT_EQ(power_law_graph(10, 5'000, 1).edges.back(), (Edge{832, 871, 1}));
}

}  // namespace
}  // namespace weir::graph::test
