#include "workloads/graph/run/run.hpp"

#include <bit>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "compute/pool_counts.hpp"
#include "compute/range.hpp"
#include "compute/timed.hpp"
#include "workloads/graph/device/runners.hpp"
#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/frames/feed.hpp"
#include "workloads/graph/memory/graph_memory.hpp"
#include "workloads/graph/run/places.hpp"
#include "workloads/graph/run/steadiness.hpp"

namespace weir::graph {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::hours patience{24};   // steps take what they take
constexpr std::uint64_t figures_behind = 2;  // steps that are queued while one's figures are looked at
constexpr std::uint32_t max_exact = 8'192;   // nodes of which all pairs take no longer than a tree
constexpr double usual_theta = 1.2;

void check(const Graph& graph, const RunSettings& settings) {
  const auto require = [](const char* what, double value, compute::Range allowed, const char* unit = "") {
    compute::require_range("graph", what, unit, value, allowed);
  };
  require("number of nodes", graph.nodes, {1, max_nodes});
  require("number of edges", static_cast<double>(graph.edges.size()), {0, max_edges});
  require("number of dimensions", settings.dimensions, {2, 3});
  if (settings.theta) require("opening of the approximation", *settings.theta, {0.1, 2});
  require("number of threads", settings.threads, {0, 1024});
  if (!(settings.max_seconds > 0)) {
    throw InvalidArgument(
        "graph: the time limit is " + compute::shortest(settings.max_seconds) + " s, and has to be above 0",
        {.name = "time limit"});
  }
}

/// FNV-1a (Fowler, Noll and Vo), of 64 bits.
std::uint64_t checksum_of(std::span<const Position> positions) {
  std::uint64_t sum = 0xcbf29ce484222325U;
  for (const std::byte each : std::as_bytes(positions)) {
    sum = (sum ^ std::to_integer<std::uint64_t>(each)) * 0x100000001b3U;
  }
  return sum;
}

class Run {
 public:
  Run(const Graph& graph, const RunSettings& settings, MemoryManager& memory, FrameSink* sink)
      : graph_(graph),
        settings_(settings),
        memory_(memory),
        device_(memory.device()),
        streams_(device_, {"compute", "transfer", "analysis"}),
        compute_(streams_.at("compute")),
        runner_(make_runner(device_, settings.threads, settings.kernels)),
        sink_(settings.frames == FrameMode::none ? nullptr : sink),
        end_(end_of(settings.max_seconds)) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    feed_.reset();
    try {
      streams_.synchronize_all(patience);  // what is queued uses this object
    } catch (const Error&) {
      return;  // a lost device runs nothing any more
    }
  }

  Layout go() {
    Layout made;
    const compute::PoolCounts before(memory_);
    {
      const compute::Timed timed(report_.seconds);
      const Law law = usual_law(settings_.law);
      Workload workload{.nodes = graph_.nodes,
                        .edges = static_cast<std::uint32_t>(graph_.edges.size()),
                        .dimensions = settings_.dimensions,
                        .law = law,
                        .theta = theta_for(graph_.nodes)};
      const std::vector<Position> places =
          first_places(graph_.nodes, settings_.dimensions, double{law.length}, settings_.seed);
      layout_ = std::make_unique<GraphMemory>(memory_, streams_, *runner_, workload);
      layout_->load(workload, adjacency_of(graph_), places);
      lay_graph_out(law);
      made.positions = layout_->download_positions(patience);
    }
    fill_report(before, made.positions);
    made.report = report_;
    return made;
  }

 private:
  /// A step's bound shrinks from the layout's extent to a thousandth of an edge.
  struct Pace {
    double first = 1, last = 1e-3;
    std::uint64_t steps = 300;

    [[nodiscard]] float max_movement(std::uint64_t step) const {
      const double share =
          std::min(1.0, static_cast<double>(step) / static_cast<double>(std::max<std::uint64_t>(steps, 2) - 1));
      return static_cast<float>(first * std::pow(last / first, share));
    }
    [[nodiscard]] bool settled(std::uint64_t, const Figures& figures) const {
      return double{figures.mean_movement} <= 2 * last;
    }
  };

