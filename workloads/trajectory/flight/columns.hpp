// Between launches as people have them and the columns of numbers that the kernels read and write; in numbers of 32 or
// 64 bits, as the device has them. Called by runs.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "workloads/trajectory/device/thread.hpp"
#include "workloads/trajectory/flight/launch.hpp"

namespace weir::trajectory {

/// What all launches of a run have in common.
struct Physics {
  bool drag = true;         ///< else nothing slows a ball
  bool lift = true;         ///< else spin does nothing
  double tolerance = 1e-6;  ///< of a step's error: m, and m/s; 1e-12 to 1e-2
  /// Throws InvalidArgument, which names the value and its range.
  void check() const;
};

/// Fills the columns of `launches`, launch_columns × launches.size() numbers.
template <class Number>
void fill_columns(std::span<const Launch> launches, Number* columns);
/// What came of launches, from the columns of `paths`, in which each has `count` numbers; false where a path is still
/// in flight.
template <class Number>
[[nodiscard]] bool read_flights(const Number* columns, std::span<Flight> flights);

/// Where a ball is. Metres, m/s, seconds.
struct Place {
  double time = 0, x = 0, right = 0, z = 0, vx = 0, vz = 0, speed = 0;
};
/// Adds where each path is, from the columns of `paths`, to the places where it was before, unless it has not moved:
/// its steps say so. True where none is in flight.
template <class Number>
[[nodiscard]] bool add_places(const Number* columns, std::span<std::vector<Place>> places);

}  // namespace weir::trajectory
