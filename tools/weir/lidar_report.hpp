// What `weir lidar` tells at its end: of the cloud and its features, for who measures land; with --verbose or --json
// also of memory and stages. Called by lidar.cpp.
#pragma once

#include <string>
#include <vector>

#include "lidar_options.hpp"
#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/files/crs.hpp"
#include "workloads/lidar/files/las_writer.hpp"
#include "workloads/lidar/run/pipeline.hpp"

namespace weir::tool {

/// A pass over one size of neighbourhood: what came of it, and how far neighbours are.
struct LidarPass {
  LidarCommandLine::Pass asked;
  lidar::RunReport report;
  std::vector<float> reaches;  ///< distance of the farthest neighbour, of a sample of the points
  /// Points with too few neighbours for a shape; not known where no feature is one.
  std::optional<std::uint64_t> few_neighbours = {};
};

struct LidarOutcome {
  LidarOutcome(const LidarCommandLine& asked, const lidar::Cloud& whole) : line(asked), cloud(whole) {}
  const LidarCommandLine& line;
  const lidar::Cloud& cloud;
  std::vector<LidarPass> passes;
  std::vector<lidar::ColumnSummary> columns;
  std::vector<std::string> notes;
  lidar::CoordinateSystem system;
  lidar::StageTime read, write, total;  ///< of all passes, opening and closing included
};

/// Both end with a line's end.
[[nodiscard]] std::string lidar_text(const LidarOutcome& outcome);
[[nodiscard]] std::string lidar_json(const LidarOutcome& outcome);

}  // namespace weir::tool
