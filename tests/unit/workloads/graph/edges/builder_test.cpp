// Graphs from edges in any order: what is counted, what is sorted, what is refused; and each graph's rows against a
// plain search of its edges.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/edges/builder.hpp"

namespace weir::graph::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(GraphBuilder, SortsAndCountsWhatItLeavesOut) {
  GraphBuilder builder;
  builder.add(3, 1, 2.5F);
  builder.add(2, 2);
  builder.add(1, 3, 9);
  builder.add(0, 4);
  builder.add(3, 1, 7);
  builder.add(0, 1);
  const Graph graph = builder.finish(6);
  EXPECT_EQ(graph.nodes, 6U);
  EXPECT_THAT(graph.edges, ElementsAre(Edge{0, 1, 1}, Edge{0, 4, 1}, Edge{1, 3, 2.5F}));
  EXPECT_EQ(graph.self_loops, 1U);
  EXPECT_EQ(graph.duplicates, 2U);
  const Graph empty = builder.finish(0);
  EXPECT_EQ(empty.nodes, 0U);
  EXPECT_EQ(empty.self_loops + empty.duplicates + empty.edges.size(), 0U);
}

TEST(GraphBuilder, RefusesWhatNoGraphHas) {
  GraphBuilder builder;
  EXPECT_THROW(builder.add(0, max_nodes), InvalidArgument);
  EXPECT_THROW(builder.add(0, 1, 0), InvalidArgument);
  EXPECT_THROW(builder.add(0, 1, -1), InvalidArgument);
  EXPECT_THROW(builder.add(0, 1, std::numeric_limits<float>::quiet_NaN()), InvalidArgument);
  EXPECT_THROW(builder.add(0, 1, std::numeric_limits<float>::infinity()), InvalidArgument);
  builder.add(5, 5);
  EXPECT_THROW(static_cast<void>(builder.finish(5)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(builder.finish(max_nodes + 1)), InvalidArgument);
  EXPECT_EQ(builder.finish(6).self_loops, 1U);
}

/// What is added again and again takes no more room; one edge more than there may be is refused.
TEST(GraphBuilder, HoldsNoMoreThanTheMostEdges) {
  GraphBuilder builder;
  const auto add_all = [&] {
    for (std::uint32_t i = 0; i < max_edges; ++i) builder.add(i / 20, i / 20 + 1 + i % 20);
  };
  for (int round = 0; round < 3; ++round) add_all();
  builder.add(0, 600'000);
  try {
    static_cast<void>(builder.finish(max_nodes));
    FAIL() << "one edge too many";
  } catch (const LimitExceeded& error) {
    EXPECT_THAT(error.message(), HasSubstr("more than 10000000 different edges"));
    EXPECT_EQ(error.facts().limit, max_edges);
  }
}

TEST(GraphAdjacency, RowsAreWhatASearchOfTheEdgesFinds) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    GraphBuilder builder;
    const auto drawn = [&](unsigned count) { return static_cast<std::uint32_t>(random() % count); };
    const std::uint32_t nodes = 1 + drawn(40), tries = drawn(200);
    for (std::uint32_t i = 0; i < tries; ++i) {
      builder.add(drawn(nodes), drawn(nodes), 1 + static_cast<float>(drawn(100)));
    }
    const Graph graph = builder.finish(nodes);
    const Adjacency adjacency = adjacency_of(graph);
    ASSERT_EQ(adjacency.nodes(), nodes);
    EXPECT_EQ(tries, graph.edges.size() + graph.self_loops + graph.duplicates);
    std::vector<std::uint32_t> columns, offsets{0};
    std::vector<float> weights;
    for (std::uint32_t node = 0; node < nodes; ++node) {
      for (std::uint32_t other = 0; other < nodes; ++other) {
        for (const Edge& edge : graph.edges) {
          if (!(edge.source == node && edge.target == other) && !(edge.source == other && edge.target == node))
            continue;
          columns.push_back(other);
          weights.push_back(edge.weight);
        }
      }
      offsets.push_back(static_cast<std::uint32_t>(columns.size()));
    }
    EXPECT_EQ(adjacency.offsets, offsets);
    EXPECT_EQ(adjacency.columns, columns);
    EXPECT_EQ(adjacency.weights, weights);
  }
}

TEST(GraphAdjacency, AGraphMayHaveNoEdgesAndNoNodes) {
  EXPECT_THAT(adjacency_of({}).offsets, ElementsAre(0U));
  Graph three;
  three.nodes = 3;
  EXPECT_THAT(adjacency_of(three).offsets, ElementsAre(0U, 0U, 0U, 0U));
}

}  // namespace
}  // namespace weir::graph::test
