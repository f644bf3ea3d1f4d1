// The box of some points, in the cloud's units. Used by the Morton order and the tree.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace weir::lidar {

template <class Coordinate>
struct Box {
  using Limits = std::numeric_limits<Coordinate>;
  Coordinate low[3] = {Limits::max(), Limits::max(), Limits::max()};
  Coordinate high[3] = {Limits::min(), Limits::min(), Limits::min()};

  void add(Coordinate x, Coordinate y, Coordinate z) noexcept {
    const Coordinate at[3] = {x, y, z};
    for (int axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], at[axis]);
      high[axis] = std::max(high[axis], at[axis]);
    }
  }
  void add(const Box& other) noexcept {
    for (int axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], other.low[axis]);
      high[axis] = std::max(high[axis], other.high[axis]);
    }
  }
};

}  // namespace weir::lidar
