// A layout as a PNG: faint lines, and above them small nodes, coloured by their degrees. Drawn by cairo: not in builds
// without it. Called by write_layout.
#pragma once

#include <span>
#include <string>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

/// The file's bytes. Throws DriverError with cairo's reason.
[[nodiscard]] std::string png_of(const Graph& graph, std::span<const Position> positions);

}  // namespace weir::graph
