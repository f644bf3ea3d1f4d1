// Edges in whatever order and direction, made into a graph: each undirected edge once, sorted, loops left out. Of edges
// that are given more than once the first one's weight stays. Bounded by max_nodes and max_edges, however much is
// added. Called by the readers of files, the generators and tests.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

class GraphBuilder {
 public:
  static constexpr float min_weight = 1e-9F, max_weight = 1e9F;

  /// Throws InvalidArgument for a node that is not below max_nodes and a weight that is not from min_weight to
  /// max_weight, LimitExceeded where there are more than max_edges different edges.
  void add(std::uint32_t source, std::uint32_t target, float weight = 1);

  /// The graph of nodes 0 to `nodes` - 1; the builder is empty then. Throws InvalidArgument where an edge has another
  /// node, or `nodes` is above max_nodes; LimitExceeded as add() does.
  [[nodiscard]] Graph finish(std::uint32_t nodes);

 private:
  void compact();
  void sort_by(std::uint32_t Edge::*end);

  std::vector<Edge> edges_, sorted_;
  std::vector<std::uint32_t> counts_;
  std::uint32_t nodes_ = 0;  // above every node of an edge or loop
  std::uint64_t self_loops_ = 0, duplicates_ = 0;
};

}  // namespace weir::graph
