// Frames of a layout that download and are consumed while the next step computes, against the loop that does one after
// the other, in turn in one process; and a graph that grows to a million nodes while it runs. Prints one line of names
// and numbers; weir_bench runs it:
//   weir_bench_frames DEVICE NODES
// The steps are the layout's own, all pairs on one thread of the host or on the device. Consumers take as long as a
// step: one that computes, which takes a second core, one that waits, and two that wait. The critical path is the
// longest way through steps, downloads and consumers by what each of them took, as stamped; no order of them is faster.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <weir/weir.hpp>

#include "compute/handover.hpp"
#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/frames/feed.hpp"
#include "workloads/graph/memory/graph_memory.hpp"
#include "workloads/graph/run/run.hpp"

namespace {

using namespace weir::graph;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes patience{5};

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}
double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}
void print(const std::string& name, double value) { std::printf("%s %.9g ", name.c_str(), value); }

/// When the parts of each frame began and ended, by frame; each part is stamped by one thread.
struct Stamps {
  explicit Stamps(std::size_t frames) : steps(frames), consumers(frames), writers(frames) {}
  struct Part {
    Clock::time_point start, end;
    [[nodiscard]] double seconds() const { return seconds_between(start, end); }
  };
  std::vector<Part> steps, consumers, writers;
};

/// The time of the last frame's last part, but for snapshots, where each part begins as soon as that before it has
/// ended, and the same part of the frame before.
double critical_path(const Stamps& stamps, double download) {
  double step = 0, arrival = 0, consumed = 0, written = 0;
  for (std::size_t i = 0; i < stamps.steps.size(); ++i) {
    step += stamps.steps[i].seconds();
    arrival = std::max(step, arrival) + download;
    consumed = std::max(arrival, consumed) + stamps.consumers[i].seconds();
    written = std::max(consumed, written) + stamps.writers[i].seconds();
  }
  return written;
}

/// What the consumer does with a frame, and what comes behind it, in its own thread where frames overlap.
struct Consumers {
  std::function<void()> first, second;  ///< either may be empty
};

class Layout {
 public:
  Layout(weir::MemoryManager& memory, std::uint32_t nodes)
      : memory_(memory),
        device_(memory.device()),
        streams_(device_, {"compute", "transfer", "analysis"}),
        compute_(streams_.at("compute")),
        runner_(make_runner(device_, 1, {})) {
    const Graph graph = preferential_graph(nodes, 2, 1);
    const Workload workload{.nodes = nodes,
                            .edges = static_cast<std::uint32_t>(graph.edges.size()),
                            .law = usual_law(LawKind::fruchterman_reingold)};
    std::vector<Position> places(nodes);
    for (std::uint32_t i = 0; i < nodes; ++i) {
      const auto value = static_cast<float>(i);
      places[i] = {std::fmod(value * 0.37F, 90.0F), std::fmod(value * 0.61F, 80.0F), 0};
    }
    graph_.emplace(memory, streams_, *runner_, workload);
    graph_->load(workload, adjacency_of(graph), places);
    for (auto& pinned : pinned_) pinned = memory.pinned<Position>(nodes);
  }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  ~Layout() { streams_.synchronize_all(patience); }

