// How the bodies of a chunk's kernels follow each other, the same for every device that runs them: steps, each of so
// many items that may run at once, and none before all of the step before it. Called by what launches them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "state.hpp"
#include "workloads/lidar/chunk_computer.hpp"

namespace weir::lidar::bodies {

enum class Body : std::uint8_t {
  make_code,
  count_digits,
  sum_block,
  place_block,
  move_run,
  gather_point,
  make_leaf,
  make_box,
  find_features,
  find_height,
};
inline constexpr std::size_t body_count = 10;

struct Step {
  Body body;
  std::uint32_t items;
  Parameters parameters;
};

/// Whether real numbers are of 32 or 64 bits.
enum class Precision : std::uint8_t { floats, doubles };

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
