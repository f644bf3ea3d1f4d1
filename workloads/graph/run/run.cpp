#include "workloads/graph/run/run.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "compute/pool_counts.hpp"
#include "compute/range.hpp"
#include "compute/timed.hpp"
#include "workloads/graph/device/runners.hpp"
#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/layout/coarsen.hpp"
#include "workloads/graph/layout/components.hpp"
#include "workloads/graph/layout/pack.hpp"
#include "workloads/graph/layout/place.hpp"
#include "workloads/graph/layout/quality.hpp"
#include "workloads/graph/layout/straighten.hpp"
#include "workloads/graph/run/stepping.hpp"

namespace weir::graph {
namespace {

constexpr std::chrono::hours patience{24};  // steps take what they take
constexpr std::uint64_t max_exact = 8'192;  // nodes of which all pairs take no longer than a tree
constexpr double usual_theta = 1.2;
constexpr std::uint32_t max_coarsest = 50;    // nodes
constexpr std::uint32_t hurried_sources = 5;  // of the stress of a run that has no time left

void require(const char* what, double value, compute::Range allowed) {
  compute::require_range("graph", what, "", value, allowed);
}

void check(const RunSettings& settings) {
  require("number of dimensions", settings.dimensions, {2, 3});
  if (settings.theta) require("opening of the approximation", *settings.theta, {0.1, 2});
  require("number of threads", settings.threads, {0, 1024});
  if (!(settings.max_seconds > 0)) {
    throw InvalidArgument(
        "graph: the time limit is " + compute::shortest(settings.max_seconds) + " s, and has to be above 0",
        {.name = "time limit"});
  }
}

void check(const Graph& graph, const RunSettings& settings) {
  require("number of nodes", graph.nodes, {1, max_nodes});
  require("number of edges", static_cast<double>(graph.edges.size()), {0, max_edges});
  check(settings);
}

/// FNV-1a (Fowler, Noll and Vo), of 64 bits.
std::uint64_t checksum_of(std::span<const Position> positions) {
  std::uint64_t sum = 0xcbf29ce484222325U;
  for (const std::byte each : std::as_bytes(positions)) {
    sum = (sum ^ std::to_integer<std::uint64_t>(each)) * 0x100000001b3U;
  }
  return sum;
}

/// What changes have made of a graph.
Graph graph_of(const Adjacency& rows) {
  Graph made;
  made.nodes = rows.nodes();
  made.edges.reserve(rows.columns.size() / 2);
  for (std::uint32_t node = 0; node < made.nodes; ++node) {
    for (std::uint32_t at = rows.offsets[node]; at < rows.offsets[node + 1]; ++at) {
      if (node < rows.columns[at]) made.edges.push_back({node, rows.columns[at], rows.weights[at]});
    }
  }
  return made;
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
        stepping_(device_, compute_, settings),
        sink_(settings.frames == FrameMode::none ? nullptr : sink) {}
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
      law_ = gathering(usual_law(settings_.law), components_of(graph_));
      std::vector<CoarseLevel> levels;
      if (settings_.coarsen) levels = coarsen(graph_, max_coarsest, [this] { return stepping_.is_over(false); });
      std::vector<Position> places;
      for (std::size_t i = levels.size(); i-- > 0;) {
        Adjacency rows = adjacency_of(levels[i].graph);
        places = places_for(rows, i + 1 < levels.size() ? &levels[i + 1] : nullptr, places);
        places = lay_coarse_level_out(levels[i].graph, rows, std::move(places));
      }
      const auto before_rows = Stepping::Clock::now();
      Adjacency rows = adjacency_of(graph_);
      rows_time_ = Stepping::Clock::now() - before_rows;
      places = places_for(rows, levels.empty() ? nullptr : levels.data(), places);
      levels.clear();
      lay_graph_out(std::move(rows), std::move(places));
      made.positions = layout_->download_positions(patience);
      finish(made.positions);
    }
    fill_report(before, made.positions);
    made.report = report_;
    return made;
  }

 private:
  [[nodiscard]] std::optional<float> theta_for(std::uint64_t nodes) const {
    if (settings_.exact) return std::nullopt;
    if (settings_.theta) return static_cast<float>(*settings_.theta);
    return nodes <= max_exact ? std::nullopt : std::optional(static_cast<float>(usual_theta));
  }
  [[nodiscard]] Workload workload_of(const Graph& graph) const {
    return {.nodes = graph.nodes,
            .edges = static_cast<std::uint32_t>(graph.edges.size()),
            .dimensions = settings_.dimensions,
            .law = by_mean_weight(law_, graph),
            .theta = theta_for(graph.nodes)};
  }

