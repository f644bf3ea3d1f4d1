// The buffers of a layout: what they hold after graphs are loaded, changed and grown, what the manager's books say of
// them at each point, and what a limit leaves as it is.
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>

#include "open_backend.hpp"
#include "unit/workloads/graph/run/kept_frames.hpp"
#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/memory/graph_memory.hpp"

namespace weir::graph::test {
namespace {

using namespace weir::literals;

constexpr std::chrono::minutes patience{2};

std::vector<Position> places_for(std::uint32_t nodes) {
  std::vector<Position> places(nodes);
  for (std::uint32_t i = 0; i < nodes; ++i) {
    const auto value = static_cast<float>(i);
    places[i] = {std::fmod(value * 0.37F, 50.0F), std::fmod(value * 0.61F, 40.0F), 0};
  }
  return places;
}

/// A layout's memory with all that it needs.
struct Rig {
  explicit Rig(MemoryManager& on, const Graph& graph, LawKind law = LawKind::force_atlas_2)
      : memory(on), device(on.device()), streams(device, {"compute", "transfer", "analysis"}) {
    Workload workload{
        .nodes = graph.nodes, .edges = static_cast<std::uint32_t>(graph.edges.size()), .law = usual_law(law)};
    layout.emplace(memory, streams, *runner, workload);
    layout->load(workload, adjacency_of(graph), places_for(graph.nodes));
  }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  ~Rig() { streams.synchronize_all(patience); }

  Figures step() {
    layout->queue(plan_step(layout->workload(), {.max_movement = 0.5F}));
    layout->start_figures();
    return layout->await_figures(patience);
  }
  template <class T = std::uint32_t>
  std::vector<T> contents(Memory kind) {
    const auto name = memory_kinds()[static_cast<std::size_t>(kind)].name;
    return memory.download(memory.find<T>(name), streams.at("compute"), {.deadline = patience});
  }
  std::vector<Position> positions() { return layout->download_positions(patience); }
  void expect_rows_of(const Adjacency& rows) {
    EXPECT_EQ(contents(Memory::offsets), rows.offsets);
    std::vector<std::uint32_t> columns = contents(Memory::columns), weights = contents(Memory::weights);
    columns.resize(rows.columns.size());  // one at least is there, also without edges
    EXPECT_EQ(columns, rows.columns);
    ASSERT_GE(weights.size(), rows.weights.size());
    EXPECT_EQ(std::memcmp(weights.data(), rows.weights.data(), rows.weights.size() * sizeof(float)), 0);
    std::vector<std::uint32_t> degrees(rows.nodes());
    for (std::uint32_t i = 0; i < rows.nodes(); ++i) degrees[i] = rows.degree(i);
    EXPECT_EQ(contents(Memory::degree), degrees);
  }

  MemoryManager& memory;
  Device device;
  StreamSet streams;
  std::unique_ptr<Runner> runner = make_runner(device, 2, {});
  std::optional<GraphMemory> layout;
};

class GraphMemoryOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND(std::string(GetParam()))
    memory_.emplace(open_device({.backend = GetParam()}), ManagerOptions{.name = "graph", .pool = {.limit = 1_GiB}});
  }
  void TearDown() override {
    if (!memory_) return;
    EXPECT_EQ(memory_->statistics().buffers, 0U);
    EXPECT_EQ(memory_->check_leaks().blocks, 0U);
    EXPECT_EQ(memory_->check_leaks().bytes, 0U);
    EXPECT_EQ(pinned_in_use(*memory_), 0U);
    EXPECT_EQ(memory_->statistics().pool.requested.live, 0U);
    EXPECT_NO_THROW(memory_->pool().verify());
  }
  std::optional<MemoryManager> memory_;
};

