// Coarser and coarser graphs of a graph: a coarse node stands for a few nodes that are close, and its mass is the
// number of nodes of the graph itself that it stands for. A run lays the coarsest out first and each finer one from
// there, so that the large shape is found where steps are cheap. The same graph gives the same levels. Called by runs.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

struct CoarseLevel {
  Graph graph;                           ///< without labels; an edge's weight is the sum of those that it stands for
  std::vector<float> masses;             ///< of each node: at least 1
  std::vector<std::uint32_t> coarse_of;  ///< the node here of each node of the next finer level, or of the graph
};

/// Levels from the finest, which is coarser than `graph`, to the coarsest; none if the graph has at most `max_coarsest`
/// nodes. A level has about a quarter of the next finer one's nodes and at most nine tenths; the coarsest has at most
/// `max_coarsest` but where too few nodes would merge. Nodes merge with neighbours; where those have merged with
/// enough others, with other neighbours of the same node; those without edges with each other. Takes time and memory
/// in proportion to nodes and edges. Where `is_over` says so, which is asked before each merging, the levels end there.
[[nodiscard]] std::vector<CoarseLevel> coarsen(const Graph& graph, std::uint32_t max_coarsest = 50,
                                               const std::function<bool()>& is_over = {});

}  // namespace weir::graph
