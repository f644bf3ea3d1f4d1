// The points of a chunk in Morton order under a binary tree of boxes: what neighbour searches walk.
// Splits follow the coordinates' bits, so leaves adapt to density and boxes of different cells do not overlap;
// points at one place are cut into runs, in the order they came in. Nodes lie in preorder with the node to
// go to when one is skipped, so a walk needs no stack and meets lower points of a cell first.
// All memory is the caller's, of the device; nothing here depends on which machine instructions there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "compute/team.hpp"

namespace weir::lidar {

/// Squared distances between coordinates of 64 bits, of which differences are below 2^62.
__extension__ using WideSquare = unsigned __int128;

/// A point in the cloud's integer units from an origin, and its index in the cloud.
template <class Coordinate>
struct BasicPoint {
  Coordinate x, y, z;
  std::uint32_t id;
};

template <class Coordinate>
struct BasicNode {
  Coordinate low[3], high[3];  ///< the points' own box
  std::uint32_t first, count;  ///< its points, in Morton order
  std::uint32_t skip;          ///< the node after it and all below it
  std::uint32_t lowest_id;
  bool leaf;
};

/// A view of a built tree; positions are places in Morton order.
template <class Coordinate>
struct BasicTree {
  /// Holds any squared distance within the tree.
  using Square = std::conditional_t<sizeof(Coordinate) == 4, std::uint64_t, WideSquare>;
  static constexpr std::uint32_t leaf_points = 16;  ///< at most a vector of the kernels
  /// Past the end of each array that kernels may read, never use.
  static constexpr std::size_t slack = 64;
  static constexpr std::uint32_t no_rank = UINT32_MAX;

  const Coordinate* x = nullptr;
  const Coordinate* y = nullptr;
  const Coordinate* z = nullptr;
  const std::uint32_t* id = nullptr;
  /// Where the input had each position's point.
  const std::uint32_t* input = nullptr;
  /// The number of queries before each position; one more than there are positions.
  const std::uint32_t* rank = nullptr;
  std::span<const BasicNode<Coordinate>> nodes;
  std::uint32_t points = 0;

  [[nodiscard]] bool is_query(std::uint32_t position) const noexcept { return rank[position + 1] != rank[position]; }
};

/// What a tree of up to `points` points lives in.
template <class Coordinate>
struct BasicTreeMemory {
  Coordinate *x, *y, *z;
  std::uint32_t *id, *input, *rank;
  std::uint64_t *codes, *words;
  BasicNode<Coordinate>* nodes;
};

/// Nearly all chunks: coordinates are in [0, 2^31), which the fast kernels and GPUs take.
using Point = BasicPoint<std::int32_t>;
using Node = BasicNode<std::int32_t>;
using Tree = BasicTree<std::int32_t>;
using TreeMemory = BasicTreeMemory<std::int32_t>;

/// Chunks that are farther across: coordinates are in [0, 2^53].
using WidePoint = BasicPoint<std::int64_t>;
using WideNode = BasicNode<std::int64_t>;
using WideTree = BasicTree<std::int64_t>;
using WideTreeMemory = BasicTreeMemory<std::int64_t>;

/// Nodes that a tree of so many points may have at most.
[[nodiscard]] constexpr std::size_t max_nodes(std::size_t points) noexcept { return 2 * points + 1; }

/// Builds it, the same whatever the number of threads. The first `queries` of the points are those that neighbours are
/// wanted for.
[[nodiscard]] Tree build_tree(std::span<const Point> points, std::size_t queries, compute::Team& team,
                              const TreeMemory& memory);
[[nodiscard]] WideTree build_tree(std::span<const WidePoint> points, std::size_t queries, compute::Team& team,
                                  const WideTreeMemory& memory);

}  // namespace weir::lidar
