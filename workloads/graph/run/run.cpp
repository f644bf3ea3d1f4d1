#include "workloads/graph/run/run.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "compute/losses.hpp"
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

/// What goes with a device that is lost.
struct OnDevice {
  OnDevice(MemoryManager& memory, const RunSettings& settings)
      : device(memory.device()),
        streams(device, {"compute", "transfer", "analysis"}),
        compute(streams.at("compute")),
        runner(make_runner(device, settings.threads, settings.kernels)) {}
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() {
    feed.reset();
    try {
      streams.synchronize_all(patience);  // what is queued uses this object
    } catch (const Error&) {
      return;  // a lost device runs nothing any more
    }
  }

  Device device;
  StreamSet streams;
  const StreamId compute;
  const std::unique_ptr<Runner> runner;
  std::unique_ptr<GraphMemory> layout;
  std::unique_ptr<Feed> feed;
};

class Run {
 public:
  Run(const Graph& graph, const RunSettings& settings, MemoryManager& memory, FrameSink* sink)
      : graph_(graph),
        settings_(settings),
        memory_(memory),
        losses_(memory),
        stepping_(settings, losses_),
        sink_(settings.frames == FrameMode::none ? nullptr : sink) {}

  Layout go() {
    Layout made;
    survive([](OnDevice&) {});  // what the device cannot do is told at once
    const compute::PoolCounts before(memory_);
    const std::uint64_t spilled = memory_.statistics().transfers.bytes_spilled;
    {
      const compute::Timed timed(report_.seconds);
      law_ = gathering(usual_law(settings_.law), components_of(graph_));
      std::vector<CoarseLevel> levels;
      if (settings_.coarsen) levels = coarsen(graph_, max_coarsest, [this] { return stepping_.is_over(false); });
      std::vector<Position> places;
      for (std::size_t i = levels.size(); i-- > 0;) {
        const auto rows = std::make_shared<const Adjacency>(adjacency_of(levels[i].graph));
        places = places_for(*rows, i + 1 < levels.size() ? &levels[i + 1] : nullptr, places);
        places = lay_coarse_level_out(levels[i].graph, rows, std::move(places));
      }
      const auto before_rows = Stepping::Clock::now();
      auto rows = std::make_shared<const Adjacency>(adjacency_of(graph_));
      rows_time_ = Stepping::Clock::now() - before_rows;
      places = places_for(*rows, levels.empty() ? nullptr : levels.data(), places);
      levels.clear();
      made.positions = lay_graph_out(std::move(rows), std::move(places));
      finish(made.positions);
    }
    fill_report(before, made.positions);
    report_.spilled_bytes = memory_.statistics().transfers.bytes_spilled - spilled;
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
  [[nodiscard]] Start start() const { return report_.coarse_steps == 0 ? Start::random_places : Start::coarser_level; }

  // --- Losses of the device ---

  template <class Work>
  void survive(const Work& work) {
    losses_.survive([&] {
      try {
        if (device_ == nullptr) device_ = std::make_unique<OnDevice>(memory_, settings_);
        work(*device_);
      } catch (...) {
        leave_device();
        throw;
      }
    });
  }
  /// Keeps of a device what counts of it.
  void leave_device() {
    if (device_ == nullptr) return;
    if (device_->layout) grown_ += device_->layout->growth();
    if (device_->feed) {
      device_->feed->end();
      report_.frames += device_->feed->counts().frames;
      last_frame_ = std::max(last_frame_, device_->feed->counts().last);
    }
    device_.reset();
  }

  /// Puts a level on the device as it was kept.
  void load(OnDevice& on, const KeptLevel& kept) const {
    if (!on.layout) on.layout = std::make_unique<GraphMemory>(memory_, on.streams, *on.runner, kept.workload);
    on.layout->load(kept.workload, kept.rows, kept.motion.positions);
    if (kept.steps != 0) on.layout->set_motion(kept.motion);
  }

  // --- Levels ---

  std::vector<Position> lay_coarse_level_out(const Graph& graph, const std::shared_ptr<const Adjacency>& rows,
                                             std::vector<Position> places) {
    if (stepping_.is_over(false)) return places;
    fit(graph, by_mean_weight(law_, graph), places);
    const Schedule schedule(law_, graph, places, start());
    KeptLevel kept{.workload = workload_of(graph), .rows = rows, .motion = {.positions = std::move(places)}};
    Stepping::Ending ending;
    survive([&](OnDevice& on) {
      load(on, kept);
      ending = stepping_.lay_out({on.device, on.compute, *on.layout}, schedule, kept, nullptr);
      places = on.layout->download_positions(patience);
    });
    report_.coarse_steps += ending.steps;
    straighten(*rows, places);
    return places;
  }

  std::vector<Position> lay_graph_out(std::shared_ptr<const Adjacency> rows, std::vector<Position> places) {
    fit(graph_, by_mean_weight(law_, graph_), places);
    const Schedule schedule(law_, graph_, places, start(), settings_.max_steps);
    KeptLevel kept{
        .workload = workload_of(graph_), .rows = std::move(rows), .motion = {.positions = std::move(places)}};
    Steadiness steadiness(memory_);
    const Finest finest{.steadiness = steadiness,
                        .for_the_end = time_for_the_end(),
                        .theta_for = [this](std::uint64_t nodes) { return theta_for(nodes); }};
    Stepping::Ending ending;
    survive([&](OnDevice& on) {
      steadiness.interrupted();
      load(on, kept);
      if (sink_ != nullptr) {
        on.feed = std::make_unique<Feed>(memory_, Feed::Buffers{on.layout->positions(), on.layout->velocities()},
                                         on.compute, settings_.frames, *sink_);
      }
      const Stage stage{on.device, on.compute, *on.layout, on.feed.get(), last_frame_ + 1};
      {
        const compute::Timed timed(report_.step_seconds);
        ending = stepping_.lay_out(stage, schedule, kept, &finest);
      }
      if (on.feed) on.feed->finish();
      places = on.layout->download_positions(patience);
    });
    report_.steps = ending.steps;
    report_.settled = ending.settled;
    report_.stopped = stepping_.stopped();
    report_.driver_calls_after_warm_up = steadiness.driver_calls();
    return places;
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
    const Adjacency& rows = device_->layout->rows();
    const bool is_changed = rows.nodes() != graph_.nodes || settings_.change;
    const Graph changed = is_changed ? graph_of(rows) : Graph{};
    const Graph& last = is_changed ? changed : graph_;
    (stepping_.is_over(true) ? pack_on_shelves : pack)(last, components_of(last), positions);
    if (!settings_.measure) return;
    const Quality quality = measure(last, rows, positions, settings_.threads,
                                    stepping_.is_over(true) ? hurried_sources : max_stress_sources,
                                    [this] { return stepping_.is_over(true); });
    report_.stopped = stepping_.stopped();
    report_.stress = quality.stress;
    report_.edge_length_spread = quality.edge_length_spread;
  }

  void fill_report(const compute::PoolCounts& before, std::span<const Position> positions) {
    const compute::PoolCounts counts = compute::PoolCounts(memory_).since(before);
    report_.nodes = device_->layout->workload().nodes;
    report_.edges = device_->layout->workload().edges;
    report_.self_loops = graph_.self_loops;
    report_.duplicates = graph_.duplicates;
    report_.device = device_->device.facts().name;
    report_.kernels = device_->runner->name();
    if (device_->feed) {
      report_.frames += device_->feed->counts().frames;
      report_.frames_dropped = report_.steps - report_.frames;
      report_.overlap = device_->feed->timeline()->overlap();
    }
    report_.requests = counts.requests;
    report_.hits = counts.hits;
    report_.driver_calls = counts.driver_calls;
    grown_ += device_->layout->growth();
    report_.resizes = grown_.resizes;
    report_.resizes_in_place = grown_.resizes_in_place;
    report_.bytes_moved_by_growth = grown_.bytes_moved;
    const ManagerStatistics known = memory_.statistics();
    report_.memory_high_water = known.pool.reserved.peak;
    report_.pinned_high_water = known.transfers.pinned.reserved.peak;
    report_.recoveries = losses_.recoveries();
    report_.lost_bytes = losses_.lost_bytes();
    report_.recovery_seconds = losses_.seconds();
    report_.checksum = checksum_of(positions);
  }

  const Graph& graph_;
  const RunSettings& settings_;
  MemoryManager& memory_;
  compute::Losses losses_;
  Stepping stepping_;
  FrameSink* const sink_;
  Law law_;
  Stepping::Clock::duration rows_time_{};  // of making the graph's rows
  RunReport report_;
  GraphMemory::Growth grown_;         // on devices that were lost
  std::uint64_t last_frame_ = 0;      // the step of the last one that the sink had from those
  std::unique_ptr<OnDevice> device_;  // null before the first, and after a loss
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
