// A layout as a flat picture in pixels: where nodes and edges are, how large and how faint. What is longer lies across;
// three dimensions are seen a little from above, the nearest last. Made by the writers of SVG and PNG.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

struct Drawing {
  struct Point {
    float x = 0, y = 0;
  };
  double width = 0, height = 0;       ///< pixels
  std::vector<Point> points;          ///< of the nodes
  std::vector<std::uint32_t> order;   ///< of the nodes: the nearest last, and of those as near the richest in edges
  std::vector<float> tone;            ///< of the nodes, 0 to 1: by their degree
  double radius = 0, line_width = 0;  ///< of a usual node, and of edges; pixels
  double line_opacity = 0;

  /// Of a node: larger for more edges.
  [[nodiscard]] double radius_of(std::uint32_t node) const noexcept {
    const double its_tone{tone[node]};
    return radius * (0.8 + 1.2 * its_tone * its_tone);
  }
};

/// `positions` has one a node; one that is not finite counts as the origin.
[[nodiscard]] Drawing drawing_of(const Graph& graph, std::span<const Position> positions);

}  // namespace weir::graph
