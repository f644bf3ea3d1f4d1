// Height above the ground of a chunk's queries. Where the cloud has points of the ground class: z less the mean, by
// inverse distance, of the z of the nearest of them, so many and within a reach. Where it has none: z less the lowest z
// within that. Distances are horizontal; what has no ground in reach is not a number. Called by workers, a range of
// positions each.
#pragma once

#include <cstdint>
#include <memory>

#include "compute/team.hpp"
#include "workloads/lidar/neighbours/tree.hpp"

namespace weir::lidar {

/// Where height_above_ground looks for ground.
struct GroundSearch {
  static constexpr std::uint32_t max_count = 16;
  double reach = 15;        ///< in the cloud's own units, as seen from above
  std::uint32_t count = 8;  ///< nearest points of the ground's class that are taken, 1 to max_count
};

/// `reach` as a square of integer steps; past all distances of a tree that is not wide, if it is past half of them.
[[nodiscard]] std::uint64_t ground_reach_squared(double reach, double unit) noexcept;

template <class Coordinate>
class GroundHeight {
 public:
  using Tree = BasicTree<Coordinate>;
  using Square = typename Tree::Square;

  /// `tree` is the chunk's, and stays. `classes` are of its inputs; null where the cloud has no ground class.
  GroundHeight(const Tree& tree, const std::uint8_t* classes, double unit, const GroundSearch& search,
               compute::Team& team);

  /// Fills `heights`, by rank, for the queries at positions [first, last). Thread-safe.
  void fill(std::uint32_t first, std::uint32_t last, float* heights) const;

 private:
  [[nodiscard]] float above_class(std::uint32_t position, Square& hint) const;
  [[nodiscard]] float above_lowest(std::uint32_t position, std::uint32_t& hint) const;

  const Tree& tree_;
  double unit_;
  Square reach_squared_;
  std::uint32_t wanted_;
  bool by_class_;
  // The ground points, flat, under a tree of their own; z by the tree's input. Nothing is set before it is known:
  // there is room for more nodes than a tree has.
  std::unique_ptr<Coordinate[]> z_;
  std::unique_ptr<Coordinate[]> coordinates_;
  std::unique_ptr<std::uint32_t[]> numbers_;
  std::unique_ptr<std::uint64_t[]> codes_;
  std::unique_ptr<BasicNode<Coordinate>[]> nodes_;
  Tree ground_;
};

}  // namespace weir::lidar
