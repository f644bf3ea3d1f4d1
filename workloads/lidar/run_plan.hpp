// What a run's settings come to for a cloud: checked, and as what the computation and its buffers need. Called by
// the pipeline.
#pragma once

#include <cstdint>
#include <vector>

#include <weir/weir.hpp>

#include "chunk_computer.hpp"
#include "cloud.hpp"
#include "pipeline.hpp"

namespace weir::lidar {

/// Throws InvalidArgument naming the setting that makes no sense.
[[nodiscard]] ComputeSettings compute_settings(const Cloud& cloud, const RunSettings& settings);
/// Of one point.
[[nodiscard]] std::uint64_t bytes_of(const std::vector<ScopeFeature>& features);

}  // namespace weir::lidar
