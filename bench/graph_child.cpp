// The layout's kernels on the host; prints one line of names and numbers; weir_bench runs it:
//   weir_bench_graph NODES
// All pairs of NODES nodes by each law on one thread, counted as ordered pairs; and steps a second by the tree. Times
// are of this thread's processor, but for two threads, and the least of a few runs, as others may use the machine too.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <weir/errors.hpp>

#include "compute/team.hpp"
#include "compute/timed.hpp"
#include "workloads/graph/host/levels.hpp"

namespace {

using namespace weir::graph;

/// A layout in memory of its own, with each node at a random place and edges between random nodes.
class MadeLayout {
 public:
  MadeLayout(Workload workload, float size) : workload_(workload) {
    const Needs needs = needs_of(workload_);
    for (std::size_t i = 0; i < needs.size(); ++i) memory_[i].resize(needs[i] + line);
    std::mt19937 random(1);
    const auto place = [&] { return size * (static_cast<float>(random() >> 8) / static_cast<float>(1 << 23) - 1); };
    for (std::uint32_t i = 0; i < workload_.nodes; ++i) {
      for (std::uint32_t c = 0; c < 3; ++c)
        floats(Memory::positions)[3 * i + c] = c < workload_.dimensions ? place() : 0;
    }
    fill_edges(random);
  }
  [[nodiscard]] forces::Buffers buffers() {
    std::array<void*, memory_count> addresses{};
    for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i] = words(static_cast<Memory>(i));
    return forces::Kernels::buffers(addresses);
  }
  [[nodiscard]] const Workload& workload() const { return workload_; }

 private:
  static constexpr std::size_t line = 16;  // words

  /// From a cache line's beginning on, as a pool's memory is.
  std::uint32_t* words(Memory memory) {
    std::uint32_t* const from = memory_.at(static_cast<std::size_t>(memory)).data();
    return from + (line - reinterpret_cast<std::uintptr_t>(from) / sizeof(std::uint32_t) % line) % line;
  }
  float* floats(Memory memory) { return reinterpret_cast<float*>(words(memory)); }
  void fill_edges(std::mt19937& random) {
    std::vector<std::array<std::uint32_t, 2>> edges(workload_.edges);
    std::uint32_t* const offsets = words(Memory::offsets);
    for (auto& edge : edges) {
      edge[0] = static_cast<std::uint32_t>(random() % workload_.nodes);
      edge[1] = static_cast<std::uint32_t>((edge[0] + 1 + random() % 50) % workload_.nodes);
      for (const std::uint32_t end : edge) ++offsets[end + 1];
    }
    for (std::uint32_t i = 0; i < workload_.nodes; ++i) offsets[i + 1] += offsets[i];
    std::vector<std::uint32_t> next(offsets, offsets + workload_.nodes);
    for (const auto& edge : edges) {
      for (const std::size_t end : {0U, 1U}) {
        words(Memory::columns)[next[edge[end]]] = edge[1 - end];
        floats(Memory::weights)[next[edge[end]]++] = 1;
      }
    }
  }

  Workload workload_;
  std::array<std::vector<std::uint32_t>, memory_count> memory_;
};

void run_step(const Level& level, const PlanStep& step, const forces::Buffers& buffers) {
  for (std::uint32_t round = 0; round < rounds_of(step); ++round) level.run(step, buffers, round, 0, 1);
}

/// Seconds of the steps with that body in one step of a layout.
double seconds_of(const Level& level, MadeLayout& layout, forces::Body body, int times) {
  double best = 1e9;
  for (const PlanStep& step : plan_start(layout.workload())) run_step(level, step, layout.buffers());
  for (int i = 0; i < times; ++i) {
    double seconds = 0;
    for (const PlanStep& step : plan_step(layout.workload(), {.max_movement = 0})) {
      const double start = weir::compute::processor_now();
      run_step(level, step, layout.buffers());
      if (step.body == body) seconds += weir::compute::processor_now() - start;
    }
    best = std::min(best, seconds);
  }
  return best;
}

/// Whole steps by the tree, sorted in each, of 100,000 nodes and 200,000 edges by one thread and by two: of one by its
/// processor time, of two by the clock, as threads wait for each other.
void measure_tree(unsigned dimensions) {
  const Workload workload{.nodes = 100'000, .edges = 200'000, .dimensions = dimensions, .theta = 1.0F};
  MadeLayout layout(workload, dimensions == 2 ? 160 : 25);
  const Level level = choose_level();
  const std::vector<PlanStep> plan = plan_step(workload, {.max_movement = 0});
  for (const PlanStep& step : plan_start(workload)) run_step(level, step, layout.buffers());
  weir::compute::Team team(2);
  double one = 1e9, two = 1e9;
  for (int i = 0; i < 15; ++i) {
    const double start = weir::compute::processor_now();
    for (const PlanStep& step : plan) run_step(level, step, layout.buffers());
    one = std::min(one, weir::compute::processor_now() - start);
    double seconds = 0;
    {
      const weir::compute::Timed timed(seconds);
      for (const PlanStep& step : plan) {
        team.each([&](std::size_t self) { level.run(step, layout.buffers(), 0, static_cast<std::uint32_t>(self), 2); });
      }
    }
    two = std::min(two, seconds);
  }
  std::printf("tree_%ud_steps_one_thread %.4g tree_%ud_steps_two_threads %.4g ", dimensions, 1 / one, dimensions,
              1 / two);
}

int measure(std::uint32_t nodes) {
  const double pairs = static_cast<double>(nodes) * (nodes - 1);
  for (const Level& level : levels()) {
    for (const LawKind kind : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
      for (const unsigned dimensions : {2U, 3U}) {
        MadeLayout layout({.nodes = nodes, .edges = 2 * nodes, .dimensions = dimensions, .law = usual_law(kind)}, 100);
        const double seconds = seconds_of(level, layout, forces::Body::repel_all, level.name == "x86-64-v4" ? 9 : 2);
        constexpr const char* names[] = {"fr", "fa2", "app"};
        std::printf("%s_%s_%ud_gpairs %.4g ", std::string(level.name).c_str(), names[static_cast<std::size_t>(kind)],
                    dimensions, pairs / seconds / 1e9);
      }
    }
  }
  for (const unsigned dimensions : {2U, 3U}) measure_tree(dimensions);
  std::printf("\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const unsigned long count = argc == 2 ? std::strtoul(argv[1], nullptr, 10) : 0;
    if (count != 0) return measure(static_cast<std::uint32_t>(count));
    std::fprintf(stderr, "weir_bench_graph: usage: weir_bench_graph NODES\n");
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_bench_graph: %s\n", error.what());
    return 1;
  }
}
