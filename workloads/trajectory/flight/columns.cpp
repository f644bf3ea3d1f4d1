#include "workloads/trajectory/flight/columns.hpp"

#include <array>
#include <cmath>
#include <numbers>

namespace weir::trajectory {
namespace {

constexpr double degree = std::numbers::pi / 180;

Place place_of(const Path& path) {
  const Motion& now = path.now;
  return {.time = path.time,
          .x = now.x,
          .right = -now.y,
          .z = now.z,
          .vx = now.vx,
          .vz = now.vz,
          .speed = std::hypot(now.vx, now.vy, now.vz)};
}

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

template void fill_columns(std::span<const Launch> launches, float* columns);
template void fill_columns(std::span<const Launch> launches, double* columns);
template bool read_flights(const float* columns, std::span<Flight> flights);
template bool read_flights(const double* columns, std::span<Flight> flights);

std::vector<Place> follow(const Launch& launch, const Physics& physics) {
  std::array<double, launch_columns> columns{};
  fill_columns(std::span(&launch, 1), columns.data());
  std::array<double, path_columns> state{};
  const Parameters parameters{.count = 1,
                              .attempts = 1,
                              .drag = physics.drag ? 1U : 0U,
                              .lift = physics.lift ? 1U : 0U,
                              .tolerance = static_cast<float>(physics.tolerance)};
  Thread thread({columns.data(), state.data()}, parameters);
  thread.launch(0);
  std::vector<Place> places{place_of(thread.path_of(0))};
  while (state[ending_column] == in_flight) {
    const double steps = state[steps_column];
    thread.advance(0);
    if (state[steps_column] > steps) places.push_back(place_of(thread.path_of(0)));
  }
  return places;
}

}  // namespace weir::trajectory
