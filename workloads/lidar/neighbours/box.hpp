// The box of some points, in units or cells. Used by whatever orders points or cuts them up; the kernels, which are
// built for several levels of x86-64, have their own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace weir::lidar {

/// How far outside [low, high] `at` is.
[[nodiscard]] inline std::int64_t outside(std::int64_t at, std::int64_t low, std::int64_t high) noexcept {
  return std::max<std::int64_t>({low - at, at - high, 0});
}

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
