#include "workloads/graph/layout/components.hpp"

#include <numeric>

namespace weir::graph {
namespace {

/// Strong enough that components lie closer than a large one is wide, and weak enough to bend none: at this gravity
/// nodes without edges are about three ideal distances apart.
constexpr float weak_gravity = 0.3F;

std::uint32_t root_of(std::vector<std::uint32_t>& parents, std::uint32_t node) {
  while (parents[node] != node) node = parents[node] = parents[parents[node]];
  return node;
}

}  // namespace

Components components_of(const Graph& graph) {
  Components made;
  std::vector<std::uint32_t>& of = made.of;
  of.resize(graph.nodes);
  std::iota(of.begin(), of.end(), 0U);
  for (const Edge& edge : graph.edges) {
    const std::uint32_t a = root_of(of, edge.source), b = root_of(of, edge.target);
    of[a < b ? b : a] = a < b ? a : b;  // the root is the first node, which has its number before the others ask for it
  }
  for (std::uint32_t node = 0; node < graph.nodes; ++node) of[node] = root_of(of, node);
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    if (of[node] == node) {
      of[node] = static_cast<std::uint32_t>(made.sizes.size());
      made.sizes.push_back(0);
    } else {
      of[node] = of[of[node]];
    }
    ++made.sizes[of[node]];
  }
  return made;
}

Law gathering(Law law, const Components& components) {
  if (law.kind == LawKind::fruchterman_reingold && law.gravity == 0 && components.sizes.size() > 1)
    law.gravity = weak_gravity;
  return law;
}

}  // namespace weir::graph
