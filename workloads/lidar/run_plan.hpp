// What a run's settings come to for a cloud: checked, and as what the computation and its buffers need. Called by
// the pipeline.
#pragma once

#include <cstdint>
#include <vector>

#include <weir/weir.hpp>

#include "chunk_compute.hpp"
#include "cloud.hpp"
#include "pipeline.hpp"

namespace weir::lidar {

/// Throws InvalidArgument naming the setting that makes no sense.
[[nodiscard]] ComputeSettings compute_settings(const Cloud& cloud, const RunSettings& settings);
/// The buffers of a chunk's points and of its results.
[[nodiscard]] std::vector<ScopeFeature> input_features(const FeatureSet& features);
[[nodiscard]] std::vector<ScopeFeature> output_features(const FeatureSet& features);
/// Of one point.
[[nodiscard]] std::uint64_t bytes_of(const std::vector<ScopeFeature>& features);

}  // namespace weir::lidar
