#include "workloads/graph/layout/straighten.hpp"

#include <cmath>
#include <vector>

namespace weir::graph {
namespace {

/// How many edges lie between each two nodes; 0 where no path does.
class Distances {
 public:
  explicit Distances(const Adjacency& neighbours) : nodes_(neighbours.nodes()) {
    of_.resize(std::size_t{nodes_} * nodes_);
    std::vector<std::uint32_t> queue;
    for (std::uint32_t source = 0; source < nodes_; ++source) {
      const std::size_t row = std::size_t{source} * nodes_;
      queue.assign(1, source);
      for (std::size_t next = 0; next < queue.size(); ++next) {
        for (const std::uint32_t node : neighbours.row(queue[next])) {
          if (node == source || of_[row + node] > 0) continue;
          of_[row + node] = of_[row + queue[next]] + 1;
          queue.push_back(node);
        }
      }
    }
  }
  [[nodiscard]] float between(std::uint32_t a, std::uint32_t b) const { return of_[std::size_t{a} * nodes_ + b]; }

 private:
  std::uint32_t nodes_;
  std::vector<float> of_;
};

float short_length(const Position& a) { return std::sqrt(a.x * a.x + a.y * a.y + a.z * a.z); }
Position minus(const Position& a, const Position& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }

/// The length of an edge at which the layout's stress is least as it is.
float unit_of(const Distances& distances, std::span<const Position> positions) {
  double first = 0, second = 0;
  const auto nodes = static_cast<std::uint32_t>(positions.size());
  for (std::uint32_t a = 0; a < nodes; ++a) {
    for (std::uint32_t b = 0; b < a; ++b) {
      const double distance = distances.between(a, b);
      if (distance == 0) continue;
      const double ratio = short_length(minus(positions[a], positions[b])) / distance;
      first += ratio;
      second += ratio * ratio;
    }
  }
  return first > 0 ? static_cast<float>(second / first) : 0;
}

/// Where the others want a node: the mean of where each, at the right distance, does, by weights of distance^-2.
Position wanted(const Distances& distances, std::span<const Position> positions, std::uint32_t node, float unit) {
  const Position& own = positions[node];
  Position sum{};
  float weights = 0;
  for (std::uint32_t other = 0; other < positions.size(); ++other) {
    const float distance = distances.between(node, other);
    if (distance == 0) continue;
    const Position way = minus(own, positions[other]);
    const float length = short_length(way);
    const float weight = 1 / (distance * distance);
    const float stretch = length > 0 ? unit * distance / length : 0;
    sum.x += weight * (positions[other].x + stretch * way.x);
    sum.y += weight * (positions[other].y + stretch * way.y);
    sum.z += weight * (positions[other].z + stretch * way.z);
    weights += weight;
  }
  return weights > 0 ? Position{sum.x / weights, sum.y / weights, sum.z / weights} : own;
}

}  // namespace

void straighten(const Adjacency& neighbours, std::span<Position> positions) {
  constexpr int passes = 30;
  if (neighbours.nodes() > max_straightened) return;
  const Distances distances(neighbours);
  const float unit = unit_of(distances, positions);
  if (unit == 0) return;
  for (int pass = 0; pass < passes; ++pass) {
    for (std::uint32_t node = 0; node < neighbours.nodes(); ++node)
      positions[node] = wanted(distances, positions, node, unit);
  }
}

}  // namespace weir::graph
