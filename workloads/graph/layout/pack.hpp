// Puts the components of a finished layout beside each other: each keeps its shape, gets a size at which an edge is
// about 1 long, and lies where no other does, the largest in the middle. Called by runs after the last step.
#pragma once

#include <span>

#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/layout/components.hpp"

namespace weir::graph {

/// Leaves the layout of one component as it is. In three dimensions components are packed by x and y, as a picture
/// shows them. The same positions give the same result. Throws InvalidArgument unless there is one finite position a
/// node.
void pack(const Graph& graph, const Components& components, std::span<Position> positions);
/// The same on shelves, the largest first, each a rectangle in which an edge's mean length is 1: less close, and in no
/// more time than sorting them takes.
void pack_on_shelves(const Graph& graph, const Components& components, std::span<Position> positions);

}  // namespace weir::graph
