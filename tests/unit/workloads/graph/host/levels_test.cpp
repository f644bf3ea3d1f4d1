// The host's kernels, level by level, against the bodies in plain loops: bit for bit, for every law, any number of
// nodes and any split of a step.
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/workloads/graph/held_layout.hpp"
#include "workloads/graph/host/levels.hpp"

namespace weir::graph::test {
namespace {

void run_by(const Level& level, const std::vector<PlanStep>& plan, const forces::Buffers& buffers,
            std::uint32_t parts) {
  for (const PlanStep& step : plan) {
    for (std::uint32_t round = 0; round < rounds_of(step); ++round) {
      for (std::uint32_t part = 0; part < parts; ++part) level.run(step, buffers, round, part, parts);
    }
  }
}

void expect_the_loops_bits(const Workload& workload, const std::vector<Position>& places,
                           const std::vector<Pair>& edges, int steps) {
  HeldLayout wanted(workload, places, edges);
  const std::vector<PlanStep> plan = wanted.plan_of(steps);
  wanted.loop(plan);
  for (const Level& level : levels()) {
    for (const std::uint32_t parts : {1U, 2U, 3U, 5U}) {
      HeldLayout found(workload, places, edges);
      run_by(level, plan, found.buffers(), parts);
      EXPECT_TRUE(same_bits(found, wanted))
          << level.name << ", " << parts << " parts, " << places.size() << " nodes, law "
          << static_cast<int>(workload.law.kind) << " in " << workload.dimensions;
    }
  }
}

TEST(GraphLevels, AllGiveTheBitsOfTheBodies) {
  for (const Workload& workload : all_laws()) {
    for (const std::uint32_t nodes : {1U, 2U, 17U, 256U, 257U, 600U, 1100U}) {
      expect_the_loops_bits(workload, spread_places(nodes, workload.dimensions, 10), random_edges(nodes, 2 * nodes), 2);
    }
  }
}

TEST(GraphLevels, TreesAreTheBodiesToo) {
  for (Workload workload : all_laws()) {
    workload.theta = 0.8F;
    for (const std::uint32_t nodes : {1U, 2U, 16U, 17U, 65U, 1000U, 3000U}) {
      expect_the_loops_bits(workload, spread_places(nodes, workload.dimensions, 20), random_edges(nodes, nodes), 3);
      expect_the_loops_bits(workload, clustered_places(nodes, workload.dimensions), random_edges(nodes, nodes), 1);
    }
    expect_the_loops_bits(workload, std::vector<Position>(520, {3, 4, 0}), {}, 3);
  }
}

TEST(GraphLevels, NodesAtOnePlaceAreTheBodiesToo) {
  for (const Workload& workload : all_laws()) {
    std::vector<Position> places = clustered_places(700, workload.dimensions);
    places[600] = places[3];    // tiles apart
    places[300] = places[299];  // in a tile
    places[698] = places[257];
    expect_the_loops_bits(workload, places, random_edges(700, 900), 2);
    expect_the_loops_bits(workload, std::vector<Position>(520, {3, 4, 0}), {}, 3);
  }
}

/// Two steps by the best level.
void expect_large_ones_stay_finite(const Workload& workload, const std::vector<Position>& places,
                                   const std::vector<Pair>& edges) {
  HeldLayout layout(workload, places, edges);
  run_by(choose_level(), layout.plan_of(2, 2, 1), layout.buffers(), 1);
  const float* const all = layout.floats(Memory::positions);
  bool moved = false;
  for (std::size_t i = 0; i < 3 * places.size(); ++i) ASSERT_TRUE(std::isfinite(all[i])) << i;
  for (std::uint32_t i = 0; i < places.size(); ++i)
    moved = moved || layout.vector_of(Memory::positions, i) != places[i];
  EXPECT_TRUE(moved);
}

// By all pairs, 100,000 nodes at one place would take minutes.
TEST(GraphLevels, AStarAndManyNodesAtOnePlaceTakeNoLongerThanOthers) {
  constexpr std::uint32_t leaves = 100'000;
  for (const LawKind kind : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
    const Workload workload{.law = usual_law(kind), .theta = 1.2F};
    expect_large_ones_stay_finite(workload, spread_places(leaves + 1, 2, 3000), star(leaves));
    expect_large_ones_stay_finite(workload, std::vector<Position>(leaves, {3, 3, 0}), {});
  }
}

TEST(GraphLevels, AnUnknownLevelIsRefusedWithThoseThereAre) {
  try {
    static_cast<void>(choose_level("x86-64-v9"));
    FAIL() << "not refused";
  } catch (const NotFound& refused) {
    EXPECT_NE(refused.message().find(std::string(levels().front().name)), std::string::npos) << refused.message();
  }
}

}  // namespace
}  // namespace weir::graph::test
