// What a query's neighbourhood comes to: integer sums of the coordinates round the query, and of what else was
// asked for. Exact, so the order in which neighbours are added does not matter. Part of the kernels: internal to
// each build of them, as all that this and the files below it define is in an unnamed namespace or static.
#pragma once

#include <limits>

#include "workloads/lidar/features/kernel.hpp"
#include "workloads/lidar/neighbours/nearest_one.hpp"

namespace weir::lidar {
namespace {

/// Sums of dx, dy, dz and their products, in the width that they need.
template <class Number>
struct Sums {
  Number x = 0, y = 0, z = 0, xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;

  /// So many points at one place.
  void add(std::int64_t dx, std::int64_t dy, std::int64_t dz, std::uint32_t points) noexcept {
    const Number all_x = static_cast<Number>(points) * dx, all_y = static_cast<Number>(points) * dy,
                 all_z = static_cast<Number>(points) * dz;
    x += all_x;
    y += all_y;
    z += all_z;
    xx += all_x * dx;
    xy += all_x * dy;
    xz += all_x * dz;
    yy += all_y * dy;
    yz += all_y * dz;
    zz += all_z * dz;
  }
};

/// Sums that only some features need. Distances are counted in 2^-20 units, which is within a float's digits; where
/// the tree is wide in fewer parts of a unit, if they are so far that sums of their squares need it.
template <class Coordinate>
struct MoreSums {
  static constexpr Coordinate lowest = std::numeric_limits<Coordinate>::min();
  static constexpr Coordinate highest = std::numeric_limits<Coordinate>::max();

  std::uint64_t count = 0;
  Coordinate z_low = highest, z_high = lowest;
  Wide distances = 0, distances_squared = 0;
  std::uint64_t colour[4] = {}, colour_squared[4] = {};
  std::uint16_t colour_low[4] = {UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT16_MAX}, colour_high[4] = {};
  double wide_step = Search::finest_distance_step;

  /// Distances are counted in so many parts of a unit.
  [[nodiscard]] double step() const noexcept {
    if constexpr (sizeof(Coordinate) == 4) return Search::finest_distance_step;
    return wide_step;
  }

  template <class Square>
  void add(const BasicTask<Coordinate>& task, std::uint32_t position, Square squared) noexcept {
    add(task, position, 1, squared);
  }
  /// So many points at one place, which are next to each other in the order.
  template <class Square>
  void add(const BasicTask<Coordinate>& task, std::uint32_t first, std::uint32_t points, Square squared) noexcept {
    count += points;
    const Coordinate z = task.tree.z[first];
    z_low = z < z_low ? z : z_low;
    z_high = z > z_high ? z : z_high;
    const auto distance = static_cast<std::int64_t>(std::sqrt(static_cast<double>(squared)) * step() + 0.5);
    distances += static_cast<Wide>(distance) * points;
    distances_squared += static_cast<Wide>(distance) * distance * points;
    for (std::uint32_t p = first; task.needs_colours && p < first + points; ++p) {
      add_colour(task.colours + std::size_t{4} * task.tree.input[p]);
    }
  }

 private:
  void add_colour(const std::uint16_t* own) noexcept {
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

template <class Number, class Square>
Neighbourhood close(const Sums<Number>& sums, std::uint64_t count, Square reach) noexcept {
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
