#include "workloads/graph/layout/quality.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <weir/errors.hpp>

#include "compute/team.hpp"

namespace weir::graph {
namespace {

/// Nodes of all graphs that are searched at the same time.
constexpr std::uint64_t max_search_nodes = 16'000'000;

double distance_of(const Position& a, const Position& b) {
  return std::hypot(double{a.x} - b.x, double{a.y} - b.y, double{a.z} - b.z);
}

/// The sums that give the stress: with p on the picture and d in the graph it is Σ (scale·p/d − 1)², so that the best
/// scale and the least stress follow from Σ p/d and Σ p²/d².
struct Sums {
  double first = 0, second = 0;
  std::uint64_t pairs = 0;
};

/// Breadth-first searches of one thread, which keep their memory from source to source.
class Search {
 public:
  Search(const Adjacency& neighbours, std::span<const Position> positions)
      : neighbours_(neighbours), positions_(positions), distances_(positions.size()) {}

  Sums from(std::uint32_t source) {
    Sums sums;
    std::fill(distances_.begin(), distances_.end(), unreached);
    distances_[source] = 0;
    queue_.assign(1, source);
    for (std::size_t next = 0; next < queue_.size(); ++next) {
      const std::uint32_t node = queue_[next];
      if (next > 0) {
        const double ratio = distance_of(positions_[source], positions_[node]) / distances_[node];
        sums.first += ratio;
        sums.second += ratio * ratio;
      }
      for (const std::uint32_t neighbour : neighbours_.row(node)) {
        if (distances_[neighbour] != unreached) continue;
        distances_[neighbour] = distances_[node] + 1;
        queue_.push_back(neighbour);
      }
    }
    sums.pairs = queue_.size() - 1;
    return sums;
  }

 private:
  static constexpr std::uint32_t unreached = ~0U;
  const Adjacency& neighbours_;
  std::span<const Position> positions_;
  std::vector<std::uint32_t> distances_, queue_;
};

double spread_of_lengths(const Graph& graph, std::span<const Position> positions) {
  if (graph.edges.empty()) return 0;
  const auto length = [&](const Edge& edge) { return distance_of(positions[edge.source], positions[edge.target]); };
  const double count = static_cast<double>(graph.edges.size());
  double mean = 0, variance = 0;
  for (const Edge& edge : graph.edges) mean += length(edge) / count;
  for (const Edge& edge : graph.edges) variance += (length(edge) - mean) * (length(edge) - mean) / count;
  return mean > 0 ? std::sqrt(variance) / mean : 0;
}

}  // namespace

void require_one_finite_each(const Graph& graph, std::span<const Position> positions) {
  if (positions.size() != graph.nodes)
    throw InvalidArgument("positions of a layout: there are " + std::to_string(positions.size()) + " for " +
                          std::to_string(graph.nodes) + " nodes; pass one for each node");
  for (std::size_t node = 0; node < positions.size(); ++node) {
    const Position& at = positions[node];
    if (!std::isfinite(at.x) || !std::isfinite(at.y) || !std::isfinite(at.z))
      throw InvalidArgument("positions of a layout: that of node " + std::to_string(node) +
                            " is not finite; lay the graph out with smaller steps");
  }
}

Quality measure(const Graph& graph, std::span<const Position> positions, unsigned threads, std::uint32_t max_sources,
                const std::function<bool()>& is_over) {
  return measure(graph, adjacency_of(graph), positions, threads, max_sources, is_over);
}

Quality measure(const Graph& graph, const Adjacency& neighbours, std::span<const Position> positions, unsigned threads,
                std::uint32_t max_sources, const std::function<bool()>& is_over) {
  require_one_finite_each(graph, positions);
  Quality quality;
  quality.edge_length_spread = spread_of_lengths(graph, positions);
  const std::uint32_t sources = std::min(graph.nodes, max_sources);
  if (sources == 0) return quality;
  if (threads == 0) threads = std::max(std::thread::hardware_concurrency(), 1U);
  // A search has two words a node.
  const auto fitting = static_cast<unsigned>(std::max<std::uint64_t>(max_search_nodes / graph.nodes, 1));
  compute::Team team(std::min({threads, sources, fitting}));
  std::vector<Search> searches(team.size(), Search(neighbours, positions));
  std::vector<Sums> of_source(sources);
  team.in_turn(sources, [&](std::size_t self, std::size_t i) {
    if (i > 0 && is_over && is_over()) return;
    of_source[i] = searches[self].from(static_cast<std::uint32_t>(std::uint64_t{graph.nodes} * i / sources));
  });
  Sums sums;  // in the order of the sources, whichever thread came first
  for (const Sums& each : of_source) {
    sums.first += each.first;
    sums.second += each.second;
    sums.pairs += each.pairs;
  }
  quality.pairs = sums.pairs;
  if (sums.pairs == 0) return quality;
  quality.scale = sums.second > 0 ? sums.first / sums.second : 0;
  quality.stress = std::max(0.0, 1 - quality.scale * sums.first / static_cast<double>(sums.pairs));
  return quality;
}

}  // namespace weir::graph