TEST_P(GraphMemoryOn, MultiBufferLifecycle) {
  for (int life = 0; life < 3; ++life) {
    const Graph graph = grid_graph(20, 20);
    Rig rig(*memory_, graph);
    EXPECT_EQ(memory_->statistics().buffers, memory_count);
    std::uint64_t bytes = 0;
    for (const MemoryKind& kind : memory_kinds()) {
      const AnyBuffer buffer = memory_->find(kind.name);
      EXPECT_GE(buffer.capacity(), kind.options.min_elements) << kind.name;
      EXPECT_EQ(buffer.type().bytes, 4 * kind.words) << kind.name;
      EXPECT_EQ(buffer.max_elements(), kind.options.max_bytes / (4 * kind.words)) << kind.name;
      bytes += buffer.statistics().requested;
    }
    EXPECT_EQ(memory_->statistics().pool.requested.live, bytes);
    EXPECT_EQ(rig.positions(), places_for(400));
    rig.expect_rows_of(adjacency_of(graph));
    EXPECT_TRUE(std::isfinite(rig.step().mean_movement));
    EXPECT_NE(rig.positions(), places_for(400));
    EXPECT_THROW(Rig(*memory_, graph), InvalidArgument) << "its names are taken";
  }
}

// Buffers of all presets come and go in each other's midst; those that stay keep what they hold.
TEST_P(GraphMemoryOn, InterleavedAllocationAndFree) {
  std::map<std::string, std::vector<std::uint32_t>> held;
  const auto contents = [](std::uint32_t seed, std::size_t count) {
    std::vector<std::uint32_t> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = seed * 0x9e3779b9U + static_cast<std::uint32_t>(i);
    return values;
  };
  std::uint32_t made = 0;
  for (std::uint32_t round = 0; round < 40; ++round) {
    for (const BufferOptions& preset : {presets::positions, presets::edges, presets::grid_cells, presets::standard}) {
      const std::string name = "buffer " + std::to_string(made);
      const std::size_t count = 100 + (std::size_t{made} * 7'919) % 60'000;
      held[name] = contents(made, count);
      memory_->create<std::uint32_t>(name, held[name], preset);
      ++made;
    }
    for (auto each = held.begin(); each != held.end();) {
      if ((made + each->second.size()) % 3 != 0) {
        ++each;
        continue;
      }
      memory_->free(each->first);
      each = held.erase(each);
    }
    EXPECT_EQ(memory_->statistics().buffers, held.size());
  }
  std::uint64_t bytes = 0;
  for (const auto& [name, values] : held) {
    const auto buffer = memory_->find<std::uint32_t>(name);
    EXPECT_EQ(memory_->download(buffer), values) << name;
    bytes += buffer.statistics().requested;
  }
  EXPECT_EQ(memory_->statistics().pool.requested.live, bytes);
  EXPECT_EQ(memory_->statistics().buffers_created, made);
  memory_->free_all();
}

TEST_P(GraphMemoryOn, StatsOverTenBuffers) {
  std::uint64_t requested = 0, uploaded = 0;
  for (std::uint32_t i = 0; i < 10; ++i) {
    const std::vector<std::uint32_t> values(5'000 + 1'000 * std::size_t{i}, i);
    const auto buffer = memory_->create<std::uint32_t>("buffer " + std::to_string(i), values, presets::standard);
    EXPECT_EQ(memory_->download(buffer), values);
    requested += 4 * values.size();
    uploaded += 4 * values.size();
  }
  const Report report = memory_->report();
  ASSERT_EQ(report.buffers.size(), 10U);
  std::uint64_t sum = 0, down = 0, up = 0, accesses = 0;
  for (const BufferStatistics& each : report.buffers) {
    sum += each.requested;
    up += each.bytes_uploaded;
    down += each.bytes_downloaded;
    accesses += each.uploads + each.downloads;
    EXPECT_EQ(each.fill(), 1.0) << each.name;
  }
  EXPECT_EQ(sum, requested);
  EXPECT_EQ(report.totals.pool.requested.live, requested);
  EXPECT_EQ(up, uploaded);
  EXPECT_EQ(down, uploaded);
  EXPECT_EQ(accesses, 20U);
  EXPECT_EQ(report.totals.transfers.bytes_uploaded, uploaded);
  EXPECT_EQ(report.totals.transfers.bytes_downloaded, uploaded);
  memory_->free_all();
}

// The books are those of the buffers after each load and change, and what a change brings is there.
TEST_P(GraphMemoryOn, TrackingAcrossResizes) {
  Rig rig(*memory_, grid_graph(10, 10));
  Adjacency rows = adjacency_of(grid_graph(10, 10));
  const auto check = [&] {
    std::uint64_t bytes = 0, resizes = 0;
    for (const BufferStatistics& each : memory_->report().buffers) {
      bytes += each.requested;
      resizes += each.resizes;
      EXPECT_LE(each.size, each.capacity) << each.name;
    }
    rig.streams.synchronize_all(patience);
    const Statistics pool = memory_->statistics().pool;
    EXPECT_EQ(pool.requested.live, bytes);
    EXPECT_EQ(memory_->statistics().resizes, resizes);
    EXPECT_EQ(pool.live + pool.cached + pool.pending + pool.mapped_free + pool.held, pool.reserved.live);
    EXPECT_NO_THROW(memory_->pool().verify());
  };
  check();
  for (const std::uint32_t count : {3'000U, 9'000U, 500U, 20'000U}) {
    Changes changes;
    const std::uint32_t nodes = rows.nodes();
    for (std::uint32_t i = 0; i < count; ++i) {
      changes.added_nodes.push_back({static_cast<float>(i), static_cast<float>(nodes), 0});
      if (i % nodes != 1 && i != 5) changes.added_edges.push_back({i % nodes, nodes + i, 1.5F});
    }
    changes.removed_nodes = {1, nodes + 5};
    const std::vector<Position> before = rig.positions();
    rig.layout->apply(changes, std::nullopt);
    rows = changed_rows(rows, changes).rows;
    rig.expect_rows_of(rows);
    std::vector<Position> expected = before;
    expected.insert(expected.end(), changes.added_nodes.begin(), changes.added_nodes.end());
    expected[nodes + 5] = expected.back();
    expected.pop_back();
    expected[1] = expected.back();
    expected.pop_back();
    EXPECT_EQ(rig.positions(), expected);
    check();
  }
  const GraphMemory::Growth growth = rig.layout->growth();
  EXPECT_EQ(growth.resizes, memory_->statistics().resizes);
  EXPECT_EQ(growth.resizes_in_place, memory_->statistics().resizes_in_place);
  EXPECT_GT(growth.resizes, 0U);
}

// Nodes that stay keep their motion, whatever number they get: the next step is that of a layout which had these
// numbers from its start.
TEST_P(GraphMemoryOn, MotionGoesWithANode) {
  Rig rig(*memory_, grid_graph(5, 5));
  for (int i = 0; i < 3; ++i) rig.step();
  const auto velocities = rig.contents<Position>(Memory::velocities);
  const auto previous = rig.contents<Position>(Memory::previous_forces);
  const auto positions = rig.positions();
  Changes changes;
  changes.removed_nodes = {3, 24, 10};
  changes.added_nodes = {{1, 2, 0}};
  rig.layout->apply(changes, std::nullopt);  // 25 nodes and one; 10 is filled by 25, 3 by 23
  const auto moved = [](std::vector<Position> all, Position added) {
    all.push_back(added);
    all[10] = all[25];
    all[3] = all[23];
    all.resize(23);
    return all;
  };
  EXPECT_EQ(rig.positions(), moved(positions, {1, 2, 0}));
  EXPECT_EQ(rig.contents<Position>(Memory::velocities), moved(velocities, {}));
  EXPECT_EQ(rig.contents<Position>(Memory::previous_forces), moved(previous, {}));
  EXPECT_TRUE(std::isfinite(rig.step().mean_movement));
}

TEST_P(GraphMemoryOn, ALimitReachedInMidGrowthLeavesTheLayoutAsItWas) {
  MemoryManager tight(memory_->device(), {.name = "tight", .pool = {.limit = 48_MiB}});
  const Graph graph = grid_graph(30, 30);
  std::vector<Position> expected;
  {
    Rig rig(*memory_, graph);
    for (int i = 0; i < 6; ++i) rig.step();
    expected = rig.positions();
  }
  Rig rig(tight, graph);
  for (int i = 0; i < 3; ++i) rig.step();
  Changes much;
  much.added_nodes.resize(900'000);
  const Adjacency rows = rig.layout->rows();
  try {
    rig.layout->apply(much, std::nullopt);
    FAIL() << "900,000 nodes fit into 48 MiB";
  } catch (const LimitExceeded& refused) {
    EXPECT_FALSE(refused.facts().name.empty());
  }
  EXPECT_EQ(rig.layout->workload().nodes, 900U);
  rig.expect_rows_of(rows);
  for (int i = 0; i < 3; ++i) rig.step();
  EXPECT_TRUE(same_bits(rig.positions(), expected)) << "and it goes on as if nothing had been asked";
}

TEST_P(GraphMemoryOn, WhatMakesNoSenseChangesNothing) {
  Rig rig(*memory_, grid_graph(4, 4));
  Changes wrong;
  wrong.added_nodes = {{1, 2, 0}};
  wrong.added_edges = {{0, 99, 1}};
  EXPECT_THROW(rig.layout->apply(wrong, std::nullopt), InvalidArgument);
  wrong.added_edges = {};
  wrong.added_nodes = {{std::nanf(""), 2, 0}};
  EXPECT_THROW(rig.layout->apply(wrong, std::nullopt), InvalidArgument);
  EXPECT_EQ(rig.positions(), places_for(16));
  EXPECT_THROW(rig.layout->load(rig.layout->workload(), rig.layout->rows(), places_for(15)), InvalidArgument);
  EXPECT_TRUE(std::isfinite(rig.step().mean_movement));
}

// From 1,000 nodes to a million: after a buffer's first move nothing of it is copied, and its address stays.
TEST_P(GraphMemoryOn, OneMillionNodesWithResizing) {
  const bool whole = memory_->device().facts().virtual_memory && std::string(GetParam()) != "vulkan";
  const std::uint32_t last = whole ? max_nodes : 30'000;
  Rig rig(*memory_, grid_graph(50, 20));
  const StreamId compute = rig.streams.at("compute");
  std::vector<Position> expected = places_for(1'000);
  struct Place {
    std::uint64_t address, bytes_moved, resizes, resizes_in_place;
  };
  std::map<std::string, Place> grown;  // buffers that grow in place from now on
  std::uint32_t nodes = 1'000;
  while (nodes < last) {
    const std::uint32_t more = std::min(nodes / 2, last - nodes);
    Changes changes;
    for (std::uint32_t i = 0; i < more; ++i) {
      changes.added_nodes.push_back({static_cast<float>(i), 3, 0});
      changes.added_edges.push_back({nodes + i, i, 1});
    }
    rig.layout->apply(changes, whole ? std::optional(1.2F) : std::nullopt);
    expected.insert(expected.end(), changes.added_nodes.begin(), changes.added_nodes.end());
    nodes += more;
    for (const MemoryKind& kind : memory_kinds()) {
      const AnyBuffer buffer = rig.layout->buffer(kind.memory);
      const BufferStatistics known = buffer.statistics();
      const std::uint64_t address = kind.words == 1 ? memory_->find<std::uint32_t>(kind.name).access(compute).address()
                                                    : memory_->find<Position>(kind.name).access(compute).address();
      const auto found = grown.find(kind.name);
      if (found != grown.end() && whole) {
        EXPECT_EQ(address, found->second.address) << kind.name << ", " << nodes;
        EXPECT_EQ(known.bytes_moved, found->second.bytes_moved) << kind.name << ", " << nodes;
        EXPECT_EQ(known.resizes - found->second.resizes, known.resizes_in_place - found->second.resizes_in_place);
      }
      if (found == grown.end() && known.grows_in_place) {
        grown[kind.name] = {address, known.bytes_moved, known.resizes, known.resizes_in_place};
      }
    }
  }
  EXPECT_EQ(rig.layout->workload().nodes, last);
  EXPECT_TRUE(same_bits(rig.positions(), expected));
  if (!whole) return;
  EXPECT_GE(grown.size(), 12U);
  const GraphMemory::Growth growth = rig.layout->growth();
  EXPECT_GE(growth.resizes_in_place, 30U);
  // What was copied at all: a first move takes no more than what is below a page, and pages that are not whole.
  EXPECT_LE(growth.bytes_moved, memory_count * 2 * memory_->device().facts().page_bytes);
}

INSTANTIATE_TEST_SUITE_P(, GraphMemoryOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace weir::graph::test
