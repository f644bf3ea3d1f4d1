#include "workloads/trajectory/flight/columns.hpp"

#include <cmath>
#include <numbers>

namespace weir::trajectory {
namespace {

constexpr double degree = std::numbers::pi / 180;

}  // namespace

void Physics::check() const { compute::require_range("a path", "tolerance of a step", "", tolerance, {1e-12, 1e-2}); }

template <class Number>
void fill_columns(std::span<const Launch> launches, Number* columns) {
  const std::size_t count = launches.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Launch& each = launches[i];
    const bool spun = each.spin > 0;
    const auto put = [&](uint column, double value) { columns[column * count + i] = static_cast<Number>(value); };
    put(launch_vx_column, each.speed * std::cos(each.angle * degree));
    put(launch_vz_column, each.speed * std::sin(each.angle * degree));
    put(launch_spin_column, each.spin);
    // Backspin turns about an axis that points to the right.
    put(axis_y_column, spun ? -std::cos(each.axis * degree) : 0.0);
    put(axis_z_column, spun ? -std::sin(each.axis * degree) : 0.0);
    put(wind_x_column, each.wind * std::cos(each.wind_direction * degree));
    put(wind_y_column, -each.wind * std::sin(each.wind_direction * degree));
  }
}

template <class Number>
bool read_flights(const Number* columns, std::span<Flight> flights) {
  const std::size_t count = flights.size();
  bool over = true;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = [&](uint column) { return static_cast<double>(columns[column * count + i]); };
    flights[i] = {.carry = std::hypot(value(x_column), value(y_column)),
                  .apex = value(apex_column),
                  .time = value(time_column),
                  .landing_speed = std::hypot(value(vx_column), value(vy_column), value(vz_column)),
                  .drift = -value(y_column),
                  .steps = static_cast<std::uint64_t>(value(steps_column)),
                  .ending = value(ending_column) == on_ground ? Ending::ground : Ending::time_limit};
    over = over && value(ending_column) != in_flight;
  }
  return over;
}

template <class Number>
bool add_places(const Number* columns, std::span<std::vector<Place>> places) {
  const std::size_t count = places.size();
  bool over = true;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = [&](uint column) { return static_cast<double>(columns[column * count + i]); };
    over = over && value(ending_column) != in_flight;
    if (value(steps_column) < static_cast<double>(places[i].size())) continue;
    places[i].push_back({.time = value(time_column),
                         .x = value(x_column),
                         .right = -value(y_column),
                         .z = value(z_column),
                         .vx = value(vx_column),
                         .vz = value(vz_column),
                         .speed = std::hypot(value(vx_column), value(vy_column), value(vz_column))});
  }
  return over;
}

template void fill_columns(std::span<const Launch> launches, float* columns);
template void fill_columns(std::span<const Launch> launches, double* columns);
template bool read_flights(const float* columns, std::span<Flight> flights);
template bool read_flights(const double* columns, std::span<Flight> flights);
template bool add_places(const float* columns, std::span<std::vector<Place>> places);
template bool add_places(const double* columns, std::span<std::vector<Place>> places);

}  // namespace weir::trajectory
