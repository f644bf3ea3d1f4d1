// What a chunk of a wide cloud is brought to: its cells are only for finding it, its exact coordinates are what is
// computed on. Nearly all chunks are less than 2^31 units across; these are as any other cloud's. Called by the
// pipeline and the far queries.
#pragma once

#include <cstdint>
#include <span>

#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"

namespace weir::lidar {

/// The distance of two points' cells is less than this off their own, in cells: it is less than one along each axis.
inline constexpr double cells_off = 2;

/// The region of these cells, in units.
[[nodiscard]] KnownRegion in_units(const KnownRegion& cells, unsigned cell_bits) noexcept;

/// What is within √`reach` units of a point has its cell within the root of this of the point's, in cells.
[[nodiscard]] std::uint64_t reach_in_cells(WideSquare reach, unsigned cell_bits) noexcept;

/// A job of these points, the queries first. Where they and the sides of what is known are near enough to each other,
/// `points` are brought to the narrow form in their own place, from an origin of their own.
[[nodiscard]] ChunkJob settle(std::span<WidePoint> points, std::size_t queries, const KnownRegion& known,
                              const Search& search) noexcept;

}  // namespace weir::lidar
