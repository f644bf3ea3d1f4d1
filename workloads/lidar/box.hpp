// The box of some points, in the cloud's units. Used by the Morton order and the tree.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace weir::lidar {

struct Box {
  std::int32_t low[3] = {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max(),
                         std::numeric_limits<std::int32_t>::max()};
  std::int32_t high[3] = {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min(),
                          std::numeric_limits<std::int32_t>::min()};

  void add(std::int32_t x, std::int32_t y, std::int32_t z) noexcept {
    const std::int32_t at[3] = {x, y, z};
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
