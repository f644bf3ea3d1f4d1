// Height above the ground of a chunk's queries. Where the cloud has points of the ground class: z less the mean, by
// inverse distance, of the z of the nearest of them, at most 8 and within 15 m. Where it has none: z less the lowest z
// within 15 m. Distances are horizontal; what has no ground in reach is not a number. Called by workers, a range of
// positions each.
#pragma once

#include <cstdint>
#include <memory>

#include "team.hpp"
#include "tree.hpp"

namespace weir::lidar {

/// How far ground is looked for, in the cloud's own units, which are taken for metres.
inline constexpr double ground_reach = 15.0;
inline constexpr std::uint32_t ground_neighbours = 8;

/// The same as a square of integer steps.
[[nodiscard]] std::uint64_t ground_reach_squared(double unit) noexcept;

class GroundHeight {
 public:
  /// `tree` is the chunk's, and stays. `classes` are of its inputs; null where the cloud has no ground class.
  GroundHeight(const Tree& tree, const std::uint8_t* classes, double unit, Team& team);

  /// Fills `heights`, by rank, for the queries at positions [first, last). Thread-safe.
  void fill(std::uint32_t first, std::uint32_t last, float* heights) const;

 private:
  [[nodiscard]] float above_class(std::uint32_t position, std::uint64_t& hint) const;
  [[nodiscard]] float above_lowest(std::uint32_t position, std::uint32_t& hint) const;

  const Tree& tree_;
  double unit_;
  std::uint64_t reach_squared_;
  bool by_class_;
  // The ground points, flat, under a tree of their own; z by the tree's input. Nothing is set before it is known:
  // there is room for more nodes than a tree has.
  std::unique_ptr<std::int32_t[]> z_;
  std::unique_ptr<std::int32_t[]> coordinates_;
  std::unique_ptr<std::uint32_t[]> numbers_;
  std::unique_ptr<std::uint64_t[]> codes_;
  std::unique_ptr<Node[]> nodes_;
  Tree ground_;
};

}  // namespace weir::lidar