  void queue_step(Stamps::Part* part) {
    if (part != nullptr) device_.run(compute_, [part] { part->start = Clock::now(); });
    graph_->queue(plan_step(graph_->workload(), {.max_movement = 0.01F}));
    if (part != nullptr) device_.run(compute_, [part] { part->end = Clock::now(); });
  }
  double step_seconds() {
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) {
      Stamps::Part part;
      queue_step(&part);
      device_.synchronize(compute_, patience);
      times.push_back(part.seconds());
    }
    return median_of(times);
  }
  double download_seconds() {
    std::vector<double> times;
    for (int i = 0; i < 9; ++i) {
      const Clock::time_point start = Clock::now();
      download();
      times.push_back(seconds_between(start, Clock::now()));
    }
    return median_of(times);
  }

  double one_by_one(std::size_t frames, const Consumers& consumers) {
    const Clock::time_point start = Clock::now();
    for (std::size_t i = 0; i < frames; ++i) {
      queue_step(nullptr);
      download();
      if (consumers.first) consumers.first();
      if (consumers.second) consumers.second();
    }
    return seconds_between(start, Clock::now());
  }

  struct Overlapped {
    double seconds = 0, critical = 0, overlap = 0;
  };
  Overlapped overlapped(std::size_t frames, const Consumers& consumers) {
    Stamps stamps(frames);
    // The second consumer has a thread of its own, and a slot that the first one fills.
    weir::compute::Handover writer(2, [&](std::size_t) {
      Stamps::Part& part = stamps.writers[written_++];
      part.start = Clock::now();
      if (consumers.second) consumers.second();
      part.end = Clock::now();
    });
    written_ = 0;
    Consuming sink(stamps, consumers, writer);
    Overlapped found;
    const Clock::time_point start = Clock::now();
    double download_time = 0;
    {
      Feed feed(memory_, {graph_->positions(), graph_->velocities()}, compute_, FrameMode::every, sink);
      for (std::size_t i = 0; i < frames; ++i) {
        queue_stamp(device_, compute_, feed.timeline(), &Timeline::step_started);
        queue_step(&stamps.steps[i]);
        queue_stamp(device_, compute_, feed.timeline(), &Timeline::step_ended);
        feed.take(i + 1);
      }
      feed.finish();
      writer.finish();
      writer.check();
      found.seconds = seconds_between(start, Clock::now());
      device_.synchronize(compute_, patience);
      found.overlap = feed.timeline()->overlap();
      download_time = feed.timeline()->download_seconds() / static_cast<double>(feed.timeline()->downloads());
    }
    found.critical = critical_path(stamps, download_time);
    return found;
  }

 private:
  class Consuming : public FrameSink {
   public:
    Consuming(Stamps& stamps, const Consumers& consumers, weir::compute::Handover& writer)
        : stamps_(stamps), consumers_(consumers), writer_(writer) {}
    void take(const Frame& frame) override {
      Stamps::Part& part = stamps_.consumers[frame.step - 1];
      part.start = Clock::now();
      if (consumers_.first) consumers_.first();
      part.end = Clock::now();
      const std::size_t slot = frame.step % 2;
      writer_.wait_for(slot);
      writer_.give(slot);
    }

   private:
    Stamps& stamps_;
    const Consumers& consumers_;
    weir::compute::Handover& writer_;
  };

  /// Into pinned memory, both, and done when it returns.
  void download() {
    memory_.download(graph_->positions(), std::span(pinned_[0].data(), pinned_[0].size()), compute_,
                     {.deadline = patience});
    memory_.download(graph_->velocities(), std::span(pinned_[1].data(), pinned_[1].size()), compute_,
                     {.deadline = patience});
  }

  weir::MemoryManager& memory_;
  weir::Device device_;
  weir::StreamSet streams_;
  const weir::StreamId compute_;
  std::unique_ptr<Runner> runner_;
  std::optional<GraphMemory> graph_;
  weir::Pinned<Position> pinned_[2];
  std::size_t written_ = 0;
};

/// Arithmetic alone, so that what overlaps is not bounded by the memory's bandwidth.
class Work {
 public:
  Work() {
    constexpr std::uint64_t trial = 20'000'000;
    std::vector<double> times;
    for (int i = 0; i < 5; ++i) {
      const Clock::time_point start = Clock::now();
      run(trial);
      times.push_back(seconds_between(start, Clock::now()));
    }
    rate_ = double{trial} / median_of(times);
  }
  void operator()(double seconds) { run(static_cast<std::uint64_t>(seconds * rate_)); }

 private:
  void run(std::uint64_t count) {
    std::uint64_t state = 1;
    for (std::uint64_t i = 0; i < count; ++i) state = state * 6364136223846793005U + 1442695040888963407U;
    sink_ += state;
  }
  double rate_ = 0;  // a second
  std::atomic<std::uint64_t> sink_{0};
};