  static Clock::time_point end_of(double seconds) {
    constexpr double year = 3e7;
    if (!(seconds < year)) return Clock::time_point::max();
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  [[nodiscard]] std::optional<float> theta_for(std::uint32_t nodes) const {
    if (settings_.exact) return std::nullopt;
    if (settings_.theta) return static_cast<float>(*settings_.theta);
    if (nodes <= max_exact) return std::nullopt;
    return static_cast<float>(usual_theta);
  }
  [[nodiscard]] bool is_over() {
    report_.stopped = report_.stopped || (settings_.stop != nullptr && settings_.stop->load());
    return report_.stopped || Clock::now() >= end_;
  }

  void lay_graph_out(const Law& law) {
    if (sink_ != nullptr) {
      feed_ = std::make_unique<Feed>(memory_, Feed::Buffers{layout_->positions(), layout_->velocities()}, compute_,
                                     settings_.frames, *sink_);
    }
    Pace pace{.first = double{law.length} * std::sqrt(static_cast<double>(graph_.nodes))};
    pace.last *= double{law.length};
    if (settings_.max_steps != 0) pace.steps = settings_.max_steps;
    Steadiness steadiness(memory_);
    std::uint64_t looked = 0;
    for (std::uint64_t step = 0; step < pace.steps && !is_over(); ++step) {
      if (step > 0) change(step, steadiness);
      queue_step({.step = step, .max_movement = pace.max_movement(step)});
      report_.steps = step + 1;
      steadiness.stepped();
      if (report_.steps <= figures_behind) continue;
      const Figures figures = look(++looked);
      report_.settled = pace.settled(looked, figures);
      if (report_.settled) break;
    }
    while (looked < report_.steps) static_cast<void>(look(++looked));
    if (feed_) feed_->finish();
    report_.driver_calls_after_warm_up = steadiness.driver_calls();
  }

  void change(std::uint64_t steps, Steadiness& steadiness) {
    if (!settings_.change) return;
    Changes changes;
    settings_.change(steps, changes);
    if (changes.empty()) return;
    steadiness.interrupted();
    const std::uint64_t nodes = layout_->workload().nodes + changes.added_nodes.size() - changes.removed_nodes.size();
    layout_->apply(changes, theta_for(static_cast<std::uint32_t>(std::min<std::uint64_t>(nodes, max_nodes))));
  }

  void queue_step(const StepParameters& told) {
    const std::vector<PlanStep> plan = plan_step(layout_->workload(), told);
    if (feed_) queue_stamp(device_, compute_, feed_->timeline(), &Timeline::step_started);
    layout_->queue(plan);
    if (feed_) queue_stamp(device_, compute_, feed_->timeline(), &Timeline::step_ended);
    layout_->start_figures();
    if (feed_) feed_->take(told.step + 1);
  }

  /// Waits for a step's figures.
  Figures look(std::uint64_t step) {
    const Figures figures = layout_->await_figures(patience);
    if (!std::isfinite(figures.mean_movement)) {
      throw InvalidArgument("graph: positions are not finite any more after step " + std::to_string(step) +
                                "; take another law, or a graph with smaller weights",
                            {.name = "positions"});
    }
    if (settings_.progress) settings_.progress(step, double{figures.mean_movement});
    return figures;
  }

  void fill_report(const compute::PoolCounts& before, std::span<const Position> positions) {
    const compute::PoolCounts counts = compute::PoolCounts(memory_).since(before);
    report_.nodes = layout_->workload().nodes;
    report_.edges = layout_->workload().edges;
    report_.self_loops = graph_.self_loops;
    report_.duplicates = graph_.duplicates;
    report_.device = device_.facts().name;
    report_.kernels = runner_->name();
    if (feed_) {
      report_.frames = feed_->counts().frames;
      report_.frames_dropped = feed_->counts().dropped;
      report_.overlap = feed_->timeline()->overlap();
    }
    report_.requests = counts.requests;
    report_.hits = counts.hits;
    report_.driver_calls = counts.driver_calls;
    const GraphMemory::Growth growth = layout_->growth();
    report_.resizes = growth.resizes;
    report_.resizes_in_place = growth.resizes_in_place;
    report_.bytes_moved_by_growth = growth.bytes_moved;
    const ManagerStatistics known = memory_.statistics();
    report_.memory_high_water = known.pool.reserved.peak;
    report_.pinned_high_water = known.transfers.pinned.reserved.peak;
    report_.checksum = checksum_of(positions);
  }

  const Graph& graph_;
  const RunSettings& settings_;
  MemoryManager& memory_;
  Device device_;
  StreamSet streams_;
  const StreamId compute_;
  const std::unique_ptr<Runner> runner_;
  FrameSink* const sink_;
  const Clock::time_point end_;
  RunReport report_;
  std::unique_ptr<GraphMemory> layout_;
  std::unique_ptr<Feed> feed_;
};

}  // namespace

Layout run(const Graph& graph, const RunSettings& settings, MemoryManager& memory, FrameSink* sink) {
  check(graph, settings);
  return Run(graph, settings, memory, sink).go();
}

}  // namespace weir::graph
