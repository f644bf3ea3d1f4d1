// The neighbours of one query, whatever the points are like: coordinates of any size, any number of points at
// one place. A walk with a heap of the k best by distance and id; boxes that can only tie are skipped by
// their lowest id, so equal points cost no more than others. Slower than groups, which fall back to it. Part of
// the kernels.
#pragma once

#include "neighbour_sums.hpp"

namespace weir::lidar {
namespace {

/// Squared distance in integer units; coordinates are in [0, 2^31), so it fits.
inline std::uint64_t squared(std::int64_t dx, std::int64_t dy, std::int64_t dz) noexcept {
  return static_cast<std::uint64_t>(dx * dx) + static_cast<std::uint64_t>(dy * dy) +
         static_cast<std::uint64_t>(dz * dz);
}

/// How far outside [low, high] `at` is.
inline std::int64_t outside(std::int64_t at, std::int64_t low, std::int64_t high) noexcept {
  const std::int64_t below = low - at, above = at - high;
  const std::int64_t far = below > above ? below : above;
  return far > 0 ? far : 0;
}

inline std::uint64_t box_distance(const Node& node, std::int64_t x, std::int64_t y, std::int64_t z) noexcept {
  return squared(outside(x, node.low[0], node.high[0]), outside(y, node.low[1], node.high[1]),
                 outside(z, node.low[2], node.high[2]));
}

inline bool at_one_place(const Node& node) noexcept {
  return node.low[0] == node.high[0] && node.low[1] == node.high[1] && node.low[2] == node.high[2];
}

/// Squared distance from (x, y) to what is not known; UINT64_MAX where all is.
inline std::uint64_t known_distance(const KnownRegion& known, std::int64_t x, std::int64_t y) noexcept {
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
  if (nearest >= std::int64_t{1} << 32) return UINT64_MAX;
  return nearest <= 0 ? 0 : static_cast<std::uint64_t>(nearest) * static_cast<std::uint64_t>(nearest);
}

struct Candidate {
  std::uint64_t distance;  ///< squared
  std::uint32_t id, position;

  [[nodiscard]] bool before(const Candidate& other) const noexcept {
    return distance < other.distance || (distance == other.distance && id < other.id);
  }
};

/// The k best of what is offered; the worst of them on top.
class BestHeap {
 public:
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
  Candidate heap_[most_neighbours];
};

/// Fills `best` for the query at `position`.
inline void find_nearest(const Tree& tree, std::uint32_t position, BestHeap& best) noexcept {
  const std::int64_t x = tree.x[position], y = tree.y[position], z = tree.z[position];
  const auto offer = [&](std::uint32_t p) {
    best.offer({squared(tree.x[p] - x, tree.y[p] - y, tree.z[p] - z), tree.id[p], p});
  };
  // Near in Morton order is mostly near: a first bound.
  constexpr std::uint32_t around = most_neighbours;
  const std::uint32_t first = position > around ? position - around : 0;
  const std::uint32_t last = position + around < tree.points ? position + around : tree.points;
  for (std::uint32_t p = first; p < last; ++p) offer(p);
  const auto end = static_cast<std::uint32_t>(tree.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const Node& node = tree.nodes[i];
    const std::uint64_t far = box_distance(node, x, y, z);
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
template <class Each>
void find_within(const Tree& tree, std::uint32_t position, std::uint64_t radius_squared, Each each) noexcept {
  const std::int64_t x = tree.x[position], y = tree.y[position], z = tree.z[position];
  const auto end = static_cast<std::uint32_t>(tree.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const Node& node = tree.nodes[i];
    const std::uint64_t far = box_distance(node, x, y, z);
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
      const std::uint64_t own = squared(tree.x[p] - x, tree.y[p] - y, tree.z[p] - z);
      if (own <= radius_squared) each(p, 1, own);
    }
    ++i;
  }
}

}  // namespace
}  // namespace weir::lidar
