// Components of graphs, and the gravity that keeps several together.
#include "workloads/graph/layout/components.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

TEST(GraphComponents, AreNumberedByTheirFirstNodes) {
  const Graph graph{.nodes = 7, .edges = {{0, 6, 1}, {1, 5, 1}, {2, 3, 1}, {3, 5, 1}}};
  const Components components = components_of(graph);
  EXPECT_EQ(components.of, (std::vector<std::uint32_t>{0, 1, 1, 1, 2, 1, 0}));
  EXPECT_EQ(components.sizes, (std::vector<std::uint32_t>{2, 4, 1}));
}

TEST(GraphComponents, OfOneGridThereIsOne) {
  EXPECT_EQ(components_of(grid_graph(300, 200)).sizes, std::vector<std::uint32_t>{60'000});
  EXPECT_TRUE(components_of(Graph{}).sizes.empty());
}

TEST(GraphComponents, OnlySeveralAreGathered) {
  const Law law = usual_law(LawKind::fruchterman_reingold);
  EXPECT_EQ(gathering(law, components_of(grid_graph(3, 3))).gravity, 0);
  EXPECT_GT(gathering(law, components_of(Graph{.nodes = 2})).gravity, 0);
  Law own = law;
  own.gravity = 5;
  EXPECT_EQ(gathering(own, components_of(Graph{.nodes = 2})).gravity, 5);
  const Law atlas = usual_law(LawKind::force_atlas_2);
  EXPECT_EQ(gathering(atlas, components_of(Graph{.nodes = 2})).gravity, atlas.gravity);
}

}  // namespace
}  // namespace weir::graph::test
