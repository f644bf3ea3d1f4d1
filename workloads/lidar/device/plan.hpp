// How the bodies of a chunk's kernels follow each other, the same for every device that runs them: steps, each of so
// many items that may run at once, and none before all of the step before it. Called by what launches them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "compute/step.hpp"
#include "workloads/lidar/device/kernels.hpp"
#include "workloads/lidar/device/state.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"

namespace weir::lidar::bodies {

using Step = compute::Step<Body, Parameters>;
using compute::Precision;

/// The steps of a chunk that has a point at least.
[[nodiscard]] std::vector<Step> plan(const ComputeSettings& settings, const ChunkJob& job, Precision precision);

/// What the steps need of a workspace of workspace_elements(points) elements.
[[nodiscard]] std::vector<ScopeColumn> workspace_features();
[[nodiscard]] constexpr std::size_t workspace_elements(std::size_t points) noexcept { return points + 128; }
/// Rows of ids and features, and what the host has to know of each query.
[[nodiscard]] std::vector<ScopeColumn> output_features(const FeatureSet& features);

/// The largest chunk whose buffers are of `bytes` at most each, with as many points again for the halo.
[[nodiscard]] std::size_t max_queries(const FeatureSet& features, std::uint64_t bytes);

/// The buffer `columns` for an output: where each begins, in words, or no_column.
[[nodiscard]] std::vector<std::uint32_t> columns_of(const FeatureSet& features, const PoolingScope& output);
/// What the states in a downloaded output say of its queries.
[[nodiscard]] KernelResult result_of(const PoolingScope& output, std::span<const std::byte> bytes, std::size_t queries);

}  // namespace weir::lidar::bodies
