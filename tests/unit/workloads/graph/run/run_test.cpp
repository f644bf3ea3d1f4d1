// Runs on a device: frames are the synchronous run's bit for bit in every mode, memory comes from the pool and is all
// given back, limits, stops and errors end a run in order.
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <thread>

#include "open_backend.hpp"
#include "unit/workloads/graph/run/kept_frames.hpp"
#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

class GraphRunOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { WEIR_NEEDS_BACKEND(std::string(GetParam())) }
};

RunSettings flat(FrameMode frames, std::uint64_t steps, LawKind law = LawKind::fruchterman_reingold) {
  return {.law = law, .max_steps = steps, .threads = 2, .frames = frames, .coarsen = false};
}

void expect_all_given_back(MemoryManager& memory) {
  EXPECT_EQ(memory.statistics().buffers, 0U);
  EXPECT_EQ(memory.check_leaks().blocks, 0U);
  EXPECT_EQ(pinned_in_use(memory), 0U);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0U);
  EXPECT_NO_THROW(memory.pool().verify());
}

TEST_P(GraphRunOn, FrameNIsTheSynchronousRunsBitForBit) {
  const Graph graph = preferential_graph(300, 2, 5);
  for (const LawKind law : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
    MemoryManager memory = memory_on(GetParam());
    Kept sync;
    const Layout reference = run(graph, flat(FrameMode::sync, 25, law), memory, &sync);
    ASSERT_EQ(sync.frames.size(), reference.report.steps);
    EXPECT_TRUE(same_bits(sync.frames.rbegin()->second.positions, reference.positions));
    for (const FrameMode mode : {FrameMode::latest, FrameMode::every, FrameMode::none}) {
      Kept kept;
      const Layout layout = run(graph, flat(mode, 25, law), memory, &kept);
      EXPECT_TRUE(kept.in_order);
      EXPECT_EQ(layout.report.steps, reference.report.steps);
      EXPECT_EQ(layout.report.checksum, reference.report.checksum);
      EXPECT_EQ(layout.report.frames, kept.frames.size());
      if (mode == FrameMode::every) {
        EXPECT_EQ(kept.frames.size(), layout.report.steps);
      }
      if (mode == FrameMode::latest) {
        EXPECT_EQ(kept.frames.size() + layout.report.frames_dropped, layout.report.steps);
        EXPECT_EQ(kept.frames.rbegin()->first, layout.report.steps) << "the last frame always comes";
      }
      for (const auto& [step, frame] : kept.frames) {
        ASSERT_TRUE(same_bits(frame.positions, sync.frames.at(step).positions)) << step;
        ASSERT_TRUE(same_bits(frame.velocities, sync.frames.at(step).velocities)) << step;
      }
    }
    expect_all_given_back(memory);
  }
}

TEST_P(GraphRunOn, ThePoolServesStepsWithoutTheDriver) {
  MemoryManager memory = memory_on(GetParam());
  for (const FrameMode mode : {FrameMode::none, FrameMode::sync, FrameMode::every, FrameMode::latest}) {
    Kept kept;
    const RunReport report = run(grid_graph(20, 15), flat(mode, 150), memory, &kept).report;
    EXPECT_GE(report.steps, 50U);
    EXPECT_GE(report.requests, report.steps) << "one a step at least";
    EXPECT_GE(report.hits * 10, report.requests * 9);
    EXPECT_EQ(report.driver_calls_after_warm_up, 0U);
    EXPECT_EQ(report.frames + report.frames_dropped, mode == FrameMode::none ? 0U : report.steps);
    EXPECT_GE(report.overlap, 0.0);
    EXPECT_LE(report.overlap, 1.0);
  }
  expect_all_given_back(memory);
}

TEST(GraphRun, LateEventsChangeNothing) {
  const auto late = open_backend("host");
  late->delay_events(2ms);
  const Graph graph = grid_graph(12, 12);
  Kept in_time, kept;
  MemoryManager memory = memory_on("host");
  const Layout reference = run(graph, flat(FrameMode::sync, 20), memory, &in_time);
  {
    MemoryManager later(device::Access::make_device(late, "with late events"), {.name = "late"});
    const Layout layout = run(graph, flat(FrameMode::every, 20), later, &kept);
    EXPECT_EQ(layout.report.checksum, reference.report.checksum);
    expect_all_given_back(later);
  }
  EXPECT_TRUE(kept.frames == in_time.frames);
  EXPECT_EQ(late->breach(), "");
  EXPECT_EQ(late->balance(), device::FaultyBackend::Balance{});
}

TEST_P(GraphRunOn, WhatASinkThrowsAtFrameThreeEndsTheRun) {
  class : public FrameSink {
    void take(const Frame& frame) override {
      if (frame.step >= 3) throw std::runtime_error("no space left");
    }
  } full;
  MemoryManager memory = memory_on(GetParam());
  for (const FrameMode mode : {FrameMode::sync, FrameMode::every, FrameMode::latest}) {
    EXPECT_THROW(static_cast<void>(run(grid_graph(20, 20), flat(mode, 500), memory, &full)), std::runtime_error);
    expect_all_given_back(memory);
  }
}

