// The one coordinate system of all files of a cloud. Files whose units differ are no cloud: their points would lie
// anywhere. Made by the cloud.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "workloads/lidar/files/crs.hpp"
#include "workloads/lidar/files/las_file.hpp"

namespace weir::lidar {

struct JointSystem {
  CoordinateSystem system = {};         ///< of the first file whose unit is known, else of the first that names one
  std::string path = {};                ///< that file, or the first
  std::vector<std::string> flaws = {};  ///< what single files' records have wrong, a sentence each that names the file
  std::vector<std::string> told = {};   ///< where files name other systems or none, a sentence each
};

/// Throws InvalidArgument naming both files and the remedy where units differ, or records of one kind do.
[[nodiscard]] JointSystem join_systems(std::span<const LasFile> files);

}  // namespace weir::lidar
