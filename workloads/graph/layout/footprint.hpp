// The cells of a square raster that a component covers on the picture: its nodes, edges, what they enclose, and a
// margin. Called by what packs components.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

struct Cell {
  std::int32_t x = 0, y = 0;
};

/// The cell of a place in a raster of `side`.
[[nodiscard]] Cell cell_at(const Position& place, double side);

/// Of nodes and of edges between any of `positions`, each cell once; cells of the margin have others of these on one
/// side and nothing on the other.
[[nodiscard]] std::vector<Cell> footprint_of(std::span<const std::uint32_t> nodes, std::span<const Edge> edges,
                                             std::span<const Position> positions, double side);

}  // namespace weir::graph
