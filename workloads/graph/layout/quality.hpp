// How good a layout is: its stress, which compares distances on the picture with distances in the graph, and how
// unequal its edges are. Takes positions of any origin, so that layouts of other programs are measured alike. Called at
// the end of runs, by the tool, the bench and tests.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "workloads/graph/edges/adjacency.hpp"
#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

inline constexpr std::uint32_t max_stress_sources = 200;

struct Quality {
  /// Mean over pairs of (scale·|p_s − p_v| − d)² / d², where d counts the edges of a shortest path, s is one of the
  /// sources and v another node that it reaches. 0: every distance is as in the graph; 1: all nodes are in one place.
  double stress = 0;
  double scale = 0;               ///< the one that makes the stress least; 0 if all nodes are in one place
  std::uint64_t pairs = 0;        ///< that the stress is the mean of; without any it is 0
  double edge_length_spread = 0;  ///< standard deviation of edges' lengths ÷ their mean; 0 without edges
};

/// Throws InvalidArgument unless there is one finite position a node.
void require_one_finite_each(const Graph& graph, std::span<const Position> positions);

/// Node i·n / sources for each i, rounded down, is a source, of min(n, max_sources) ones. Takes a breadth-first search
/// of each. 0 threads are one a core; the
/// result is the same for any number. Sources that come after `is_over` has said so, which any thread asks, are left
/// out of the means, but for the first. Throws InvalidArgument unless there is one finite position a node.
[[nodiscard]] Quality measure(const Graph& graph, std::span<const Position> positions, unsigned threads = 0,
                              std::uint32_t max_sources = max_stress_sources,
                              const std::function<bool()>& is_over = {});
/// The same, for a caller that has the graph's rows.
[[nodiscard]] Quality measure(const Graph& graph, const Adjacency& neighbours, std::span<const Position> positions,
                              unsigned threads, std::uint32_t max_sources, const std::function<bool()>& is_over);

}  // namespace weir::graph
