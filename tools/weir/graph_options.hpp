// What `weir graph` was asked to do, and the options that say it. Filled by add_graph_options, read by the command.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "workloads/graph/files/read_graph.hpp"
#include "workloads/graph/files/write_layout.hpp"
#include "workloads/graph/run/run.hpp"

namespace weir::tool {

struct GraphCommandLine {
  std::string input;
  std::vector<std::string> outputs;
  std::string format = "auto", weights = "on";
  std::string law = "fr", frames = "latest", device, kernels, limit, pool = "on", coarsen = "on";
  unsigned dimensions = 2, threads = 0;
  std::uint64_t steps = 0, seed = 1;
  double seconds = 0, theta = 0;  // 0: not given
  bool exact = false, json = false;

  [[nodiscard]] graph::ReadOptions reading() const;
  /// All but stop and progress.
  [[nodiscard]] graph::RunSettings settings() const;
};

CLI::App* add_graph_options(CLI::App& app, const std::shared_ptr<GraphCommandLine>& line);

}  // namespace weir::tool
