// The device is lost in mid-run: the run goes on from what it kept, takes the same steps and ends with the same bits,
// wherever it was lost; the sink gets each frame once.
#include "losing_device.hpp"
#include "unit/workloads/graph/run/kept_frames.hpp"
#include "workloads/graph/edges/generate.hpp"

namespace weir::graph::test {
namespace {

class GraphLossOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { WEIR_NEEDS_BACKEND(std::string(GetParam())) }

  /// Of so many steps that some follow the second state that is kept.
  static RunSettings settings(LawKind law = LawKind::force_atlas_2, std::uint64_t steps = 75) {
    return {
        .law = law, .max_steps = steps, .threads = 1, .frames = FrameMode::every, .coarsen = false, .measure = false};
  }
  /// A run over devices whose faults `on_open` plans.
  static Layout lay_out_on(LosingDevice& devices, const RunSettings& settings, Kept& kept) {
    MemoryManager memory(devices.open(), {.name = "graph"});
    Layout layout = run(graph_of_tests(), settings, memory, &kept);
    EXPECT_EQ(memory.statistics().buffers, 0U);
    EXPECT_EQ(memory.check_leaks().blocks, 0U);
    EXPECT_EQ(memory.statistics().pool.requested.live, 0U);
    EXPECT_NO_THROW(memory.pool().verify());
    return layout;
  }
  static Graph graph_of_tests() { return preferential_graph(40, 2, 5); }

  struct Undisturbed {
    Kept kept;
    Layout layout;
  };
  static Undisturbed undisturbed(const RunSettings& settings) {
    Undisturbed whole;
    LosingDevice devices(GetParam());
    whole.layout = lay_out_on(devices, settings, whole.kept);
    EXPECT_EQ(whole.layout.report.recoveries, 0U);
    EXPECT_EQ(whole.kept.frames.size(), whole.layout.report.steps);
    return whole;
  }
  static void expect_same(const Layout& layout, const Kept& kept, const Undisturbed& whole) {
    EXPECT_TRUE(same_bits(layout.positions, whole.layout.positions));
    EXPECT_EQ(layout.report.checksum, whole.layout.report.checksum);
    EXPECT_EQ(layout.report.steps, whole.layout.report.steps);
    EXPECT_EQ(layout.report.settled, whole.layout.report.settled);
    EXPECT_EQ(layout.report.lost_bytes, 0U);
    EXPECT_EQ(layout.report.frames, whole.layout.report.frames);
    EXPECT_EQ(layout.report.frames_dropped, 0U);
    EXPECT_TRUE(kept.in_order) << "a frame came twice";
    EXPECT_TRUE(kept.frames == whole.kept.frames) << kept.frames.size() << " of " << whole.kept.frames.size();
  }
  /// Loses the first device at its submits first, first + step, …, each in a run of its own; how many runs there were.
  static std::uint64_t lose_at_submits(const RunSettings& settings, std::uint64_t first, std::uint64_t step) {
    const Undisturbed whole = undisturbed(settings);
    std::uint64_t runs = 0;
    bool fired = true;
    for (std::uint64_t n = first; fired; n += step, ++runs) {
      SCOPED_TRACE(testing::Message() << "lost at submit " << n);
      LosingDevice devices(GetParam());
      LosingDevice::Faulty lost;
      devices.on_open = [&](device::FaultyBackend& device, std::size_t before) {
        if (before != 0) return;
        device.lose_at_submit(n);
        lost = devices.newest();
      };
      Kept kept;
      const Layout layout = lay_out_on(devices, settings, kept);
      fired = lost->fired();
      EXPECT_EQ(layout.report.recoveries, fired ? 1U : 0U);
      expect_same(layout, kept, whole);
      if (HasFailure()) return runs;
    }
    return runs;
  }
};

TEST_P(GraphLossOn, AtEverySubmitEndsWithTheSameBits) {
  if (std::string(GetParam()) != "host") GTEST_SKIP() << "each of some hundred runs compiles its kernels anew";
  EXPECT_GT(lose_at_submits(settings(LawKind::force_atlas_2, 12), 1, 1), 60U) << "several a step";
}

TEST_P(GraphLossOn, BehindTheSecondStateEndsWithTheSameBits) {
  const std::uint64_t step = std::string(GetParam()) == "host" ? 23 : 211;
  for (const LawKind law : {LawKind::force_atlas_2, LawKind::springs, LawKind::fruchterman_reingold}) {
    EXPECT_GT(lose_at_submits(settings(law), 5, step), 2U);
    if (HasFailure()) return;
  }
}

TEST_P(GraphLossOn, AtCoarserLevelsAndByTheTreeEndsWithTheSameBits) {
  RunSettings coarse = settings(LawKind::fruchterman_reingold, 20);
  coarse.coarsen = true;
  coarse.theta = 0.8;
  EXPECT_GT(lose_at_submits(coarse, 3, std::string(GetParam()) == "host" ? 31 : 331), 1U);
}

// Any call, not submits alone: waits, queries, memory.
TEST_P(GraphLossOn, AtAnyCallEndsWithTheSameBits) {
  if (std::string(GetParam()) != "host") GTEST_SKIP() << "as above";
  const RunSettings few = settings(LawKind::force_atlas_2, 12);
  const Undisturbed whole = undisturbed(few);
  bool fired = true;
  for (std::uint64_t n = 1; fired; n += 7) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    LosingDevice devices(GetParam());
    LosingDevice::Faulty lost;
    devices.on_open = [&](device::FaultyBackend&, std::size_t before) {
      if (before == 0) lost = devices.newest();
    };
    MemoryManager memory(devices.open(), {.name = "graph"});
    lost->lose(n);
    Kept kept;
    const Layout layout = run(graph_of_tests(), few, memory, &kept);
    fired = lost->fired();
    expect_same(layout, kept, whole);
    if (HasFailure()) return;
  }
}

