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
  std::vector<std::uint32_t> order;   ///< nodes and, by their nearer end, edges are drawn in
  std::vector<float> tone;            ///< of the nodes, 0 to 1: by their degree
  double radius = 0, line_width = 0;  ///< of nodes and edges; pixels
  double line_opacity = 0;
};

/// `positions` has one a node; one that is not finite counts as the origin.
[[nodiscard]] Drawing drawing_of(const Graph& graph, std::span<const Position> positions);

}  // namespace weir::graph
