// The laws against plain code in double precision: repulsion, springs and movement of a step, sums and speeds; layouts
// that are hard on them; and what is refused.
#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/workloads/graph/plain_forces.hpp"

namespace weir::graph::test {
namespace {

std::string what(const Workload& workload) {
  return "law " + std::to_string(static_cast<int>(workload.law.kind)) + (workload.law.logarithmic ? "L" : "") + " in " +
         std::to_string(workload.dimensions);
}

/// The largest difference, by the largest of what is wanted.
double worst_share(HeldLayout& layout, Memory memory, const std::vector<Triple>& wanted) {
  double worst = 0, largest = 0;
  for (std::uint32_t i = 0; i < wanted.size(); ++i) {
    const Triple found = triple_of(layout.vector_of(memory, i));
    worst = std::max(worst, length(found - wanted[i]));
    largest = std::max(largest, length(wanted[i]));
  }
  return worst / largest;
}

std::vector<Workload> laws_with_gravity() {
  std::vector<Workload> all = all_laws();
  for (Workload& each : all) each.law.gravity = 0.3F;
  return all;
}

TEST(GraphLaws, ForcesAreThoseOfPlainCode) {
  for (const Workload& workload : laws_with_gravity()) {
    const std::vector<Position> places = spread_places(500, workload.dimensions, 30);
    const std::vector<Pair> edges = random_edges(500, 1200);
    HeldLayout layout(workload, places, edges);
    layout.loop(layout.plan_of(1));
    EXPECT_LT(worst_share(layout, Memory::forces, plain_forces(workload, places, edges)), 2e-5) << what(workload);
  }
}

TEST(GraphLaws, SpringsAreRepelledBelowTheCutoffAloneAndByTheCap) {
  Workload workload{.dimensions = 2, .law = usual_law(LawKind::springs)};
  workload.law.centring = 0;
  workload.law.gravity = 0;
  const auto force_at = [&](float distance) {
    HeldLayout layout(workload, {{0, 0, 0}, {distance, 0, 0}}, {});
    layout.loop(layout.plan_of(1));
    return layout.vector_of(Memory::forces, 1).x;
  };
  EXPECT_FLOAT_EQ(force_at(100), 800 / (10'000 + 0.001F));
  EXPECT_GT(force_at(199.9F), 0);
  EXPECT_EQ(force_at(200), 0);
  EXPECT_EQ(force_at(1000), -(1000 - 960));  // what the boundary pulls it back with
  EXPECT_FLOAT_EQ(force_at(3), 50);
}

TEST(GraphLaws, NodesMoveAsPlainCodeMovesThem) {
  for (const Workload& workload : laws_with_gravity()) {
    const std::vector<Position> places = spread_places(300, workload.dimensions, 30);
    HeldLayout layout(workload, places, random_edges(300, 600));
    layout.loop(layout.plan_of(1));
    const float limit = workload.law.kind == LawKind::springs ? workload.law.max_velocity : 0.5F;
    const Motion wanted = plain_motion(layout, places, limit);
    EXPECT_LT(worst_share(layout, Memory::velocities, wanted.velocities), 1e-5) << what(workload);
    EXPECT_LT(worst_share(layout, Memory::positions, wanted.positions), 1e-6) << what(workload);
    Figures figures{};
    std::memcpy(&figures, layout.floats(Memory::figures), sizeof(figures));
    EXPECT_NEAR(figures.mean_energy / wanted.energy, 1, 1e-5) << what(workload);
    EXPECT_NEAR(figures.mean_movement / wanted.movement, 1, 1e-5) << what(workload);
  }
}

// One node on the boundary's side of the origin, which swings through it.
TEST(GraphLaws, FreeSpringsStopWhereTheirEnergyFalls) {
  Workload workload{.dimensions = 2, .law = usual_law(LawKind::springs)};
  workload.law.centring = 1;
  HeldLayout layout(workload, {{100, 0, 0}}, {});
  layout.loop(plan_start(layout.workload()));
  Figures before{}, figures{};
  int stops = 0;
  for (int step = 0; step < 200; ++step) {
    layout.loop(plan_step(layout.workload(), {.free = true}));
    std::memcpy(&figures, layout.floats(Memory::figures), sizeof(figures));
    if (step > 0 && before.speed == 0) {
      EXPECT_EQ(figures.mean_energy, 0) << "it goes on in step " << step;
      EXPECT_EQ(figures.speed, 1) << "it stays";
      ++stops;
    } else {
      EXPECT_EQ(figures.speed == 0, step > 0 && figures.mean_energy < before.mean_energy) << step;
    }
    before = figures;
  }
  EXPECT_GE(stops, 3);
  EXPECT_LT(std::abs(layout.vector_of(Memory::positions, 0).x), 1) << "each stop is nearer to where it rests";
}

TEST(GraphLaws, SpeedFollowsTheSwinging) {
  Workload workload{.dimensions = 2, .law = usual_law(LawKind::force_atlas_2)};
  HeldLayout layout(workload, spread_places(500, 2, 30), random_edges(500, 900));
  layout.loop(plan_start(layout.workload()));
  PlainSpeed speed;
  for (int step = 0; step < 30; ++step) {
    std::vector<Triple> before;
    for (std::uint32_t i = 0; i < 500; ++i) before.push_back(triple_of(layout.vector_of(Memory::previous_forces, i)));
    layout.loop(plan_step(layout.workload(), {.max_movement = 10}));
    speed.adapt(layout, before);
    Figures figures{};
    std::memcpy(&figures, layout.floats(Memory::figures), sizeof(figures));
    ASSERT_NEAR(figures.swinging / speed.swinging, 1, 1e-4) << step;
    ASSERT_NEAR(figures.traction / speed.traction, 1, 1e-4) << step;
    ASSERT_NEAR(figures.speed / speed.speed, 1, 1e-3) << step;
    ASSERT_NEAR(figures.efficiency / speed.efficiency, 1, 1e-3) << step;
  }
  EXPECT_NE(speed.speed, 1) << "the speed never changed";
}

TEST(GraphLaws, LogarithmsArePreciseWhereverDistancesAre) {
  for (double a = 1e-30; a < 1e38; a *= 1.07) {
    const auto x = static_cast<float>(a);
    const double wanted = std::log1p(double{x});
    ASSERT_NEAR(double{forces::log_1_plus(x)} / wanted, 1, 4e-7) << x;
  }
  EXPECT_EQ(forces::log_1_plus(0.0F), 0.0F);
}

/// Moves some steps; all that nodes have stays finite.
void expect_it_moves_and_stays_finite(HeldLayout layout, const std::string& whose) {
  const std::vector<std::uint32_t> before = layout.at(Memory::positions);
  layout.loop(layout.plan_of(4, 2));
  for (const Memory memory : {Memory::positions, Memory::velocities, Memory::forces}) {
    const float* const all = layout.floats(memory);
    for (std::size_t i = 0; i < layout.at(memory).size(); ++i) ASSERT_TRUE(std::isfinite(all[i])) << whose << ", " << i;
  }
  if (layout.workload().nodes > 1) {
    EXPECT_NE(layout.at(Memory::positions), before) << whose;
  }
}

TEST(GraphLaws, AwkwardLayoutsStayFinite) {
  for (Workload workload : all_laws()) {
    for (const std::optional<float> theta : {std::optional<float>{}, std::optional<float>{1}}) {
      workload.theta = theta;
      const std::string whose = what(workload) + (theta ? " by the tree" : "");
      expect_it_moves_and_stays_finite({workload, {{5, 5, 0}}, {}}, whose + ": one node");
      expect_it_moves_and_stays_finite({workload, spread_places(40, 2, 5), {}}, whose + ": no edges");
      expect_it_moves_and_stays_finite({workload, std::vector<Position>(300, {1, 2, 0}), random_edges(300, 500)},
                                       whose + ": all at one place");
      expect_it_moves_and_stays_finite({workload, {{1e-20F, 0, 0}, {0, 0, 0}, {0, 1e-22F, 0}}, {{0, 1}}},
                                       whose + ": places whose distances have no square");
      expect_it_moves_and_stays_finite({workload, {{1e9F, 0, 0}, {-1e9F, 1e9F, 0}, {0, 0, 0}}, {{0, 1}}},
                                       whose + ": places far off");
    }
  }
}

TEST(GraphLaws, NodesAtOnePlacePartInOppositeWays) {
  for (const Workload& workload : all_laws()) {
    HeldLayout layout(workload, {{7, 7, 0}, {7, 7, 0}}, {});
    layout.loop(plan_start(layout.workload()));
    layout.loop({plan_step(layout.workload(), {}).at(0), plan_step(layout.workload(), {}).at(1)});
    const Position a = layout.vector_of(Memory::forces, 0), b = layout.vector_of(Memory::forces, 1);
    EXPECT_NE(a.x, 0) << what(workload);
    EXPECT_EQ(a, (Position{-b.x, -b.y, -b.z})) << what(workload);
  }
}

TEST(GraphLaws, WhatHasNoPlaceIsRefusedWithTheNode) {
  const float none = std::numeric_limits<float>::quiet_NaN(), endless = std::numeric_limits<float>::infinity();
  for (const float bad : {none, endless, -endless, 1.1e9F}) {
    std::vector<Position> places(5);
    places[3].y = bad;
    try {
      require_finite(places);
      FAIL() << bad << " is not refused";
    } catch (const InvalidArgument& refused) {
      EXPECT_NE(refused.message().find("node 3"), std::string::npos) << refused.message();
    }
  }
  EXPECT_NO_THROW(require_finite(std::vector<Position>(5, {1e9F, -1e9F, 0})));
}

TEST(GraphLaws, SettingsOutOfRangeAreRefusedByName) {
  const auto refuses = [](const Workload& workload, const std::string& named) {
    try {
      static_cast<void>(needs_of(workload));
      FAIL() << named << " is not refused";
    } catch (const InvalidArgument& refused) {
      EXPECT_NE(refused.message().find(named), std::string::npos) << refused.message();
    }
  };
  refuses({.nodes = 0}, "number of nodes");
  refuses({.nodes = max_nodes + 1}, "number of nodes");
  refuses({.nodes = 1, .edges = max_edges + 1}, "number of edges");
  refuses({.nodes = 1, .dimensions = 4}, "dimensions");
  refuses({.nodes = 1, .theta = 0.01F}, "opening");
  refuses({.nodes = 1, .law = {.length = 0}}, "length");
  refuses({.nodes = 1, .law = {.damping = 2}}, "damping");
  EXPECT_THROW(static_cast<void>(plan_step({.nodes = 1}, {.max_movement = -1})), InvalidArgument);
}

}  // namespace
}  // namespace weir::graph::test
