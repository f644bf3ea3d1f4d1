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

/// The scale at which the component's edges are 1 long in the mean.
double scale_by_edges(const Part& part, std::span<const Position> positions) {
  double sum = 0;
  for (const Edge& edge : part.edges) {
    const Position &a = positions[edge.source], &b = positions[edge.target];
    sum += std::hypot(double{a.x} - b.x, double{a.y} - b.y, double{a.z} - b.z);
  }
  return sum > 0 ? static_cast<double>(part.edges.size()) / sum : 1;
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

/// 0, 1, … `count` by what `value` has of them, the largest first.
template <class Value>
std::vector<std::uint32_t> falling(std::size_t count, const Value& value) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return value(a) > value(b); });
  return order;
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

  Board board;
  for (const std::uint32_t each :
       falling(parts.size(), [&](std::uint32_t part) { return static_cast<double>(parts[part].nodes.size()); })) {
    const Part& part = parts[each];
    const Cell offset = board.place(footprint_of(part.nodes, part.edges, positions, side), part.nodes.size());
    for (const std::uint32_t node : part.nodes) {
      positions[node].x += static_cast<float>(offset.x * side);
      positions[node].y += static_cast<float>(offset.y * side);
    }
  }
}

void pack_on_shelves(const Graph& graph, const Components& components, std::span<Position> positions) {
  require_one_finite_each(graph, positions);
  if (components.sizes.size() < 2) return;
  const std::vector<Part> parts = parts_of(graph, components);
  std::vector<Extent> extents;
  double area = 0, widest = 0;
  for (const Part& part : parts) {
    Extent extent = centred(part, positions, scale_by_edges(part, positions));
    extent = {extent.width + 2 * usual_side, extent.height + 2 * usual_side};
    area += extent.width * extent.height;
    widest = std::max(widest, extent.width);
    extents.push_back(extent);
  }
  const double width = std::max(widest, std::sqrt(area));
  double x = 0, y = 0, height = 0;  // of the shelf
  for (const std::uint32_t each : falling(parts.size(), [&](std::uint32_t part) { return extents[part].height; })) {
    const Extent& extent = extents[each];
    if (x + extent.width > width && x > 0) {
      y += height;
      x = 0;
    }
    if (x == 0) height = extent.height;
    for (const std::uint32_t node : parts[each].nodes) {
      positions[node].x += static_cast<float>(x + extent.width / 2);
      positions[node].y += static_cast<float>(y + extent.height / 2);
    }
    x += extent.width;
  }
}

}  // namespace weir::graph
