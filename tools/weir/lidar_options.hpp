// What `weir lidar` was asked to do, and the options that say it. Used by lidar.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "workloads/lidar/files/dimensions.hpp"
#include "workloads/lidar/run/pipeline.hpp"

namespace weir::tool {

struct LidarCommandLine {
  std::vector<std::string> inputs;
  std::string output, preview, colour;
  std::vector<std::uint32_t> ks{20};
  std::vector<double> radii;  ///< in place of ks
  std::string features = "geometry";
  lidar::Naming naming;
  double height_radius = 15;  ///< metres
  std::uint32_t height_count = 8;
  bool strict = false, json = false, verbose = false;
  std::size_t chunk = 0;
  unsigned threads = 0;
  std::string limit, device, kernel, pool = "on";

  /// The names of the files are those of what is written. Throws CLI::ValidationError.
  void check() const;
  /// A run's settings and the names of what it gives, for each size of neighbourhood.
  struct Pass {
    lidar::Scale scale;
    std::uint32_t k = 0;
    double radius = 0;
  };
  [[nodiscard]] std::vector<Pass> passes() const;
};

/// The subcommand, with its options filling `line`.
CLI::App* add_lidar_options(CLI::App& app, const std::shared_ptr<LidarCommandLine>& line);

}  // namespace weir::tool
