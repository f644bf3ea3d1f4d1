#include "workloads/graph/edges/generate.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <weir/errors.hpp>

#include "workloads/graph/edges/builder.hpp"

namespace weir::graph {
namespace {

/// The engine is the same everywhere; the standard library's distributions are not.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}
  /// 0 to `count` - 1.
  std::uint32_t below(std::uint32_t count) { return static_cast<std::uint32_t>(((engine_() >> 32) * count) >> 32); }
  /// 0 to 1, without 1.
  double part() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }

 private:
  std::mt19937_64 engine_;
};

void require_size(std::uint64_t nodes, std::uint64_t edges) {
  if (nodes == 0 || nodes > max_nodes || edges > max_edges) {
    throw InvalidArgument("graph: " + std::to_string(nodes) + " nodes and " + std::to_string(edges) +
                              " edges asked for; a graph has 1 to " + std::to_string(max_nodes) + " nodes and up to " +
                              std::to_string(max_edges) + " edges",
                          {.name = "nodes", .limit = max_nodes});
  }
}

}  // namespace

Graph grid_graph(std::uint32_t width, std::uint32_t height) {
  require_size(std::uint64_t{width} * height, 0);
  GraphBuilder builder;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::uint32_t node = y * width + x;
      if (x + 1 < width) builder.add(node, node + 1);
      if (y + 1 < height) builder.add(node, node + width);
    }
  }
  return builder.finish(width * height);
}

Graph preferential_graph(std::uint32_t nodes, std::uint32_t edges_per_node, std::uint64_t seed) {
  if (edges_per_node == 0 || edges_per_node >= nodes) {
    throw InvalidArgument("graph: " + std::to_string(edges_per_node) + " edges for each of " + std::to_string(nodes) +
                              " nodes asked for; at least 1, and fewer than there are nodes",
                          {.name = "edges_per_node", .limit = nodes});
  }
  const std::uint64_t edges = std::uint64_t{nodes - edges_per_node} * edges_per_node;
  require_size(nodes, edges);
  GraphBuilder builder;
  Draws draws(seed);
  std::vector<std::uint32_t> ends;  // of all edges: a node is there as often as its degree
  ends.reserve(2 * edges);
  std::vector<std::uint32_t> targets;
  for (std::uint32_t i = 0; i < edges_per_node; ++i) targets.push_back(i);
  for (std::uint32_t node = edges_per_node; node < nodes; ++node) {
    for (const std::uint32_t target : targets) {
      builder.add(node, target);
      ends.push_back(node);
      ends.push_back(target);
    }
    targets.clear();
    while (targets.size() < edges_per_node) {
      const std::uint32_t drawn = ends[draws.below(static_cast<std::uint32_t>(ends.size()))];
      if (std::find(targets.begin(), targets.end(), drawn) == targets.end()) targets.push_back(drawn);
    }
  }
  return builder.finish(nodes);
}

Graph power_law_graph(unsigned scale, std::uint32_t edges, std::uint64_t seed) {
  require_size(scale < 32 ? std::uint64_t{1} << scale : 0, edges);
  constexpr double a = 0.57, b = 0.19, c = 0.19;
  GraphBuilder builder;
  Draws draws(seed);
  for (std::uint32_t i = 0; i < edges; ++i) {
    std::uint32_t source = 0, target = 0;
    for (unsigned level = 0; level < scale; ++level) {
      const double part = draws.part();
      const bool down = part >= a + b, right = (part >= a && part < a + b) || part >= a + b + c;
      source = 2 * source + (down ? 1 : 0);
      target = 2 * target + (right ? 1 : 0);
    }
    builder.add(source, target);
  }
  return builder.finish(std::uint32_t{1} << scale);
}

}  // namespace weir::graph
