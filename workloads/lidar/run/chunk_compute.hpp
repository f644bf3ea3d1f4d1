// The computation of one chunk on the host device: tree, then neighbours and features by threads, all in memory of
// the device that the caller took. Called by host_computer.cpp in the order of a stream.
#pragma once

#include <cstdint>
#include <span>

#include <weir/weir.hpp>

#include "workloads/lidar/run/chunk_computer.hpp"

namespace weir::lidar {

/// What comes with a chunk's points, and what is made of them, in the device's memory.
struct ChunkData {
  std::size_t queries = 0;
  const std::uint16_t* colours = nullptr;  ///< four a point, where features need them
  const std::uint8_t* classes = nullptr;   ///< where features need them
  KnownRegion known{};
  std::uint32_t* ids = nullptr;        ///< out: the cloud's index, by rank
  float* columns[feature_count] = {};  ///< out: in the set's order, by rank
};

/// The names and types of what a tree lives in, for a scope.
template <class Coordinate>
[[nodiscard]] std::vector<ScopeColumn> tree_features();
template <class Coordinate>
[[nodiscard]] BasicTreeMemory<Coordinate> workspace_memory(const PoolingScope& scope, StreamId stream);
/// The memory of a wide tree for one that is not.
[[nodiscard]] TreeMemory narrowed(const WideTreeMemory& memory) noexcept;

/// By which a chunk of so many points is computed.
[[nodiscard]] std::size_t threads_for_chunk(const ComputeSettings& settings, std::size_t points) noexcept;
/// The queries are the first of `points`.
[[nodiscard]] KernelResult compute_chunk(const ComputeSettings& settings, const ChunkData& data,
                                         std::span<const Point> points, const TreeMemory& memory);
[[nodiscard]] KernelResult compute_chunk(const ComputeSettings& settings, const ChunkData& data,
                                         std::span<const WidePoint> points, const WideTreeMemory& memory);

}  // namespace weir::lidar
