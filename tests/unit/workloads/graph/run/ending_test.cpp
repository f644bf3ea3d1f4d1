// How runs end: settled only where nodes rest, whatever the scale of weights; and soon where they are stopped or their
// time has passed, wherever they are.
#include <array>
#include <chrono>
#include <cmath>
#include <thread>

#include <gtest/gtest.h>

#include "unit/workloads/graph/run/kept_frames.hpp"
#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/files/read_graph.hpp"

namespace weir::graph::test {
namespace {

Layout laid_out(const Graph& graph, RunSettings settings) {
  MemoryManager memory = memory_on("host");
  settings.threads = 2;
  settings.frames = FrameMode::none;
  return run(graph, settings, memory, nullptr);
}

constexpr std::array laws{LawKind::fruchterman_reingold, LawKind::force_atlas_2};

TEST(GraphEnding, NormalGraphsComeToRest) {
  std::vector<Graph> graphs{grid_graph(30, 30), preferential_graph(1'000, 2, 1)};
  if (const std::string file = WEIR_SHARED_DATA "/graph/netscience.mtx"; std::filesystem::exists(file))
    graphs.push_back(read_graph(file, {}).graph);
  for (const Graph& graph : graphs) {
    for (const LawKind law : laws) {
      const RunReport report = laid_out(graph, {.law = law}).report;
      EXPECT_TRUE(report.settled) << graph.nodes << " nodes, law " << static_cast<int>(law);
      EXPECT_LT(report.steps, 300U);
      EXPECT_LT(report.stress, 0.2);
    }
  }
}

// Damped as the law says, they would creep for some ten thousand steps.
TEST(GraphEnding, SpringsOfSomeHundredNodesComeToRest) {
  for (const Graph& graph : {grid_graph(15, 15), grid_graph(30, 30), preferential_graph(200, 2, 1),
                             preferential_graph(500, 2, 1), preferential_graph(1'000, 2, 1)}) {
    for (const bool coarsen : {true, false}) {
      double last = 1;
      RunSettings settings{.law = LawKind::springs, .coarsen = coarsen};
      settings.progress = [&](std::uint64_t, double movement) { last = movement; };
      const RunReport report = laid_out(graph, settings).report;
      EXPECT_TRUE(report.settled || !coarsen) << graph.nodes << " nodes, " << graph.edges.size() << " edges";
      // Of springs that are 80 long; a step without damping lasts longer than others.
      EXPECT_LT(last, report.settled ? 0.01 : 0.1) << graph.nodes << " nodes";
    }
  }
}

TEST(GraphEnding, WhatItsStepsCutShortIsNotSettled) {
  for (const LawKind law : laws) {
    for (const bool coarsen : {false, true}) {
      for (const std::uint64_t steps : {1U, 2U, 3U}) {
        const RunReport report =
            laid_out(grid_graph(30, 30), {.law = law, .max_steps = steps, .coarsen = coarsen}).report;
        EXPECT_FALSE(report.settled && !coarsen) << steps << " steps of law " << static_cast<int>(law);
        EXPECT_EQ(report.steps, steps);
        EXPECT_FALSE(report.driver_calls_after_warm_up) << "none came after ten steps";
      }
    }
  }
}

// Powers of two change no digit on the way; what others change is rounding.
TEST(GraphEnding, TheScaleOfWeightsChangesNothing) {
  for (const LawKind law : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
    Graph graph = preferential_graph(500, 2, 3);
    const RunSettings settings{.law = law};
    const RunReport usual = laid_out(graph, settings).report;
    for (const float weight : {0x1p-20F, 0x1p20F, 1e-6F, 1e6F}) {
      for (Edge& edge : graph.edges) edge.weight = weight;
      const RunReport report = laid_out(graph, settings).report;
      EXPECT_NEAR(report.stress, usual.stress, 0.1 * usual.stress) << weight;
      if (weight == 0x1p-20F || weight == 0x1p20F) {
        EXPECT_EQ(report.checksum, usual.checksum) << weight << ", law " << static_cast<int>(law);
      }
    }
  }
}

TEST(GraphEnding, AStopBeforeTheFirstStepMakesNone) {
  const std::atomic<bool> stop{true};
  Graph graph = grid_graph(200, 200);
  graph.nodes += 20'000;  // without edges
  const Layout layout = laid_out(graph, {.stop = &stop});
  EXPECT_TRUE(layout.report.stopped);
  EXPECT_FALSE(layout.report.settled);
  EXPECT_EQ(layout.report.steps, 0U);
  EXPECT_EQ(layout.report.coarse_steps, 0U);
  EXPECT_EQ(layout.positions.size(), graph.nodes);
  EXPECT_GT(layout.report.stress, 0);
}

TEST(GraphEnding, TheGraphItselfGetsHalfOfTheTime) {
  RunSettings settings{.max_seconds = 0.5};
  settings.theta = 0.1;  // which makes a step of a coarser graph long
  const RunReport report = laid_out(grid_graph(300, 300), settings).report;
  EXPECT_GT(report.steps, 0U);
  EXPECT_GT(report.step_seconds, 0);
  EXPECT_LE(report.step_seconds, report.seconds);
}

// Each step lasts 50 ms at least, as on a large graph, of which two are queued while one is looked at.
TEST(GraphEnding, NoStepIsQueuedThatWouldEndPastTheLimit) {
  RunSettings settings{.max_seconds = 0.5, .coarsen = false};
  settings.progress = [](std::uint64_t, double) { std::this_thread::sleep_for(std::chrono::milliseconds(50)); };
  EXPECT_LE(laid_out(grid_graph(100, 100), settings).report.steps, 10U);
}

TEST(GraphEnding, AHubOfManySpringsStaysInItsPlace) {
  Graph star;
  star.nodes = 4'001;
  for (std::uint32_t i = 1; i < star.nodes; ++i) star.edges.push_back({0, i, 1});
  double last = 0;
  RunSettings settings{.law = LawKind::springs, .max_steps = 600, .coarsen = false};
  settings.progress = [&](std::uint64_t, double movement) { last = movement; };
  const Layout layout = laid_out(star, settings);
  EXPECT_LT(last, 0.5);
  EXPECT_LT(std::hypot(layout.positions[0].x, layout.positions[0].y), 100);
}

}  // namespace
}  // namespace weir::graph::test
