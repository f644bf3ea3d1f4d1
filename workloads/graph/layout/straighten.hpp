// Unfolds the layout of a small graph: moves its nodes until distances on the picture are as in the graph, as far as
// they can be (Gansner, Koren and North 2004). Forces leave a large graph's rim wider than its middle and long
// branches bent; a coarse level that is straight has finer ones start, and stay, near to what is right. Called by runs
// between levels.
#pragma once

#include <cstdint>
#include <span>

#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

inline constexpr std::uint32_t max_straightened = 1000;

/// Does nothing to a graph of more than max_straightened nodes. The layout keeps its size; components keep where they
/// are. The same positions give the same result. Takes 30 passes over all pairs.
void straighten(const Adjacency& neighbours, std::span<Position> positions);

}  // namespace weir::graph
