// Nodes and edges that come and go while a layout runs. Numbers stay dense: where nodes are taken out, those whose
// numbers are past the new count take the free ones, the highest the highest, and all others keep theirs. Removing a
// node removes its edges. Filled by whoever changes a graph, applied between two steps.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

/// All numbers are those before the change; added nodes have the numbers from the old count on. In this order: edges
/// are taken out, nodes and edges added, nodes taken out.
struct Changes {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> removed_edges;  ///< in either direction
  std::vector<Position> added_nodes;                                   ///< where they are; they rest
  std::vector<Edge> added_edges;                                       ///< in either direction
  std::vector<std::uint32_t> removed_nodes;

  [[nodiscard]] bool empty() const noexcept {
    return removed_edges.empty() && added_nodes.empty() && added_edges.empty() && removed_nodes.empty();
  }
};

/// Elements [first, last).
struct Range {
  std::uint32_t first = 0, last = 0;
  [[nodiscard]] std::uint32_t size() const noexcept { return last - first; }
};

struct Changed {
  Adjacency rows;
  /// Nodes that got another number: from, to. No number is in both.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> moves;
  Range offsets, columns;  ///< of `rows`, what differs from before; of columns weights too
};

/// The rows after the changes, by one pass over all of them: rows that no change touches are copied as they are, which
/// takes 2 ms for a million edges. Throws InvalidArgument, which names the node or edge, for one that is not there,
/// that is taken out twice, an edge that is there already, from a node to itself or to one that is taken out, a weight
/// that is not above 0, and a graph without nodes; LimitExceeded past max_nodes and max_edges.
[[nodiscard]] Changed changed_rows(const Adjacency& before, const Changes& changes);

}  // namespace weir::graph
