#include "workloads/graph/layout/coarsen.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "workloads/graph/edges/adjacency.hpp"

namespace weir::graph {
namespace {

constexpr std::uint32_t none = ~0U;

/// Which nodes of one graph merge.
class Merging {
 public:
  Merging(const Adjacency& neighbours, std::span<const float> masses)
      : neighbours_(neighbours), masses_(masses), group_of_(neighbours.nodes(), none) {}

  /// Fills the group of each node; gives the number of groups.
  std::uint32_t assign() {
    by_degree();
    pair();
    join();
    gather();
    return number_by_first_member();
  }
  std::vector<std::uint32_t> groups() && { return std::move(group_of_); }

 private:
  static constexpr std::uint8_t max_joined = 3, max_gathered = 4;

  /// Nodes with few neighbours first, as those with many find one in the end too.
  void by_degree() {
    constexpr std::uint32_t classes = 64;
    std::vector<std::uint32_t> begins(classes + 1);
    const auto degree = [&](std::uint32_t node) { return std::min(neighbours_.degree(node), classes - 1); };
    for (std::uint32_t node = 0; node < neighbours_.nodes(); ++node) ++begins[degree(node) + 1];
    std::partial_sum(begins.begin(), begins.end(), begins.begin());
    order_.resize(neighbours_.nodes());
    for (std::uint32_t node = 0; node < neighbours_.nodes(); ++node) order_[begins[degree(node)]++] = node;
  }

  /// The neighbour that `allowed` with the heaviest edge for its mass, the first of equals; none if there is none.
  template <class Allowed, class Mass>
  std::uint32_t best_neighbour(std::uint32_t node, const Allowed& allowed, const Mass& mass) const {
    std::uint32_t best = none;
    float best_score = 0;
    for (std::uint32_t at = neighbours_.offsets[node]; at < neighbours_.offsets[node + 1]; ++at) {
      const std::uint32_t neighbour = neighbours_.columns[at];
      if (!allowed(neighbour)) continue;
      const float score = neighbours_.weights[at] / mass(neighbour);
      if (best != none && score <= best_score) continue;
      best = neighbour;
      best_score = score;
    }
    return best;
  }

  std::uint32_t open(std::uint32_t node) {
    group_of_[node] = static_cast<std::uint32_t>(sizes_.size());
    sizes_.push_back(1);
    group_masses_.push_back(masses_[node]);
    return group_of_[node];
  }
  void enter(std::uint32_t node, std::uint32_t group) {
    group_of_[node] = group;
    ++sizes_[group];
    group_masses_[group] += masses_[node];
  }

  void pair() {
    for (const std::uint32_t node : order_) {
      if (group_of_[node] != none) continue;
      const std::uint32_t partner = best_neighbour(
          node, [&](std::uint32_t other) { return group_of_[other] == none; },
          [&](std::uint32_t other) { return masses_[other]; });
      if (partner != none) enter(partner, open(node));
    }
  }

  /// Nodes whose neighbours are all in pairs make a pair a group of three.
  void join() {
    for (const std::uint32_t node : order_) {
      if (group_of_[node] != none) continue;
      const std::uint32_t host = best_neighbour(
          node, [&](std::uint32_t other) { return group_of_[other] != none && sizes_[group_of_[other]] < max_joined; },
          [&](std::uint32_t other) { return group_masses_[group_of_[other]]; });
      if (host != none) enter(node, group_of_[host]);
    }
  }

  /// What is left are neighbours of nodes with many, such as a star's leaves, and nodes without neighbours. They merge
  /// with others that are left and have the same neighbour.
  void gather() {
    std::vector<std::uint32_t> open_at(std::size_t{neighbours_.nodes()} + 1, none);  // the last is for those without
    for (const std::uint32_t node : order_) {
      if (group_of_[node] != none) continue;
      std::uint32_t centre = neighbours_.nodes();
      for (const std::uint32_t neighbour : neighbours_.row(node))
        if (centre == neighbours_.nodes() || neighbours_.degree(neighbour) > neighbours_.degree(centre))
          centre = neighbour;
      std::uint32_t& group = open_at[centre];
      if (group == none || sizes_[group] == max_gathered)
        group = open(node);
      else
        enter(node, group);
    }
  }

