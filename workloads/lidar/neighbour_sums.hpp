// What a query's neighbourhood comes to: integer sums of the coordinates round the query, and of what else was
// asked for. Exact, so the order in which neighbours are added does not matter. Part of the kernels: internal to
// each build of them, as all that this and the files below it define is in an unnamed namespace or static.
#pragma once

#include "kernel.hpp"

namespace weir::lidar {
namespace {

__extension__ using Wide = __int128;

/// Sums of dx, dy, dz and their products, in the width that they need.
template <class Number>
struct Sums {
  Number x = 0, y = 0, z = 0, xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;

  void add(std::int64_t dx, std::int64_t dy, std::int64_t dz) noexcept {
    x += dx;
    y += dy;
    z += dz;
    xx += static_cast<Number>(dx) * dx;
    xy += static_cast<Number>(dx) * dy;
    xz += static_cast<Number>(dx) * dz;
    yy += static_cast<Number>(dy) * dy;
    yz += static_cast<Number>(dy) * dz;
    zz += static_cast<Number>(dz) * dz;
  }
};

/// Sums that only some features need. Distances are counted in 2^-20 units, which is within a float's digits.
struct MoreSums {
  static constexpr double distance_step = 1048576.0;

  std::uint64_t count = 0;
  std::int32_t z_low = INT32_MAX, z_high = INT32_MIN;
  Wide distances = 0, distances_squared = 0;
  std::uint64_t colour[4] = {}, colour_squared[4] = {};
  std::uint16_t colour_low[4] = {UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT16_MAX}, colour_high[4] = {};

  void add(const KernelTask& task, std::uint32_t position, std::uint64_t squared) noexcept {
    ++count;
    const std::int32_t z = task.tree.z[position];
    z_low = z < z_low ? z : z_low;
    z_high = z > z_high ? z : z_high;
    const auto distance = static_cast<std::int64_t>(std::sqrt(static_cast<double>(squared)) * distance_step + 0.5);
    distances += distance;
    distances_squared += static_cast<Wide>(distance) * distance;
    if (!task.needs_colours) return;
    const std::uint16_t* own = task.colours + std::size_t{4} * task.tree.input[position];
    for (int i = 0; i < 4; ++i) {
      colour[i] += own[i];
      colour_squared[i] += std::uint64_t{own[i]} * own[i];
      colour_low[i] = own[i] < colour_low[i] ? own[i] : colour_low[i];
      colour_high[i] = own[i] > colour_high[i] ? own[i] : colour_high[i];
    }
  }
};

/// A neighbourhood as the formulas take it: count² times the covariance, in square units.
struct Neighbourhood {
  double count;
  double xx, xy, xz, yy, yz, zz;
  double reach;  ///< squared distance of the farthest
};

template <class Number>
Neighbourhood close(const Sums<Number>& sums, std::uint64_t count, std::uint64_t reach) noexcept {
  const auto n = static_cast<Number>(count);
  return {static_cast<double>(count),
          static_cast<double>(n * sums.xx - sums.x * sums.x),
          static_cast<double>(n * sums.xy - sums.x * sums.y),
          static_cast<double>(n * sums.xz - sums.x * sums.z),
          static_cast<double>(n * sums.yy - sums.y * sums.y),
          static_cast<double>(n * sums.yz - sums.y * sums.z),
          static_cast<double>(n * sums.zz - sums.z * sums.z),
          static_cast<double>(reach)};
}

}  // namespace
}  // namespace weir::lidar
