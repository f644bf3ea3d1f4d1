// The neighbours of each node, in compressed rows: what forces gather over and searches walk. Each edge is there twice,
// once at either end. Made of a graph by the layout, the measures of quality and the writers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

struct Adjacency {
  std::vector<std::uint32_t> offsets;  ///< nodes + 1: where each node's row begins, and the last one's end
  std::vector<std::uint32_t> columns;  ///< the neighbours, of both directions; each row ascends
  std::vector<float> weights;          ///< of the edges to them

  [[nodiscard]] std::uint32_t nodes() const noexcept { return static_cast<std::uint32_t>(offsets.size() - 1); }
  [[nodiscard]] std::uint32_t degree(std::uint32_t node) const noexcept { return offsets[node + 1] - offsets[node]; }
  [[nodiscard]] std::span<const std::uint32_t> row(std::uint32_t node) const noexcept {
    return std::span(columns).subspan(offsets[node], degree(node));
  }
};

/// Takes time and memory in proportion to nodes and edges.
[[nodiscard]] Adjacency adjacency_of(const Graph& graph);

}  // namespace weir::graph