  /// Groups in the order of their first members, so that what is close in memory stays so.
  std::uint32_t number_by_first_member() {
    std::vector<std::uint32_t> number(sizes_.size(), none);
    std::uint32_t groups = 0;
    for (std::uint32_t& group : group_of_) {
      if (number[group] == none) number[group] = groups++;
      group = number[group];
    }
    return groups;
  }

  const Adjacency& neighbours_;
  std::span<const float> masses_;
  std::vector<std::uint32_t> group_of_, order_;
  std::vector<std::uint8_t> sizes_;
  std::vector<float> group_masses_;
};

/// The nodes of each group, in ascending order.
Adjacency members_of(std::span<const std::uint32_t> group_of, std::uint32_t groups) {
  Adjacency members;
  members.offsets.resize(std::size_t{groups} + 1);
  for (const std::uint32_t group : group_of) ++members.offsets[group + 1];
  std::partial_sum(members.offsets.begin(), members.offsets.end(), members.offsets.begin());
  members.columns = std::vector<std::uint32_t>(group_of.size());  // resize() seems to write to null to GCC 12
  std::vector<std::uint32_t> next(members.offsets.begin(), members.offsets.end() - 1);
  for (std::uint32_t node = 0; node < group_of.size(); ++node) members.columns[next[group_of[node]]++] = node;
  return members;
}

/// The graph between groups: one edge where any two members have one, with the sum of their weights.
Graph between_groups(const Adjacency& neighbours, std::span<const std::uint32_t> group_of, std::uint32_t groups) {
  const Adjacency members = members_of(group_of, groups);
  Graph made;
  made.nodes = groups;
  std::vector<std::uint32_t> edge_to(groups, none);
  for (std::uint32_t group = 0; group < groups; ++group) {
    const std::size_t begin = made.edges.size();
    for (const std::uint32_t node : members.row(group)) {
      for (std::uint32_t at = neighbours.offsets[node]; at < neighbours.offsets[node + 1]; ++at) {
        const std::uint32_t other = group_of[neighbours.columns[at]];
        if (other <= group) continue;
        if (edge_to[other] == none || edge_to[other] < begin) {
          edge_to[other] = static_cast<std::uint32_t>(made.edges.size());
          made.edges.push_back({group, other, 0});
        }
        made.edges[edge_to[other]].weight += neighbours.weights[at];
      }
    }
    std::sort(made.edges.begin() + static_cast<std::ptrdiff_t>(begin), made.edges.end(),
              [](const Edge& a, const Edge& b) { return a.target < b.target; });
  }
  return made;
}

/// One merging of `finer`; nothing where too few nodes merge.
std::optional<CoarseLevel> merged(const Graph& finer, std::span<const float> masses) {
  const Adjacency neighbours = adjacency_of(finer);
  CoarseLevel level;
  Merging merging(neighbours, masses);
  const std::uint32_t groups = merging.assign();
  if (std::uint64_t{groups} * 10 > std::uint64_t{finer.nodes} * 9) return std::nullopt;
  level.coarse_of = std::move(merging).groups();
  level.graph = between_groups(neighbours, level.coarse_of, groups);
  level.masses.resize(groups);
  for (std::uint32_t node = 0; node < finer.nodes; ++node) level.masses[level.coarse_of[node]] += masses[node];
  return level;
}

}  // namespace

std::vector<CoarseLevel> coarsen(const Graph& graph, std::uint32_t max_coarsest, const std::function<bool()>& is_over) {
  std::vector<CoarseLevel> levels;
  const Graph* finer = &graph;
  std::vector<float> masses(graph.nodes, 1.0F);
  const auto goes_on = [&] { return !is_over || !is_over(); };
  while (finer->nodes > max_coarsest && goes_on()) {
    std::optional<CoarseLevel> level = merged(*finer, masses);
    if (!level) break;
    // Twice, as one merging shortens a grid in one direction alone, whose layout would be too long in the other.
    if (level->graph.nodes > max_coarsest && goes_on()) {
      if (std::optional<CoarseLevel> next = merged(level->graph, level->masses)) {
        for (std::uint32_t& node : level->coarse_of) node = next->coarse_of[node];
        next->coarse_of = std::move(level->coarse_of);
        level = std::move(next);
      }
    }
    masses = level->masses;
    levels.push_back(*std::move(level));
    finer = &levels.back().graph;
  }
  return levels;
}

}  // namespace weir::graph