/// `step` is what a step takes, which consumers take too: measured before each run, as the processor's clock changes
/// and stages are to be equal.
void measure(Layout& layout, double& step, const std::string& name, const Consumers& consumers) {
  constexpr std::size_t frames = 40;
  static_cast<void>(layout.overlapped(frames, consumers));
  std::vector<double> ratios, to_critical, overlaps;
  for (int i = 0; i < 5; ++i) {
    step = layout.step_seconds();
    const double one_by_one = layout.one_by_one(frames, consumers);
    const Layout::Overlapped found = layout.overlapped(frames, consumers);
    ratios.push_back(one_by_one / found.seconds);
    to_critical.push_back(found.seconds / found.critical);
    overlaps.push_back(100 * found.overlap);
  }
  print(name + "_speedup", median_of(ratios));
  print(name + "_to_critical_path", median_of(to_critical));
  print(name + "_overlap_percent", median_of(overlaps));
}

void overlap(const std::string& device, std::uint32_t nodes) {
  weir::MemoryManager memory(weir::open_device({.backend = device}), {.name = "bench"});
  Layout layout(memory, nodes);
  double step = layout.step_seconds();
  print("step_ms", 1e3 * step);
  print("download_ms", 1e3 * layout.download_seconds());
  Work work;
  const auto wait = [&step] { std::this_thread::sleep_for(std::chrono::duration<double>(step)); };
  measure(layout, step, "two", {.first = [&] { work(step); }, .second = {}});
  measure(layout, step, "waiting", {.first = wait, .second = {}});
  measure(layout, step, "three", {.first = wait, .second = wait});
}

/// From 1,000 nodes to the last, by half and more every other step, each step's frame taken.
void growth(const std::string& device, std::uint32_t last) {
  class : public FrameSink {
   public:
    void take(const Frame& frame) override { lost += frame.positions.size() != sizes.at(frame.step - 1) ? 1 : 0; }
    std::vector<std::size_t> sizes;
    std::uint64_t lost = 0;
  } sink;
  weir::MemoryManager memory(weir::open_device({.backend = device}), {.name = "bench"});
  std::vector<std::pair<std::string, std::uint64_t>> moved;  // copied by when a buffer had its range
  std::uint32_t nodes = 1'000;
  sink.sizes.reserve(64);  // the sink reads what was written before its step
  sink.sizes.push_back(nodes);
  std::uint64_t copied = 0;
  const auto look = [&] {
    for (const weir::BufferStatistics& each : memory.report().buffers) {
      const auto known =
          std::find_if(moved.begin(), moved.end(), [&](const auto& one) { return one.first == each.name; });
      if (known == moved.end()) {
        if (each.grows_in_place) moved.emplace_back(each.name, each.bytes_moved);
        continue;
      }
      copied += each.bytes_moved - known->second;
      known->second = each.bytes_moved;
    }
  };
  RunSettings settings{.max_steps = 24, .threads = 0, .frames = FrameMode::every, .coarsen = false, .measure = false};
  settings.change = [&](std::uint64_t steps, Changes& changes) {
    look();
    const std::uint32_t more = steps % 2 == 1 ? std::min(nodes + nodes / 4, last - nodes) : 0;
    for (std::uint32_t i = 0; i < more; ++i) {
      const auto value = static_cast<float>(i);
      changes.added_nodes.push_back({std::fmod(value, 311.0F), std::fmod(value * 0.7F, 289.0F), 0});
      changes.added_edges.push_back({nodes + i, i % nodes, 1});
    }
    nodes += more;
    sink.sizes.push_back(nodes);
  };
  const RunReport report = run(grid_graph(50, 20), settings, memory, &sink).report;
  print("growth_nodes", static_cast<double>(report.nodes));
  print("growth_frames_lost", static_cast<double>(report.steps - report.frames + sink.lost));
  print("growth_bytes_copied_past_first_move", static_cast<double>(copied));
  print("growth_resizes_in_place", static_cast<double>(report.resizes_in_place));
  print("growth_buffers_in_place", static_cast<double>(moved.size()));
  print("growth_seconds", report.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const unsigned long nodes = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
    if (nodes < 10 || nodes > max_nodes) {
      std::fprintf(stderr, "weir_bench_frames: usage: weir_bench_frames DEVICE NODES\n");
      return 2;
    }
    overlap(argv[1], static_cast<std::uint32_t>(nodes));
    growth(argv[1], std::string(argv[1]) == "vulkan" ? 4'000 : max_nodes);
    std::puts("");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_bench_frames: %s\n", error.what());
    return 1;
  }
}
