// The command line of `weir trajectory`. Filled by add_trajectory_options, read by the command.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "workloads/trajectory/run/pipeline.hpp"

namespace weir::tool {

struct TrajectoryCommandLine {
  std::string output, picture, colour = "spin";
  std::string launches = "10000";
  std::string speed, angle, spin, axis, wind, wind_direction;  // LOW:HIGH; empty: as LaunchRanges has them
  std::uint64_t seed = 1, chunk = 0;
  double tolerance = 1e-6;
  std::string drag = "on", lift = "on", device, kernels, limit;
  unsigned threads = 0;
  bool floats = false, json = false;

  /// Throws CLI::ValidationError for a file's name that tells of another kind of file.
  void check() const;
  /// Throw InvalidArgument, which names the value and its range.
  [[nodiscard]] std::uint64_t launch_count() const;
  [[nodiscard]] trajectory::LaunchRanges ranges() const;
  [[nodiscard]] trajectory::RunSettings settings() const;
};

CLI::App* add_trajectory_options(CLI::App& app, const std::shared_ptr<TrajectoryCommandLine>& line);

}  // namespace weir::tool
