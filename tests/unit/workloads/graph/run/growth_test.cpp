// Graphs that change while they are laid out: no frame is lost, old contents are not copied once a buffer has its
// range, and the pool needs no driver between two changes. And runs by way of coarser graphs, which use the same
// buffers.
#include <cmath>
#include <map>

#include "open_backend.hpp"
#include "unit/workloads/graph/run/kept_frames.hpp"
#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

using namespace weir::literals;

/// Keeps the number of nodes of each frame, and whether all are where a node can be.
class Sizes : public FrameSink {
 public:
  void take(const Frame& frame) override {
    EXPECT_EQ(frame.step, sizes.size() + 1);
    EXPECT_EQ(frame.positions.size(), frame.velocities.size());
    sizes.push_back(frame.positions.size());
    for (std::size_t i = 0; i < frame.positions.size(); i += 97) {
      finite = finite && std::isfinite(frame.positions[i].x) && std::isfinite(frame.velocities[i].y);
    }
  }
  std::vector<std::size_t> sizes;
  bool finite = true;
};

/// New nodes, each with edges to two earlier ones.
void add_nodes(Changes& changes, std::uint32_t nodes, std::uint32_t more) {
  for (std::uint32_t i = 0; i < more; ++i) {
    const auto value = static_cast<float>(i);
    changes.added_nodes.push_back({std::fmod(value, 311.0F), std::fmod(value * 0.7F, 289.0F), 0});
    changes.added_edges.push_back({nodes + i, i, 1});
    if (i > 0) changes.added_edges.push_back({nodes + i, nodes + i - 1, 1});
  }
}

class GrowingGraphOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { WEIR_NEEDS_BACKEND(std::string(GetParam())) }
};

TEST_P(GrowingGraphOn, ToAMillionNodesWhileItRuns) {
  const bool on_vulkan = std::string(GetParam()) == "vulkan";
  const std::uint32_t last = on_vulkan ? 2'500 : max_nodes;
  MemoryManager memory(open_device({.backend = GetParam()}), {.name = "graph", .pool = {.limit = 2_GiB}});
  const bool in_place = memory.device().facts().virtual_memory && !on_vulkan;
  std::uint32_t nodes = 1'000;
  std::vector<std::size_t> expected{nodes};
  std::map<std::string, std::uint64_t> moved;  // bytes that were copied when a buffer got its range
  RunSettings settings{.max_steps = 18, .threads = 2, .frames = FrameMode::every, .coarsen = false, .measure = false};
  settings.change = [&](std::uint64_t steps, Changes& changes) {
    EXPECT_EQ(steps, expected.size());
    for (const BufferStatistics& each : memory.report().buffers) {
      const auto known = moved.find(each.name);
      if (known == moved.end() && each.grows_in_place) moved[each.name] = each.bytes_moved;
      if (known != moved.end() && in_place) {
        EXPECT_EQ(each.bytes_moved, known->second) << each.name << " at " << nodes;
      }
    }
    const std::uint32_t more = std::min(nodes + nodes / 4, last - nodes);
    if (steps % 2 == 1 && more > 0) {
      add_nodes(changes, nodes, more);
      nodes += more;
    }
    expected.push_back(nodes);
  };
  Sizes sink;
  const Layout layout = run(grid_graph(50, 20), settings, memory, &sink);
  EXPECT_EQ(sink.sizes, expected);
  EXPECT_TRUE(sink.finite);
  EXPECT_EQ(layout.report.frames, layout.report.steps);
  EXPECT_EQ(layout.report.frames_dropped, 0U);
  EXPECT_EQ(layout.report.nodes, nodes);
  EXPECT_EQ(layout.positions.size(), nodes);
  if (in_place) {
    EXPECT_GE(moved.size(), 8U);
    EXPECT_GT(layout.report.resizes_in_place, 0U);
  }
  EXPECT_EQ(memory.check_leaks().blocks, 0U);
}

TEST_P(GrowingGraphOn, ChangesGiveTheSameInEveryMode) {
  MemoryManager memory = memory_on(GetParam());
  const auto settings_for = [](FrameMode mode) {
    RunSettings settings{.max_steps = 24, .threads = 1, .frames = mode, .coarsen = false};
    settings.change = [](std::uint64_t steps, Changes& changes) {
      if (steps == 6) add_nodes(changes, 100, 30);
      if (steps == 9) changes.removed_nodes = {5, 128, 60};
      if (steps == 10) changes.removed_edges = {{0, 1}};
    };
    return settings;
  };
  Kept sync;
  const Layout reference = run(grid_graph(10, 10), settings_for(FrameMode::sync), memory, &sync);
  EXPECT_EQ(reference.report.nodes, 127U);
  ASSERT_EQ(sync.frames.size(), reference.report.steps);
  EXPECT_EQ(sync.frames.at(6).positions.size(), 100U);
  EXPECT_EQ(sync.frames.at(7).positions.size(), 130U);
  EXPECT_EQ(sync.frames.at(10).positions.size(), 127U);
  for (const FrameMode mode : {FrameMode::latest, FrameMode::every}) {
    Kept kept;
    const Layout layout = run(grid_graph(10, 10), settings_for(mode), memory, &kept);
    EXPECT_EQ(layout.report.checksum, reference.report.checksum);
    for (const auto& [step, frame] : kept.frames) {
      ASSERT_TRUE(same_bits(frame.positions, sync.frames.at(step).positions)) << step;
      ASSERT_TRUE(same_bits(frame.velocities, sync.frames.at(step).velocities)) << step;
    }
  }
}

