#include "workloads/graph/edges/adjacency.hpp"

#include <numeric>

namespace weir::graph {

// The edges ascend by source, then target, so that two passes over them fill each row in its order: first the
// neighbours below a node, for which it is the target, then those above it.
Adjacency adjacency_of(const Graph& graph) {
  Adjacency made;
  made.offsets.resize(std::size_t{graph.nodes} + 1);
  for (const Edge& edge : graph.edges) {
    ++made.offsets[edge.source + 1];
    ++made.offsets[edge.target + 1];
  }
  std::partial_sum(made.offsets.begin(), made.offsets.end(), made.offsets.begin());
  made.columns.resize(2 * graph.edges.size());
  made.weights.resize(2 * graph.edges.size());
  std::vector<std::uint32_t> next(made.offsets.begin(), made.offsets.end() - 1);
  const auto put = [&](std::uint32_t node, std::uint32_t neighbour, float weight) {
    const std::uint32_t at = next[node]++;
    made.columns[at] = neighbour;
    made.weights[at] = weight;
  };
  for (const Edge& edge : graph.edges) put(edge.target, edge.source, edge.weight);
  for (const Edge& edge : graph.edges) put(edge.source, edge.target, edge.weight);
  return made;
}

}  // namespace weir::graph