// Changes are asked for once, and made again where the steps after them are.
TEST_P(GraphLossOn, ChangesAreMadeAgainAndAskedForOnce) {
  std::vector<std::uint64_t> asked;
  RunSettings changing = settings(LawKind::springs, 30);
  changing.change = [&](std::uint64_t steps, Changes& changes) {
    asked.push_back(steps);
    if (steps == 6) changes.added_nodes = {{1, 2, 0}, {2, 1, 0}};
    if (steps == 6) changes.added_edges = {{3, 40, 1}, {4, 41, 2}};
    if (steps == 9) changes.removed_nodes = {7};
  };
  const Undisturbed whole = undisturbed(changing);
  const std::vector<std::uint64_t> once = asked;
  ASSERT_GT(whole.layout.report.steps, 9U);
  EXPECT_EQ(whole.layout.report.nodes, 41U);
  bool fired = true;
  for (std::uint64_t n = 5; fired; n += std::string(GetParam()) == "host" ? 9 : 151) {
    SCOPED_TRACE(testing::Message() << "lost at submit " << n);
    asked.clear();
    LosingDevice devices(GetParam());
    LosingDevice::Faulty lost;
    devices.on_open = [&](device::FaultyBackend& device, std::size_t before) {
      if (before != 0) return;
      device.lose_at_submit(n);
      lost = devices.newest();
    };
    Kept kept;
    const Layout layout = lay_out_on(devices, changing, kept);
    fired = lost->fired();
    EXPECT_EQ(layout.report.nodes, 41U);
    EXPECT_EQ(asked, once);
    expect_same(layout, kept, whole);
    if (HasFailure()) return;
  }
}

TEST_P(GraphLossOn, AgainAndAgainIsSurvivedWhileStatesAreKept) {
  LosingDevice devices(GetParam());
  devices.on_open = [](device::FaultyBackend& device, std::size_t before) {
    device.lose_at_submit(before < 2 ? 90 : 1'000'000);
  };
  Kept kept;
  const Layout layout = lay_out_on(devices, settings(), kept);
  EXPECT_EQ(layout.report.recoveries, 2U);
  expect_same(layout, kept, undisturbed(settings()));
}

INSTANTIATE_TEST_SUITE_P(, GraphLossOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weir::graph::test
