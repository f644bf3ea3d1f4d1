#include "workloads/graph/edges/builder.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include <weir/errors.hpp>

#include "compute/range.hpp"

namespace weir::graph {

void GraphBuilder::add(std::uint32_t source, std::uint32_t target, float weight) {
  const std::uint32_t low = std::min(source, target), high = std::max(source, target);
  if (high >= max_nodes) {
    throw InvalidArgument("graph: node " + std::to_string(high) + " is past the last that a graph may have, " +
                              std::to_string(max_nodes - 1),
                          {.name = "nodes", .limit = max_nodes});
  }
  compute::require_range("graph", "weight of an edge", "", weight, {min_weight, max_weight});
  nodes_ = std::max(nodes_, high + 1);
  if (low == high) {
    ++self_loops_;
    return;
  }
  // Duplicates are dropped only when they fill the room, so that edges cost one sort and not one search each.
  if (edges_.size() == std::size_t{2} * max_edges) compact();
  edges_.push_back({low, high, weight});
}

Graph GraphBuilder::finish(std::uint32_t nodes) {
  if (nodes > max_nodes) {
    throw InvalidArgument(
        "graph: " + std::to_string(nodes) + " nodes asked for; at most " + std::to_string(max_nodes) + " are laid out",
        {.name = "nodes", .limit = max_nodes});
  }
  if (nodes < nodes_) {
    throw InvalidArgument("graph: an edge has node " + std::to_string(nodes_ - 1) + ", and there are only " +
                              std::to_string(nodes) + " nodes, from 0",
                          {.name = "nodes", .limit = nodes});
  }
  compact();
  Graph made;
  made.nodes = nodes;
  made.edges = std::move(edges_);
  made.self_loops = self_loops_;
  made.duplicates = duplicates_;
  *this = {};
  return made;
}

/// Sorts the edges and drops all but the first of those with the same ends.
void GraphBuilder::compact() {
  sort_by(&Edge::target);
  sort_by(&Edge::source);
  const auto end = std::unique(edges_.begin(), edges_.end(), [](const Edge& a, const Edge& b) {
    return a.source == b.source && a.target == b.target;
  });
  duplicates_ += static_cast<std::uint64_t>(edges_.end() - end);
  edges_.erase(end, edges_.end());
  if (edges_.size() > max_edges) {
    throw LimitExceeded(
        "graph: more than " + std::to_string(max_edges) + " different edges; no larger graph is laid out",
        {.name = "edges", .limit = max_edges});
  }
}

/// A counting sort, which keeps the order of equals.
void GraphBuilder::sort_by(std::uint32_t Edge::*end) {
  counts_.assign(std::size_t{nodes_} + 1, 0);
  for (const Edge& edge : edges_) ++counts_[edge.*end + 1];
  std::partial_sum(counts_.begin(), counts_.end(), counts_.begin());
  sorted_.resize(edges_.size());
  for (const Edge& edge : edges_) sorted_[counts_[edge.*end]++] = edge;
  edges_.swap(sorted_);
}

}  // namespace weir::graph
