// What neighbours are looked for, how far a chunk knows the points, and which queries it cannot finish for that. Read
// by all that search and by what cuts a cloud into chunks.
#pragma once

#include <cstdint>

#include "workloads/lidar/neighbours/tree.hpp"

namespace weir::lidar {

/// The largest k.
inline constexpr std::uint32_t max_neighbours = 128;

/// What neighbours are: the k nearest, ties going to the lower id; or, with k = 0, all within a radius.
struct Search {
  std::uint32_t k = 20;
  WideSquare radius_squared = 0;  ///< integer units
  double radius = 0;              ///< in the cloud's own units
  /// Within a radius, in a wide tree: in how many parts of an integer unit distances are summed. As many as elsewhere,
  /// or as few as it takes that sums over all points of the cloud are exact.
  double distance_step = finest_distance_step;

  static constexpr double finest_distance_step = 1048576.0;
};

/// The columns of x and y in which the tree has every point of the cloud; no matter which z.
struct KnownRegion {
  std::int64_t low[2], high[2];
};

/// A query whose neighbours may lie outside the known region.
struct Unfinished {
  std::uint32_t input;  ///< its place in the tree's input
  WideSquare reach;     ///< squared distance that its neighbours are within, or `unknown`

  static constexpr WideSquare unknown = ~WideSquare{0};
};

/// A reach in a tree's own squares, of which the last but one stands for one that is not known: a query with too few
/// neighbours in the tree needs all that is not there, and nothing where all is there, whose distance is the last.
/// Static, as each build of the kernels needs its own.
template <class Square>
[[nodiscard]] static constexpr WideSquare widened(Square reach) noexcept {
  return reach >= ~Square{0} - 1 ? Unfinished::unknown : WideSquare{reach};
}

}  // namespace weir::lidar
