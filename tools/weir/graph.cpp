// `weir graph`: a graph from a file, laid out by forces, as a file for programs or a picture.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/bytes.hpp>

#include "commands.hpp"
#include "compute/losses.hpp"
#include "files/output_file.hpp"
#include "graph_options.hpp"
#include "graph_report.hpp"
#include "interrupt.hpp"
#include "progress.hpp"

namespace weir::tool {
namespace {

using graph::LayoutFormat;

/// How far the layout reaches, of the last frame that came; for whoever watches it grow.
class Watch : public graph::FrameSink {
 public:
  void take(const graph::Frame& frame) override {
    float low = std::numeric_limits<float>::infinity(), high = -low;
    for (const graph::Position& each : frame.positions) {
      low = std::min({low, each.x, each.y, each.z});
      high = std::max({high, each.x, each.y, each.z});
    }
    reach_ = high > low ? high - low : 0;
  }
  [[nodiscard]] float reach() const noexcept { return reach_; }

 private:
  std::atomic<float> reach_ = 0;
};

class GraphRun {
 public:
  explicit GraphRun(const GraphCommandLine& line) : line_(line), settings_(line.settings()), reading_(line.reading()) {
    for (const std::string& path : line.outputs) {
      formats_.push_back(graph::layout_format(path));
      outputs_.push_back(std::make_unique<files::OutputFile>(path));
      check_output(*outputs_.back(), formats_.back());
    }
    memory_ = open_memory();
    graph::check_settings(settings_, memory_->device());
  }

  /// The exit status.
  int execute() {
    const auto started = std::chrono::steady_clock::now();
    const graph::GraphFile file = graph::read_graph(line_.input, reading_);
    const double read_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    note_interrupts();
    const graph::Layout layout = lay_out(file.graph);
    const GraphOutcome outcome{line_, file, layout.report, read_seconds};
    const std::string report = graph_json(outcome);
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      write_layout(*outputs_[i], formats_[i], file.graph, layout.positions, report);
    }
    // All are written by now: a full disk has left all files as they were. What may still fail is taking a name, as in
    // a folder that was removed meanwhile; then the files before it are new, and each is whole.
    for (const auto& output : outputs_) output->commit();
    const bool taken = std::ranges::any_of(outputs_, [](const auto& output) { return output->standard_output(); });
    fmt::print(taken ? stderr : stdout, "{}", line_.json ? report : graph_text(outcome));
    return layout.report.stopped ? interrupted_status() : 0;
  }

 private:
  void check_output(const files::OutputFile& output, LayoutFormat format) const {
    std::error_code none;
    if (std::filesystem::equivalent(output.path(), line_.input, none)) {
      throw InvalidArgument(output.path() + ": is the graph itself; give the output another path", {.name = "output"});
    }
    for (std::size_t i = 0; i + 1 < outputs_.size(); ++i) {
      if (!output.same_as(*outputs_[i])) continue;
      throw InvalidArgument(output.path() + ": is an output already; each goes to a path of its own",
                            {.name = "output"});
    }
    if (format == LayoutFormat::png && output.terminal()) {
      throw InvalidArgument(output.path() + ": is a terminal, which cannot show a picture; write to a file or a pipe",
                            {.name = "output"});
    }
  }

  /// Before the graph is read, which may take long, so that an option which cannot be met is an error at once.
  [[nodiscard]] std::unique_ptr<MemoryManager> open_memory() const {
    ManagerOptions options{.name = "graph", .pool = {.mode = line_.pool == "on" ? PoolMode::automatic : PoolMode::off}};
    if (!line_.limit.empty()) {
      options.pool.limit = parse_bytes(line_.limit);
      options.transfers.pinned_limit = *options.pool.limit;
    }
    return std::unique_ptr<MemoryManager>(new MemoryManager(compute::open_manager({.backend = line_.device}, options)));
  }

  graph::Layout lay_out(const graph::Graph& graph) {
    Watch watch;
    Progress bar(line_.outputs.front());
    settings_.stop = &interrupt_flag();
    settings_.progress = [&](std::uint64_t steps, double movement) {
      if (settings_.max_steps != 0) {
        bar.show(steps, settings_.max_steps);
      } else {
        bar.tell(fmt::format("{} nodes, step {}: {:.3g} across, nodes move by {:.3g}", graph.nodes, steps,
                             watch.reach(), movement));
      }
    };
    return graph::run(graph, settings_, *memory_, &watch);
  }

  const GraphCommandLine& line_;
  graph::RunSettings settings_;
  const graph::ReadOptions reading_;
  std::vector<LayoutFormat> formats_;
  std::vector<std::unique_ptr<files::OutputFile>> outputs_;
  std::unique_ptr<MemoryManager> memory_;
};

}  // namespace

void add_graph(CLI::App& app, int& status) {
  auto line = std::make_shared<GraphCommandLine>();
  add_graph_options(app, line)->callback([line, &status] { status = GraphRun(*line).execute(); });
}

}  // namespace weir::tool