  /// Where a level starts: at random, or from the coarser one's places.
  [[nodiscard]] std::vector<Position> places_for(const Adjacency& rows, const CoarseLevel* coarser,
                                                 std::span<const Position> places) const {
    if (coarser == nullptr) return random_places(rows.nodes(), settings_.dimensions, settings_.seed);
    return prolong(*coarser, rows, places, settings_.dimensions, settings_.seed);
  }
  void load(const Graph& graph, const Adjacency& rows, std::span<const Position> places) {
    const Workload workload = workload_of(graph);
    if (!layout_) layout_ = std::make_unique<GraphMemory>(memory_, streams_, *runner_, workload);
    layout_->load(workload, rows, places);
  }
  [[nodiscard]] Start start() const { return report_.coarse_steps == 0 ? Start::random_places : Start::coarser_level; }

  std::vector<Position> lay_coarse_level_out(const Graph& graph, const Adjacency& rows, std::vector<Position> places) {
    if (stepping_.is_over(false)) return places;
    fit(graph, by_mean_weight(law_, graph), places);
    const Schedule schedule(law_, graph, places, start());
    load(graph, rows, places);
    report_.coarse_steps += stepping_.lay_out(*layout_, schedule, nullptr).steps;
    places = layout_->download_positions(patience);
    straighten(rows, places);
    return places;
  }

  void lay_graph_out(Adjacency rows, std::vector<Position> places) {
    fit(graph_, by_mean_weight(law_, graph_), places);
    const Schedule schedule(law_, graph_, places, start(), settings_.max_steps);
    load(graph_, rows, places);
    rows = {};
    if (sink_ != nullptr) {
      feed_ = std::make_unique<Feed>(memory_, Feed::Buffers{layout_->positions(), layout_->velocities()}, compute_,
                                     settings_.frames, *sink_);
    }
    Steadiness steadiness(memory_);
    const Finest finest{.feed = feed_.get(),
                        .steadiness = steadiness,
                        .for_the_end = time_for_the_end(),
                        .theta_for = [this](std::uint64_t nodes) { return theta_for(nodes); }};
    const Stepping::Ending ending = [&] {
      const compute::Timed timed(report_.step_seconds);
      return stepping_.lay_out(*layout_, schedule, &finest);
    }();
    if (feed_) feed_->finish();
    report_.steps = ending.steps;
    report_.settled = ending.settled;
    report_.stopped = stepping_.stopped();
    report_.driver_calls_after_warm_up = steadiness.driver_calls();
  }

  /// A search from one node, the least that is measured of a layout, goes over the edges as making their rows did. A
  /// short limit is for the steps all the same.
  [[nodiscard]] Stepping::Clock::duration time_for_the_end() const {
    constexpr double largest_share = 0.2;
    if (!settings_.measure) return {};
    const double seconds =
        std::min(std::chrono::duration<double>(rows_time_).count(), largest_share * settings_.max_seconds);
    return std::chrono::duration_cast<Stepping::Clock::duration>(std::chrono::duration<double>(seconds));
  }

  /// Components beside each other, and how good all is.
  void finish(std::vector<Position>& positions) {
    const bool is_changed = layout_->rows().nodes() != graph_.nodes || settings_.change;
    const Graph changed = is_changed ? graph_of(layout_->rows()) : Graph{};
    const Graph& last = is_changed ? changed : graph_;
    (stepping_.is_over(true) ? pack_on_shelves : pack)(last, components_of(last), positions);
    if (!settings_.measure) return;
    const Quality quality = measure(last, layout_->rows(), positions, settings_.threads,
                                    stepping_.is_over(true) ? hurried_sources : max_stress_sources,
                                    [this] { return stepping_.is_over(true); });
    report_.stopped = stepping_.stopped();
    report_.stress = quality.stress;
    report_.edge_length_spread = quality.edge_length_spread;
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
  Stepping stepping_;
  FrameSink* const sink_;
  Law law_;
  Stepping::Clock::duration rows_time_{};  // of making the graph's rows
  RunReport report_;
  std::unique_ptr<GraphMemory> layout_;
  std::unique_ptr<Feed> feed_;
};

}  // namespace

void check_settings(const RunSettings& settings, const Device& device) {
  check(settings);
  if (device.facts().backend == BackendKind::host) static_cast<void>(make_host_runner(device, 1, settings.kernels));
}

Layout run(const Graph& graph, const RunSettings& settings, MemoryManager& memory, FrameSink* sink) {
  check(graph, settings);
  return Run(graph, settings, memory, sink).go();
}

}  // namespace weir::graph