TEST_P(GraphRunOn, AStopInTheMiddleGivesWhatThereIs) {
  class : public FrameSink {
    void take(const Frame& frame) override {
      last = frame.step;
      if (frame.step == 5) stop = true;
    }

   public:
    std::atomic<bool> stop{false};
    std::uint64_t last = 0;
  } sink;
  MemoryManager memory = memory_on(GetParam());
  RunSettings settings = flat(FrameMode::every, 100'000);
  settings.stop = &sink.stop;
  const Layout layout = run(grid_graph(15, 10), settings, memory, &sink);
  EXPECT_TRUE(layout.report.stopped);
  EXPECT_FALSE(layout.report.settled);
  EXPECT_GE(layout.report.steps, 5U);
  EXPECT_LT(layout.report.steps, 100U);
  EXPECT_EQ(sink.last, layout.report.steps);
  EXPECT_EQ(layout.positions.size(), 150U);
  expect_all_given_back(memory);
}

TEST_P(GraphRunOn, ATimeLimitEndsIt) {
  MemoryManager memory = memory_on(GetParam());
  RunSettings settings = flat(FrameMode::none, 1'000'000'000);
  RunReport report;
  // A busy machine's driver may compile kernels for longer.
  for (settings.max_seconds = 0.2; report.steps == 0 && settings.max_seconds < 20; settings.max_seconds *= 3) {
    report = run(grid_graph(30, 30), settings, memory, nullptr).report;
  }
  EXPECT_LT(report.steps, 1'000'000U);
  EXPECT_GT(report.steps, 0U);
  EXPECT_LT(report.seconds, 30.0);
  EXPECT_FALSE(report.stopped);
}

// Under a tight limit a small graph is laid out as anywhere; a larger one is refused with what was asked for.
TEST_P(GraphRunOn, MemoryPressureIsServedOrTold) {
  const Graph small = grid_graph(40, 25);
  MemoryManager free = memory_on(GetParam());
  const std::uint64_t checksum = run(small, flat(FrameMode::every, 12), free, nullptr).report.checksum;
  MemoryManager tight = memory_on(GetParam(), 64_MiB);
  Kept kept;
  const Layout layout = run(small, flat(FrameMode::every, 12), tight, &kept);
  EXPECT_EQ(layout.report.checksum, checksum);
  EXPECT_EQ(kept.frames.size(), 12U);
  EXPECT_LE(layout.report.memory_high_water, 64_MiB);
  EXPECT_LE(layout.report.pinned_high_water, 64_MiB);
  Graph large;
  large.nodes = max_nodes;
  try {
    static_cast<void>(run(large, flat(FrameMode::every, 1), tight, &kept));
    FAIL() << "a million nodes fit into 64 MiB";
  } catch (const LimitExceeded& refused) {
    EXPECT_FALSE(refused.facts().name.empty());
    EXPECT_GT(refused.facts().bytes_asked, 0U);
  }
  expect_all_given_back(tight);
  EXPECT_EQ(run(small, flat(FrameMode::every, 12), tight, &kept).report.checksum, checksum) << "and nothing is lost";
}

TEST(GraphRun, SettingsOutOfRangeAreRefused) {
  MemoryManager memory = memory_on("host");
  const Graph graph = grid_graph(3, 3);
  const auto refused = [&](auto change) {
    RunSettings settings;
    change(settings);
    EXPECT_THROW(static_cast<void>(run(graph, settings, memory, nullptr)), InvalidArgument);
  };
  refused([](RunSettings& s) { s.dimensions = 1; });
  refused([](RunSettings& s) { s.dimensions = 4; });
  refused([](RunSettings& s) { s.theta = 0.05; });
  refused([](RunSettings& s) { s.theta = std::nan(""); });
  refused([](RunSettings& s) { s.max_seconds = 0; });
  refused([](RunSettings& s) { s.max_seconds = std::nan(""); });
  refused([](RunSettings& s) { s.threads = 5000; });
  EXPECT_THROW(static_cast<void>(run(Graph{}, {}, memory, nullptr)), InvalidArgument);
  Graph large;
  large.nodes = max_nodes + 1;
  EXPECT_THROW(static_cast<void>(run(large, {}, memory, nullptr)), InvalidArgument);
  EXPECT_EQ(memory.statistics().buffers_created, 0U);
}

TEST(GraphRun, ThreadsSeedsAndKernelsDoWhatTheySay) {
  MemoryManager memory = memory_on("host");
  const Graph graph = preferential_graph(2'000, 2, 9);
  RunSettings settings = flat(FrameMode::none, 10);
  const std::uint64_t checksum = run(graph, settings, memory, nullptr).report.checksum;
  settings.threads = 1;
  settings.kernels = "x86-64";
  EXPECT_EQ(run(graph, settings, memory, nullptr).report.checksum, checksum);
  settings.seed = 2;
  EXPECT_NE(run(graph, settings, memory, nullptr).report.checksum, checksum);
}

TEST(GraphRun, ADeviceWithoutKernelsIsRefusedByName) {
  MemoryManager memory = memory_on("dry");
  EXPECT_THROW(static_cast<void>(run(grid_graph(3, 3), {}, memory, nullptr)), Unsupported);
}

INSTANTIATE_TEST_SUITE_P(, GraphRunOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace weir::graph::test
