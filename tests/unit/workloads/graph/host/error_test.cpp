// How far the tree's forces are from those of all pairs: shares of each node's exact force, their mean and what 99 of
// 100 nodes stay below, for layouts that are even, in clusters of very different density, and of edges that have
// pulled.
#include <algorithm>
#include <cstdio>

#include <gtest/gtest.h>

#include "unit/workloads/graph/held_layout.hpp"
#include "workloads/graph/host/levels.hpp"

namespace weir::graph::test {
namespace {

void run_all(const std::vector<PlanStep>& plan, HeldLayout& layout) {
  const Level level = choose_level();
  for (const PlanStep& step : plan) {
    for (std::uint32_t round = 0; round < rounds_of(step); ++round) level.run(step, layout.buffers(), round, 0, 1);
  }
}
/// Repulsion alone: the steps up to where springs pull.
void repel(HeldLayout& layout) {
  run_all(plan_start(layout.workload()), layout);
  std::vector<PlanStep> plan = plan_step(layout.workload(), {});
  plan.erase(std::ranges::find(plan, forces::Body::attract, &PlanStep::body), plan.end());
  run_all(plan, layout);
}

struct Share {
  double mean = 0, of_99 = 0;
};
Share error_of(Workload workload, float theta, const std::vector<Position>& places, const std::vector<Pair>& edges) {
  HeldLayout exact(workload, places, edges);
  repel(exact);
  workload.theta = theta;
  HeldLayout near(workload, places, edges);
  repel(near);
  std::vector<double> shares, sizes;
  double mean = 0;
  for (std::uint32_t i = 0; i < places.size(); ++i) {
    const Position a = exact.vector_of(Memory::forces, i);
    sizes.push_back(std::hypot(double{a.x}, double{a.y}, double{a.z}));
    mean += sizes.back() / static_cast<double>(places.size());
  }
  Share share;
  for (std::uint32_t i = 0; i < places.size(); ++i) {
    const Position a = exact.vector_of(Memory::forces, i), b = near.vector_of(Memory::forces, i);
    const double off = std::hypot(double{b.x} - double{a.x}, double{b.y} - double{a.y}, double{b.z} - double{a.z});
    shares.push_back(off / std::max(sizes[i], mean));
    share.mean += shares.back() / static_cast<double>(places.size());
  }
  std::ranges::sort(shares);
  share.of_99 = shares[(shares.size() - 1) * 99 / 100];
  return share;
}

/// What edges between near places make of an even cloud in some steps.
std::vector<Position> pulled_places(unsigned dimensions, std::vector<Pair>& edges) {
  Places places(4);
  constexpr std::uint32_t nodes = 6000;
  for (std::uint32_t i = 0; i < nodes; ++i) {
    edges.emplace_back(i, (i + 1) % nodes);
    edges.emplace_back(i, (i + 2 + places.below(40)) % nodes);
  }
  HeldLayout layout({.dimensions = dimensions, .theta = 1.0F}, spread_places(nodes, dimensions, 40), edges);
  run_all(layout.plan_of(60, 2, 1), layout);
  std::vector<Position> pulled;
  for (std::uint32_t i = 0; i < nodes; ++i) pulled.push_back(layout.vector_of(Memory::positions, i));
  return pulled;
}

/// As forces/plan.hpp states them. Springs' forces cancel out but for few neighbours, so that errors are larger shares.
struct Bound {
  float theta;
  Share inverse, springs;
};
constexpr Bound bounds_of_all[] = {
    {0.5F, {0.005, 0.01}, {0.005, 0.02}}, {0.8F, {0.015, 0.03}, {0.025, 0.09}}, {1.2F, {0.035, 0.08}, {0.055, 0.2}}};

void expect_within(const char* name, const Workload& workload, const std::vector<Position>& places,
                   const std::vector<Pair>& edges) {
  for (const Bound& bound : bounds_of_all) {
    const Share found = error_of(workload, bound.theta, places, edges);
    std::printf("%s, law %d in %u, theta %.1f: %.2g on average, 99 of 100 below %.2g\n", name,
                static_cast<int>(workload.law.kind), workload.dimensions, double{bound.theta}, found.mean, found.of_99);
    const bool cut_off = workload.law.kind == LawKind::springs;  // then all of it may be near, and exact
    const Share allowed = cut_off ? bound.springs : bound.inverse;
    EXPECT_LE(found.mean, allowed.mean) << name << ", " << bound.theta;
    EXPECT_LE(found.of_99, allowed.of_99) << name << ", " << bound.theta;
    EXPECT_TRUE(cut_off || found.mean > 1e-5) << "nothing was approximated";
  }
}

TEST(GraphTreeError, IsWithinItsBounds) {
  for (const unsigned dimensions : {2U, 3U}) {
    std::vector<Pair> edges;
    const std::vector<Position> pulled = pulled_places(dimensions, edges);
    for (const LawKind kind : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
      Workload workload{.dimensions = dimensions, .law = usual_law(kind)};
      workload.law.cutoff = 20;
      expect_within("even", workload, spread_places(6000, dimensions, 40), {});
      expect_within("clustered", workload, clustered_places(6000, dimensions), {});
      expect_within("pulled", workload, pulled, edges);
    }
  }
}

TEST(GraphTreeError, AnOldOrderIsNoLessExact) {
  Workload workload{.theta = 0.8F};
  std::vector<Position> places = spread_places(5000, 2, 40);
  HeldLayout layout(workload, places, {});
  repel(layout);
  Places moved(9);
  float* const at = layout.floats(Memory::positions);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    at[3 * i] += moved.between(-3, 3);
    at[3 * i + 1] += moved.between(-3, 3);
    places[i] = layout.vector_of(Memory::positions, i);
  }
  std::vector<PlanStep> plan = plan_step(layout.workload(), {.sorts = false});
  plan.erase(std::ranges::find(plan, forces::Body::attract, &PlanStep::body), plan.end());
  run_all(plan, layout);
  workload.theta.reset();
  HeldLayout exact(workload, places, {});
  repel(exact);
  double mean = 0;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const Position a = exact.vector_of(Memory::forces, i), b = layout.vector_of(Memory::forces, i);
    mean +=
        std::hypot(double{a.x} - double{b.x}, double{a.y} - double{b.y}) / std::hypot(double{a.x}, double{a.y}) / 5000;
  }
  EXPECT_LE(mean, 0.02);
}

}  // namespace
}  // namespace weir::graph::test
