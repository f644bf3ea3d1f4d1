#include "workloads/graph/layout/place.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace weir::graph {
namespace {

/// 0 to 1, of a seed's sequence of numbers (SplitMix64, Steele and others 2014).
float chance(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed * 0xd1342543de82ef95U + (index + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  z ^= z >> 31;
  return static_cast<float>(z >> 40) / static_cast<float>(1 << 24);
}

/// A place in a square or cube of side `size` about the origin.
Position chance_place(float size, unsigned dimensions, std::uint64_t seed, std::uint64_t node) {
  const auto along = [&](std::uint64_t axis) { return size * (chance(seed, 3 * node + axis) - 0.5F); };
  return {along(0), along(1), dimensions == 3 ? along(2) : 0};
}

double length_of(const Position& a) { return std::hypot(double{a.x}, double{a.y}, double{a.z}); }
double between(const Position& a, const Position& b) { return length_of({a.x - b.x, a.y - b.y, a.z - b.z}); }

void centre(std::span<Position> positions) {
  std::array<double, 3> sum{};
  for (const Position& at : positions) sum[0] += at.x, sum[1] += at.y, sum[2] += at.z;
  const double count = static_cast<double>(positions.size());
  const Position mean{static_cast<float>(sum[0] / count), static_cast<float>(sum[1] / count),
                      static_cast<float>(sum[2] / count)};
  for (Position& at : positions) at = {at.x - mean.x, at.y - mean.y, at.z - mean.z};
}

/// What pulls do over a layout scaled by s, as Σ force·way: edges by s^power, the centre by s^centre_power. What
/// pushes do is the same at any scale, as both laws push by one over the distance.
struct Balance {
  double edges = 0, centre = 0, pushes = 0;
  int power = 2, centre_power = 2;

  [[nodiscard]] double scale() const {
    double low = 1e-12, high = 1e12;
    for (int i = 0; i < 100; ++i) {
      const double middle = std::sqrt(low * high);
      const double pulls = edges * std::pow(middle, power) + centre * std::pow(middle, centre_power);
      (pulls < pushes ? low : high) = middle;
    }
    return high;
  }
};

Balance fruchterman_reingold(const Graph& graph, const Law& law, std::span<const Position> positions) {
  Balance made{.power = 3};
  for (const Edge& edge : graph.edges) {
    const double length = between(positions[edge.source], positions[edge.target]);
    made.edges += double{law.attraction} * edge.weight * length * length * length / law.length;
  }
  for (const Position& at : positions) made.centre += law.gravity * length_of(at) * length_of(at);
  const double nodes = graph.nodes;
  made.pushes = double{law.length} * law.length * nodes * (nodes - 1) / 2;
  return made;
}

/// LinLog's edges are taken for as long as they are in the mean.
Balance force_atlas_2(const Graph& graph, const Law& law, std::span<const Position> positions) {
  Balance made{.power = law.logarithmic ? 1 : 2, .centre_power = 1};
  std::vector<double> masses(graph.nodes, 1);
  for (const Edge& edge : graph.edges) {
    const double length = between(positions[edge.source], positions[edge.target]);
    made.edges +=
        double{law.attraction} * edge.weight * (law.logarithmic ? length * std::log1p(length) : length * length);
    masses[edge.source] += 1;
    masses[edge.target] += 1;
  }
  double sum = 0, squares = 0;
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    sum += masses[node];
    squares += masses[node] * masses[node];
    made.centre += law.gravity * masses[node] * length_of(positions[node]);
  }
  made.pushes = law.repulsion * (sum * sum - squares) / 2;
  return made;
}

double spring_scale(const Graph& graph, const Law& law, std::span<const Position> positions) {
  double first = 0, second = 0;
  for (const Edge& edge : graph.edges) {
    const double length = between(positions[edge.source], positions[edge.target]);
    first += edge.weight * length;
    second += edge.weight * length * length;
  }
  return second > 0 ? law.length * first / second : 1;
}

double balanced_scale(const Graph& graph, const Law& law, std::span<const Position> positions) {
  if (law.kind == LawKind::springs) return spring_scale(graph, law, positions);
  const Balance balance = law.kind == LawKind::fruchterman_reingold ? fruchterman_reingold(graph, law, positions)
                                                                    : force_atlas_2(graph, law, positions);
  const bool balances = balance.edges + balance.centre > 0 && balance.pushes > 0;
  return balances ? balance.scale() : 1;
}

}  // namespace

