// Graphs of any size for tests and benches. The same arguments give the same graph on every machine. Called by tests,
// the bench and the tool.
#pragma once

#include <cstdint>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

// All throw InvalidArgument for what has no node, or more than max_nodes and max_edges.

/// A grid, with edges across and down: node y · width + x.
[[nodiscard]] Graph grid_graph(std::uint32_t width, std::uint32_t height);

/// Barabási and Albert 1999: node after node with edges to so many different earlier ones, drawn in proportion to their
/// degrees; it starts as a star of the first edges_per_node + 1 nodes. (nodes - edges_per_node) · edges_per_node edges.
[[nodiscard]] Graph preferential_graph(std::uint32_t nodes, std::uint32_t edges_per_node, std::uint64_t seed);

/// R-MAT (Chakrabarti and others 2004) with the parts of Graph500, 0.57, 0.19, 0.19 and 0.05: 2^scale nodes, and so
/// many edges drawn; loops and duplicates among them are counted and left out. Many nodes have no edge.
[[nodiscard]] Graph power_law_graph(unsigned scale, std::uint32_t edges, std::uint64_t seed);

}  // namespace weir::graph
