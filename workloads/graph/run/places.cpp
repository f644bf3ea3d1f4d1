#include "workloads/graph/run/places.hpp"

#include <cmath>

namespace weir::graph {
namespace {

/// SplitMix64 (Steele, Lea and Flood 2014).
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  /// From −1 to 1.
  double side() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return static_cast<double>(z >> 11) * 0x1p-52 - 1.0;
  }

 private:
  std::uint64_t state_;
};

/// The edge of a square or cube that has a node for each unit, by halving, as a library's powers differ in their bits.
double root_of(double nodes, unsigned dimensions) {
  if (dimensions == 2) return std::sqrt(nodes);
  double low = 0, high = 1024;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (middle * middle * middle < nodes ? low : high) = middle;
  }
  return high;
}

}  // namespace

std::vector<Position> first_places(std::uint32_t nodes, unsigned dimensions, double length, std::uint64_t seed) {
  // A disc in a square has π/4 of it, a ball in a cube π/6.
  const double radius = length * root_of(nodes, dimensions) * (dimensions == 2 ? 0.5641895835 : 0.6203504909);
  Chance chance(seed);
  std::vector<Position> places(nodes);
  for (Position& place : places) {
    double x = 0, y = 0, z = 0;
    do {
      x = chance.side();
      y = chance.side();
      z = dimensions == 3 ? chance.side() : 0.0;
    } while (x * x + y * y + z * z > 1);
    place = {static_cast<float>(radius * x), static_cast<float>(radius * y), static_cast<float>(radius * z)};
  }
  return places;
}

}  // namespace weir::graph