// Ten steps after a change the driver is not called again before the next one.
TEST_P(GrowingGraphOn, NoDriverCallsBetweenTwoGrowths) {
  MemoryManager memory = memory_on(GetParam());
  std::uint32_t nodes = 100;
  RunSettings settings{.max_steps = 120, .threads = 1, .frames = FrameMode::every, .coarsen = false};
  settings.law = LawKind::springs;
  settings.change = [&](std::uint64_t steps, Changes& changes) {
    if (steps % 40 != 0) return;
    add_nodes(changes, nodes, nodes);
    nodes *= 2;
  };
  Kept kept;
  const RunReport report = run(grid_graph(10, 10), settings, memory, &kept).report;
  EXPECT_EQ(report.steps, 120U);
  EXPECT_EQ(report.driver_calls_after_warm_up, 0U);
  EXPECT_GE(report.hits * 10, report.requests * 9);
}

TEST_P(GrowingGraphOn, AChangePastALimitEndsTheRunInOrder) {
  MemoryManager memory = memory_on(GetParam(), 48_MiB);
  RunSettings settings{.max_steps = 50, .threads = 1, .frames = FrameMode::every, .coarsen = false};
  settings.change = [](std::uint64_t steps, Changes& changes) {
    if (steps == 7) changes.added_nodes.resize(800'000);
  };
  Kept kept;
  EXPECT_THROW(static_cast<void>(run(grid_graph(10, 10), settings, memory, &kept)), LimitExceeded);
  for (const auto& [step, frame] : kept.frames) {
    EXPECT_LE(step, 7U);
    EXPECT_EQ(frame.positions.size(), 100U);
  }
  EXPECT_EQ(memory.check_leaks().blocks, 0U);
  EXPECT_EQ(pinned_in_use(memory), 0U);
}

TEST(GraphRunByLevels, CoarserGraphsComeFirstInTheSameBuffers) {
  MemoryManager memory = memory_on("host");
  const Graph graph = grid_graph(60, 60);
  const RunReport coarse = run(graph, {.threads = 2, .frames = FrameMode::none}, memory, nullptr).report;
  const RunReport flat =
      run(graph, {.threads = 2, .frames = FrameMode::none, .coarsen = false}, memory, nullptr).report;
  EXPECT_GT(coarse.coarse_steps, 0U);
  EXPECT_EQ(flat.coarse_steps, 0U);
  EXPECT_GT(coarse.resizes, 0U);
  EXPECT_LT(coarse.stress, 0.5 * flat.stress) << "a mesh unfolds from its coarser levels";
  EXPECT_LT(coarse.stress, 0.05);
  EXPECT_EQ(run(graph, {.threads = 1, .frames = FrameMode::none}, memory, nullptr).report.checksum, coarse.checksum);
}

TEST(GraphRunByLevels, GraphsOfEveryShapeAreLaidOut) {
  MemoryManager memory = memory_on("host");
  Graph alone;
  alone.nodes = 1;
  Graph apart;
  apart.nodes = 300;
  Graph pair;
  pair.nodes = 2;
  pair.edges = {{0, 1, 1}};
  Graph pieces = grid_graph(20, 20);
  pieces.nodes += 50;
  for (std::uint32_t i = 0; i < 20; ++i) pieces.edges.push_back({400 + i, 420 + i, 2});
  for (const Graph& graph : {alone, apart, pair, pieces}) {
    for (const LawKind law : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
      for (const unsigned dimensions : {2U, 3U}) {
        Kept kept;
        const Layout layout =
            run(graph, {.law = law, .dimensions = dimensions, .max_steps = 20, .threads = 1}, memory, &kept);
        EXPECT_EQ(layout.positions.size(), graph.nodes);
        EXPECT_EQ(layout.report.edges, graph.edges.size());
        EXPECT_GT(layout.report.steps, 0U);
        for (const Position& each : layout.positions) {
          EXPECT_TRUE(std::isfinite(each.x) && std::isfinite(each.y) && std::isfinite(each.z));
          EXPECT_TRUE(dimensions == 3 || each.z == 0);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, GrowingGraphOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace weir::graph::test