std::vector<Position> random_places(std::uint32_t nodes, unsigned dimensions, std::uint64_t seed) {
  const auto side = static_cast<float>(std::pow(static_cast<double>(std::max(nodes, 1U)), 1.0 / dimensions));
  std::vector<Position> places(nodes);
  for (std::uint32_t node = 0; node < nodes; ++node) places[node] = chance_place(side, dimensions, seed, node);
  return places;
}

std::vector<Position> prolong(const CoarseLevel& level, const Adjacency& finer, std::span<const Position> coarse,
                              unsigned dimensions, std::uint64_t seed) {
  // Nodes that were merged are about half an edge apart, in each direction.
  const auto side = static_cast<float>(mean_length(level.graph, coarse) / 4);
  std::vector<Position> places(finer.nodes());
  for (std::uint32_t node = 0; node < finer.nodes(); ++node) {
    const Position& own = coarse[level.coarse_of[node]];
    std::array<float, 3> mean{own.x, own.y, own.z};
    const float share = 0.5F / static_cast<float>(std::max(finer.degree(node), 1U));
    for (const std::uint32_t neighbour : finer.row(node)) {
      const Position& other = coarse[level.coarse_of[neighbour]];
      mean[0] += share * (other.x - own.x);
      mean[1] += share * (other.y - own.y);
      mean[2] += share * (other.z - own.z);
    }
    const Position aside = chance_place(side, dimensions, seed, node);
    places[node] = {mean[0] + aside.x, mean[1] + aside.y, mean[2] + aside.z};
  }
  return places;
}

double mean_length(const Graph& graph, std::span<const Position> positions) {
  if (positions.empty()) return 0;
  double sum = 0;
  if (!graph.edges.empty()) {
    for (const Edge& edge : graph.edges) sum += between(positions[edge.source], positions[edge.target]);
    return sum / static_cast<double>(graph.edges.size());
  }
  double extent = 0;
  for (const Position& at : positions) extent = std::max(extent, between(at, positions[0]));
  return extent / std::sqrt(static_cast<double>(positions.size()));
}

double spacing_of(std::span<const Position> positions, unsigned dimensions) {
  if (positions.empty()) return 0;
  const auto count = static_cast<double>(positions.size());
  std::array<double, 3> sums{};
  double squares = 0;
  for (const Position& at : positions) {
    const std::array<double, 3> own{double{at.x}, double{at.y}, double{at.z}};
    for (std::size_t c = 0; c < own.size(); ++c) {
      sums[c] += own[c];
      squares += own[c] * own[c];
    }
  }
  double square = squares / count;
  for (const double sum : sums) square -= (sum / count) * (sum / count);
  square = std::max(square, 0.0);
  // A disc's mean square distance from its centre is 1/2 of its radius's square, a ball's 3/5.
  if (dimensions == 2) return std::sqrt(std::numbers::pi * 2 * square / count);
  return std::cbrt(4.0 / 3 * std::numbers::pi * std::pow(square / 0.6, 1.5) / count);
}

Law by_mean_weight(Law law, const Graph& graph) {
  double sum = 0;
  for (const Edge& edge : graph.edges) sum += double{edge.weight};
  if (sum > 0) law.attraction = static_cast<float>(law.attraction * static_cast<double>(graph.edges.size()) / sum);
  return law;
}

void fit(const Graph& graph, const Law& law, std::span<Position> positions) {
  if (positions.empty()) return;
  centre(positions);
  const auto scale = static_cast<float>(balanced_scale(graph, law, positions));
  for (Position& at : positions) at = {at.x * scale, at.y * scale, at.z * scale};
}

}  // namespace weir::graph
