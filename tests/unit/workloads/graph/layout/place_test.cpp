// Where layouts start: that a seed tells all, that finer nodes are near their coarse ones, and that the size is the
// one at which a law's pushes and pulls balance, by the law in plain loops.
#include "workloads/graph/layout/place.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

double place_distance(const Position& a, const Position& b) {
  return std::hypot(double{a.x} - b.x, double{a.y} - b.y, double{a.z} - b.z);
}

/// Σ force·place of all pushes, and of all pulls.
struct Work {
  double pushes = 0, pulls = 0;
};
Work work_of(const Graph& graph, const Law& law, const std::vector<Position>& places) {
  Work work;
  const Adjacency neighbours = adjacency_of(graph);
  const bool atlas = law.kind == LawKind::force_atlas_2;
  for (std::uint32_t i = 0; i < graph.nodes; ++i) {
    const double mass = atlas ? 1.0 + neighbours.degree(i) : 1.0;
    const double far = place_distance(places[i], {});
    work.pulls += law.gravity * mass * (atlas ? far : far * far);
    for (std::uint32_t j = 0; j < i; ++j) {
      const double distance = place_distance(places[i], places[j]);
      const double push = atlas ? law.repulsion * mass * (1.0 + neighbours.degree(j)) / distance
                                : double{law.length} * law.length / distance;
      work.pushes += push * distance;
    }
  }
  for (const Edge& edge : graph.edges) {
    const double distance = place_distance(places[edge.source], places[edge.target]);
    const double pull = atlas ? law.attraction * distance : distance * distance / law.length;
    work.pulls += edge.weight * pull * distance;
  }
  return work;
}

Graph weighted_grid() {
  Graph graph = grid_graph(9, 7);
  for (std::size_t i = 0; i < graph.edges.size(); ++i) graph.edges[i].weight = 1 + static_cast<float>(i % 4);
  return graph;
}

TEST(GraphPlace, ChancePlacesAreTheSeeds) {
  const std::vector<Position> places = random_places(1000, 2, 7);
  EXPECT_EQ(places, random_places(1000, 2, 7));
  EXPECT_NE(places, random_places(1000, 2, 8));
  double sum = 0;
  for (const Position& at : places) {
    EXPECT_EQ(at.z, 0);
    EXPECT_LE(std::max(std::fabs(at.x), std::fabs(at.y)), std::sqrt(1000.0) / 2);
    sum += at.x;
  }
  EXPECT_NEAR(sum / 1000, 0, 1);
  bool deep = false;
  for (const Position& at : random_places(100, 3, 7)) deep = deep || std::fabs(at.z) > 1;
  EXPECT_TRUE(deep);
}

TEST(GraphPlace, FinerNodesAreByTheirCoarseOnes) {
  const Graph grid = grid_graph(20, 20);
  const std::vector<CoarseLevel> levels = coarsen(grid);
  // Each coarse node in the middle of what it stands for, on the grid itself.
  std::vector<Position> coarse(levels[0].graph.nodes);
  for (std::uint32_t node = 0; node < grid.nodes; ++node) {
    Position& at = coarse[levels[0].coarse_of[node]];
    const float share = 1 / levels[0].masses[levels[0].coarse_of[node]];
    at.x += share * static_cast<float>(node % 20);
    at.y += share * static_cast<float>(node / 20);
  }
  const Adjacency neighbours = adjacency_of(grid);
  const std::vector<Position> fine = prolong(levels[0], neighbours, coarse, 2, 3);
  EXPECT_EQ(fine, prolong(levels[0], neighbours, coarse, 2, 3));
  EXPECT_NE(fine, prolong(levels[0], neighbours, coarse, 2, 4));
  double miss = 0;
  for (std::uint32_t node = 0; node < grid.nodes; ++node) {
    const Position right{static_cast<float>(node % 20), static_cast<float>(node / 20), 0};
    EXPECT_EQ(fine[node].z, 0);
    EXPECT_LT(place_distance(fine[node], right), 3);
    miss += place_distance(fine[node], right) / grid.nodes;
    for (std::uint32_t other = 0; other < node; ++other) EXPECT_GT(place_distance(fine[node], fine[other]), 0);
  }
  EXPECT_LT(miss, 0.8);
}

TEST(GraphPlace, SizesBalanceTheLaw) {
  const Graph graph = weighted_grid();
  for (const LawKind kind : {LawKind::fruchterman_reingold, LawKind::force_atlas_2}) {
    for (const float gravity : {0.0F, 0.7F}) {
      Law law = usual_law(kind);
      law.gravity = gravity;
      law.length = 3;
      std::vector<Position> places = random_places(graph.nodes, 3, 5);
      for (Position& at : places) at.x += 1000;
      fit(graph, law, places);
      const Work work = work_of(graph, law, places);
      EXPECT_NEAR(work.pulls / work.pushes, 1, 1e-3) << "law " << static_cast<int>(kind) << " gravity " << gravity;
    }
  }
}

TEST(GraphPlace, SpringsGetTheirLength) {
  Law law = usual_law(LawKind::springs);
  const Graph path{.nodes = 3, .edges = {{0, 1, 1}, {1, 2, 1}}};
  std::vector<Position> places{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
  fit(path, law, places);
  EXPECT_NEAR(place_distance(places[0], places[1]), law.length, 1e-3);
}

TEST(GraphPlace, SizesStayWhereNothingPulls) {
  std::vector<Position> places{{0, 0, 0}, {2, 0, 0}};
  fit(Graph{.nodes = 2}, usual_law(LawKind::fruchterman_reingold), places);
  EXPECT_EQ(places, (std::vector<Position>{{-1, 0, 0}, {1, 0, 0}}));
}

TEST(GraphPlace, LengthsAreOfEdgesOrOfAnEvenSpread) {
  const std::vector<Position> places{{0, 0, 0}, {3, 4, 0}, {3, 5, 0}, {0, 0, 10}};
  EXPECT_NEAR(mean_length(Graph{.nodes = 4, .edges = {{0, 1, 1}, {1, 2, 1}}}, places), 3, 1e-9);
  EXPECT_NEAR(mean_length(Graph{.nodes = 4}, places), 5, 1e-9);
}

/// Places of a lattice with steps of `step`, within `radius` of its middle, which is not the origin.
std::vector<Position> lattice_ball(int radius, float step, unsigned dimensions) {
  std::vector<Position> places;
  const int high = dimensions == 3 ? radius : 0;
  for (int z = -high; z <= high; ++z) {
    for (int y = -radius; y <= radius; ++y) {
      for (int x = -radius; x <= radius; ++x) {
        if (x * x + y * y + z * z > radius * radius) continue;
        const auto along = [&](int at) { return 100 + step * static_cast<float>(at); };
        places.push_back({along(x), along(y), dimensions == 3 ? along(z) : 0});
      }
    }
  }
  return places;
}

TEST(GraphPlace, NeighboursAreAsFarApartAsPlacesInADiscOrABall) {
  EXPECT_NEAR(spacing_of(lattice_ball(30, 0.5F, 2), 2), 0.5, 0.01);
  EXPECT_NEAR(spacing_of(lattice_ball(12, 4, 3), 3), 4, 0.1);
  EXPECT_EQ(spacing_of({}, 2), 0);
  EXPECT_EQ(spacing_of(std::vector<Position>(7, {1e6F, 1e6F, 0}), 2), 0);
}

}  // namespace
}  // namespace weir::graph::test
