// What a run's settings come to for a cloud: checked, and as what the computation and its buffers need. Called by
// the pipeline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/pipeline.hpp"

namespace weir::lidar {

/// Throws InvalidArgument naming the setting that makes no sense.
[[nodiscard]] ComputeSettings compute_settings(const Cloud& cloud, const RunSettings& settings);
/// What height_above_ground is measured from, in words; empty where no feature needs it.
[[nodiscard]] std::string height_rule(const ComputeSettings& settings);
/// Of one point.
[[nodiscard]] std::uint64_t bytes_of(const std::vector<ScopeColumn>& features);

}  // namespace weir::lidar
