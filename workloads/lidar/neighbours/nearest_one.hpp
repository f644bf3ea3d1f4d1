// The neighbours of one query, whatever the points are like: coordinates of any size, in 32 bits or 64, any number of
// points at one place. A walk with a heap of the k best by distance and id; boxes that can only tie are skipped by
// their lowest id, so equal points cost no more than others. Slower than groups, which fall back to it. Part of
// the kernels.
#pragma once

#include "workloads/lidar/neighbours/search.hpp"

namespace weir::lidar {
namespace {

__extension__ using Wide = __int128;

/// Squared distance in integer units, in what a tree's coordinates need of them.
template <class Square>
inline Square squared(std::int64_t dx, std::int64_t dy, std::int64_t dz) noexcept {
  using Factor = std::conditional_t<sizeof(Square) == sizeof(std::uint64_t), std::int64_t, Wide>;
  return static_cast<Square>(Factor{dx} * dx) + static_cast<Square>(Factor{dy} * dy) +
         static_cast<Square>(Factor{dz} * dz);
}

/// How far outside [low, high] `at` is.
inline std::int64_t outside(std::int64_t at, std::int64_t low, std::int64_t high) noexcept {
  const std::int64_t below = low - at, above = at - high;
  const std::int64_t far = below > above ? below : above;
  return far > 0 ? far : 0;
}

template <class Square, class Coordinate>
inline Square box_distance(const BasicNode<Coordinate>& node, std::int64_t x, std::int64_t y, std::int64_t z) noexcept {
  return squared<Square>(outside(x, node.low[0], node.high[0]), outside(y, node.low[1], node.high[1]),
                         outside(z, node.low[2], node.high[2]));
}

template <class Coordinate>
inline bool at_one_place(const BasicNode<Coordinate>& node) noexcept {
  return node.low[0] == node.high[0] && node.low[1] == node.high[1] && node.low[2] == node.high[2];
}

/// Squared distance from (x, y) to what is not known; the largest number where all is.
template <class Square>
inline Square known_distance(const KnownRegion& known, std::int64_t x, std::int64_t y) noexcept {
  const std::int64_t at[2] = {x, y};
  std::int64_t nearest = INT64_MAX;
  for (int axis = 0; axis < 2; ++axis) {
    if (known.low[axis] > INT64_MIN) {
      const std::int64_t far = at[axis] - known.low[axis] + 1;
      nearest = far < nearest ? far : nearest;
    }
    if (known.high[axis] < INT64_MAX) {
      const std::int64_t far = known.high[axis] - at[axis] + 1;
      nearest = far < nearest ? far : nearest;
    }
  }
  constexpr std::int64_t beyond = std::int64_t{1} << (sizeof(Square) == sizeof(std::uint64_t) ? 32 : 62);
  if (nearest >= beyond) return ~Square{0};
  return nearest <= 0 ? 0 : static_cast<Square>(nearest) * static_cast<Square>(nearest);
}

template <class Square>
struct Candidate {
  Square distance;  ///< squared
  std::uint32_t id, position;

  [[nodiscard]] bool before(const Candidate& other) const noexcept {
    return distance < other.distance || (distance == other.distance && id < other.id);
  }
};

/// The k best of what is offered; the worst of them on top.
template <class Square>
class BestHeap {
 public:
  using Candidate = lidar::Candidate<Square>;

  explicit BestHeap(std::uint32_t k) noexcept : k_(k) {}

  [[nodiscard]] bool full() const noexcept { return count_ == k_; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] const Candidate& worst() const noexcept { return heap_[0]; }
  [[nodiscard]] const Candidate& operator[](std::uint32_t i) const noexcept { return heap_[i]; }

  void offer(const Candidate& one) noexcept {
    if (!full()) {
      rise(count_++, one);
    } else if (one.before(heap_[0])) {
      sink(one);
    }
  }

 private:
  void rise(std::uint32_t at, const Candidate& one) noexcept {
    while (at > 0 && heap_[(at - 1) / 2].before(one)) {
      heap_[at] = heap_[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    heap_[at] = one;
  }
  void sink(const Candidate& one) noexcept {
    std::uint32_t at = 0;
    for (std::uint32_t child = 1; child < count_; child = 2 * at + 1) {
      if (child + 1 < count_ && heap_[child].before(heap_[child + 1])) ++child;
      if (!one.before(heap_[child])) break;
      heap_[at] = heap_[child];
      at = child;
    }
    heap_[at] = one;
  }

  std::uint32_t k_, count_ = 0;
  Candidate heap_[max_neighbours];
};

/// Fills `best` for the query at `position`.
template <class Coordinate, class Square>
void find_nearest(const BasicTree<Coordinate>& tree, std::uint32_t position, BestHeap<Square>& best) noexcept {
  const std::int64_t x = tree.x[position], y = tree.y[position], z = tree.z[position];
  const auto offer = [&](std::uint32_t p) {
    best.offer({squared<Square>(tree.x[p] - x, tree.y[p] - y, tree.z[p] - z), tree.id[p], p});
  };
  // Near in Morton order is mostly near: a first bound.
  constexpr std::uint32_t around = max_neighbours;
  const std::uint32_t first = position > around ? position - around : 0;
  const std::uint32_t last = position + around < tree.points ? position + around : tree.points;
  for (std::uint32_t p = first; p < last; ++p) offer(p);
  const auto end = static_cast<std::uint32_t>(tree.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const BasicNode<Coordinate>& node = tree.nodes[i];
    const auto far = box_distance<Square>(node, x, y, z);
    const bool hopeless = best.full() && (far > best.worst().distance ||
                                          (far == best.worst().distance && node.lowest_id > best.worst().id));
    const bool seen = node.first >= first && node.first + node.count <= last;
    if (hopeless || seen) {
      i = node.skip;
      continue;
    }
    if (node.leaf) {
      for (std::uint32_t p = node.first; p < node.first + node.count; ++p) {
        if (p < first || p >= last) offer(p);
      }
    }
    ++i;
  }
}

/// Calls `each(first, count, squared distance)` for all within the radius of the query at `position`; the points of one
/// call are at one place, and next to each other in the order.
template <class Coordinate, class Square, class Each>
void find_within(const BasicTree<Coordinate>& tree, std::uint32_t position, Square radius_squared, Each each) noexcept {
  const std::int64_t x = tree.x[position], y = tree.y[position], z = tree.z[position];
  const auto end = static_cast<std::uint32_t>(tree.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const BasicNode<Coordinate>& node = tree.nodes[i];
    const auto far = box_distance<Square>(node, x, y, z);
    if (far > radius_squared) {
      i = node.skip;
      continue;
    }
    if (at_one_place(node)) {
      each(node.first, node.count, far);
      i = node.skip;
      continue;
    }
    for (std::uint32_t p = node.first; node.leaf && p < node.first + node.count; ++p) {
      const auto own = squared<Square>(tree.x[p] - x, tree.y[p] - y, tree.z[p] - z);
      if (own <= radius_squared) each(p, 1, own);
    }
    ++i;
  }
}

}  // namespace
}  // namespace weir::lidar
