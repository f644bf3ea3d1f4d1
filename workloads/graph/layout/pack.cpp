#include "workloads/graph/layout/pack.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "workloads/graph/layout/board.hpp"
#include "workloads/graph/layout/footprint.hpp"
#include "workloads/graph/layout/place.hpp"
#include "workloads/graph/layout/quality.hpp"

namespace weir::graph {
namespace {

/// Past this many cells of the raster, or of all edges on it, it has larger ones.
constexpr double max_cells = 4e6, max_drawn_cells = 2e7;
/// In edges. Components have two margins of it between them.
constexpr double usual_side = 0.5;
/// Sources of the searches that say how long a component's edges are to be.
constexpr std::uint32_t scale_sources = 10;

struct Part {
  std::vector<std::uint32_t> nodes;
  std::vector<Edge> edges;
};

std::vector<Part> parts_of(const Graph& graph, const Components& components) {
  std::vector<Part> parts(components.sizes.size());
  for (std::uint32_t node = 0; node < graph.nodes; ++node) parts[components.of[node]].nodes.push_back(node);
  for (const Edge& edge : graph.edges) parts[components.of[edge.source]].edges.push_back(edge);
  return parts;
}

/// The scale at which the component's distances are as in the graph; `place_in` has room for a number a node.
double scale_of(const Part& part, std::span<const Position> positions, std::vector<std::uint32_t>& place_in) {
  if (part.edges.empty()) return 1;
  Graph alone;
  alone.nodes = static_cast<std::uint32_t>(part.nodes.size());
  std::vector<Position> places(part.nodes.size());
  for (std::uint32_t i = 0; i < alone.nodes; ++i) {
    place_in[part.nodes[i]] = i;
    places[i] = positions[part.nodes[i]];
  }
  for (const Edge& edge : part.edges)
    alone.edges.push_back({place_in[edge.source], place_in[edge.target], edge.weight});
  const double scale = measure(alone, places, 1, scale_sources).scale;
  return scale > 0 ? scale : 1;
}

struct Extent {
  double width = 0, height = 0;
};

/// Scales a component and puts the middle of its extent at the origin.
Extent centred(const Part& part, std::span<Position> positions, double scale) {
  std::array<double, 3> low, high;
  low.fill(1e300);
  high.fill(-1e300);
  const auto coordinates = [](const Position& at) { return std::array<double, 3>{at.x, at.y, at.z}; };
  for (const std::uint32_t node : part.nodes) {
    const std::array<double, 3> at = coordinates(positions[node]);
    for (std::size_t c = 0; c < 3; ++c) low[c] = std::min(low[c], at[c]), high[c] = std::max(high[c], at[c]);
  }
  for (const std::uint32_t node : part.nodes) {
    const std::array<double, 3> at = coordinates(positions[node]);
    std::array<float, 3> to{};
    for (std::size_t c = 0; c < 3; ++c) to[c] = static_cast<float>(scale * (at[c] - (low[c] + high[c]) / 2));
    positions[node] = {to[0], to[1], to[2]};
  }
  return {scale * (high[0] - low[0]), scale * (high[1] - low[1])};
}

}  // namespace

void pack(const Graph& graph, const Components& components, std::span<Position> positions) {
  require_one_finite_each(graph, positions);
  if (components.sizes.size() < 2) return;
  const std::vector<Part> parts = parts_of(graph, components);
  std::vector<std::uint32_t> place_in(graph.nodes);
  double area = 0;
  for (const Part& part : parts) {
    const Extent extent = centred(part, positions, scale_of(part, positions, place_in));
    area += (extent.width + 5 * usual_side) * (extent.height + 5 * usual_side);
  }
  const double drawn = mean_length(graph, positions) * static_cast<double>(graph.edges.size());
  const double side = std::max({usual_side, std::sqrt(area / max_cells), drawn / max_drawn_cells});

  std::vector<std::uint32_t> order(parts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return parts[a].nodes.size() > parts[b].nodes.size(); });
  Board board;
  for (const std::uint32_t each : order) {
    const Part& part = parts[each];
    const Cell offset = board.place(footprint_of(part.nodes, part.edges, positions, side), part.nodes.size());
    for (const std::uint32_t node : part.nodes) {
      positions[node].x += static_cast<float>(offset.x * side);
      positions[node].y += static_cast<float>(offset.y * side);
    }
  }
}

}  // namespace weir::graph
