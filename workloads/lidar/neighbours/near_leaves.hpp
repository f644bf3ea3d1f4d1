// The leaves round a block of queries, found by one walk of the tree, from which each group of the block takes
// those that it needs by a scan of their boxes: a walk for every group would visit mostly the same nodes. What
// is taken may be more than is near, never less. Part of the kernels.
#pragma once

#include "workloads/lidar/neighbours/lanes.hpp"
#include "workloads/lidar/neighbours/nearest_one.hpp"

namespace weir::lidar {
namespace {

struct Box {
  std::int32_t low[3], high[3];
};

/// How far two boxes are apart along an axis; coordinates are in [0, 2^31), so it fits.
inline std::int32_t gap(std::int32_t low, std::int32_t high, std::int32_t other_low, std::int32_t other_high) noexcept {
  const std::int32_t below = low - other_high, above = other_low - high;
  const std::int32_t most = below > above ? below : above;
  return most > 0 ? most : 0;
}

class NearLeaves {
 public:
  static constexpr std::uint32_t capacity = 1024;

  /// Finds the leaves up to √`reach` from `box`; nothing where they are too many or have more than `most` points.
  void gather(const Tree& tree, const Box& box, std::uint64_t reach, std::uint32_t most) noexcept {
    count_ = 0;
    points_ = 0;
    box_ = box;
    reach_ = reach;
    const auto end = static_cast<std::uint32_t>(tree.nodes.size());
    const Node* const nodes = tree.nodes.data();
    for (std::uint32_t i = 0; i < end;) {
      const Node& node = nodes[i];
      std::int64_t far[3];
      for (int axis = 0; axis < 3; ++axis) {
        far[axis] = gap(box.low[axis], box.high[axis], node.low[axis], node.high[axis]);
      }
      if (squared<std::uint64_t>(far[0], far[1], far[2]) > reach) {
        i = node.skip;
        continue;
      }
      ++i;
      if (!node.leaf) continue;
      points_ += node.count;
      if (count_ == capacity || points_ > most) {
        count_ = points_ = 0;
        reach_ = none;
        return;
      }
      for (int axis = 0; axis < 3; ++axis) {
        low_[axis][count_] = node.low[axis];
        high_[axis][count_] = node.high[axis];
      }
      first_[count_] = node.first;
      size_[count_++] = node.count;
    }
    for (std::uint32_t i = count_; i < padded(count_); ++i) {  // what a scan meets past the end: any numbers
      for (int axis = 0; axis < 3; ++axis) low_[axis][i] = high_[axis][i] = 0;
    }
  }

  /// Whether these are all leaves up to √`reach` from `box`, and perhaps more.
  [[nodiscard]] bool know(const Box& box, std::uint64_t reach) const noexcept {
    bool inside = reach_ != none && reach <= reach_;
    for (int axis = 0; axis < 3; ++axis) {
      inside &= box.low[axis] >= box_.low[axis] && box.high[axis] <= box_.high[axis];
    }
    return inside;
  }

  /// Measures how far all leaves are from `box`.
  void measure(const Box& box) noexcept {
    const std::uint32_t whole = padded(count_);
    for (std::uint32_t i = 0; i < whole; ++i) {
      const auto x = static_cast<float>(gap(box.low[0], box.high[0], low_[0][i], high_[0][i]));
      const auto y = static_cast<float>(gap(box.low[1], box.high[1], low_[1][i], high_[1][i]));
      const auto z = static_cast<float>(gap(box.low[2], box.high[2], low_[2][i], high_[2][i]));
      far_[i] =
          std::bit_cast<std::uint32_t>(x * x + y * y + z * z);  // of one order with the numbers, as none is below 0
    }
    for (std::uint32_t i = count_; i < whole; ++i) far_[i] = UINT32_MAX;
  }

  /// A measure that some of the leaves are at most at, which have about so many points; all, where they have no more.
  [[nodiscard]] std::uint32_t nearest(std::uint32_t points) const noexcept {
    constexpr std::uint32_t all = UINT32_MAX - 1;
    if (points_ <= points) return all;
    const std::uint32_t wanted = points * count_ / points_ + 1;
    if (wanted >= count_) return all;
    return select(far_, count_, wanted, largest_up_to(far_, count_, all), 0, wanted / 2).bound;
  }

  /// The measure that no leaf up to √`reach` is above: distances in floats are that near.
  [[nodiscard]] static std::uint32_t measure_of(std::uint64_t reach) noexcept {
    return std::bit_cast<std::uint32_t>(static_cast<float>(reach) * 1.000001F + 1.0F);
  }

  /// Lists the places of the leaves with at most that measure, in order.
  [[nodiscard]] std::uint32_t find(std::uint32_t measure, std::uint32_t* places) const noexcept {
    return places_up_to(far_, count_, measure, places);
  }

  [[nodiscard]] std::uint32_t first(std::uint32_t place) const noexcept { return first_[place]; }
  [[nodiscard]] std::uint32_t size(std::uint32_t place) const noexcept { return size_[place]; }
  [[nodiscard]] std::uint32_t points() const noexcept { return points_; }
  /// Whether all coordinates of a leaf are within `most` of the place.
  [[nodiscard]] bool within(std::uint32_t place, const std::int32_t* at, std::int32_t most) const noexcept {
    bool fits = true;
    for (int axis = 0; axis < 3; ++axis) {
      fits &= at[axis] - low_[axis][place] <= most && high_[axis][place] - at[axis] <= most;
    }
    return fits;
  }

 private:
  static constexpr std::uint64_t none = UINT64_MAX;

  std::uint32_t count_ = 0, points_ = 0;
  Box box_{};
  std::uint64_t reach_ = none;
  alignas(64) std::int32_t low_[3][capacity + Tree::slack], high_[3][capacity + Tree::slack];
  std::uint32_t first_[capacity], size_[capacity];
  alignas(64) std::uint32_t far_[capacity + Tree::slack];
};

}  // namespace
}  // namespace weir::lidar
