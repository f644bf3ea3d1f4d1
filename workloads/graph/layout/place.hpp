// Where a layout starts: at random for the coarsest level, and for a finer one at the places of the coarser. The same
// seed gives the same places. Called by runs, before each level.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/forces/law.hpp"
#include "workloads/graph/layout/coarsen.hpp"

namespace weir::graph {

/// Places all over a square or cube whose sides grow with the number of nodes.
[[nodiscard]] std::vector<Position> random_places(std::uint32_t nodes, unsigned dimensions, std::uint64_t seed);

/// The places of the next finer level's nodes: between the coarse node that one is part of and those that its
/// neighbours are part of, and a little to a side by chance, so that no two are at one place.
[[nodiscard]] std::vector<Position> prolong(const CoarseLevel& level, const Adjacency& finer,
                                            std::span<const Position> coarse, unsigned dimensions, std::uint64_t seed);

/// `law`, with the attraction that it has for edges of weight 1 for those of the graph's mean weight.
[[nodiscard]] Law by_mean_weight(Law law, const Graph& graph);

/// Scales a layout about its centre, which becomes the origin, to the size at which the law's pushes and pulls balance
/// as a whole; springs: to edges of their length on the whole. So steps have only the shape to find. Leaves the size
/// where nothing pulls.
void fit(const Graph& graph, const Law& law, std::span<Position> positions);

/// The mean length of the graph's edges; without edges the distance of nodes that fill the layout's extent evenly.
[[nodiscard]] double mean_length(const Graph& graph, std::span<const Position> positions);

/// The distance of nodes next to each other, where they fill a disc or a ball evenly that has their mean square
/// distance from the centre.
[[nodiscard]] double spacing_of(std::span<const Position> positions, unsigned dimensions);

}  // namespace weir::graph
