// The definition of a golf ball's path, written as plainly as it can be: the reference of the tests. Steps of one
// length by the classical Runge-Kutta method, powers by std::pow, the ground found by halving the last step.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "workloads/trajectory/flight/columns.hpp"
#include "workloads/trajectory/flight/launch.hpp"

namespace weir::trajectory::test {

/// x forwards, y to the left, z up, their speeds, and revolutions a minute.
using State = std::array<double, 7>;

class PlainPath {
 public:
  PlainPath(const Launch& launch, const Physics& physics) : physics_(physics) {
    const double degree = std::numbers::pi / 180;
    state_ = {0,          0,
              0,          launch.speed * std::cos(launch.angle * degree),
              0,          launch.speed * std::sin(launch.angle * degree),
              launch.spin};
    axis_y_ = -std::cos(launch.axis * degree);
    axis_z_ = -std::sin(launch.axis * degree);
    if (launch.spin == 0) axis_y_ = axis_z_ = 0;
    wind_x_ = launch.wind * std::cos(launch.wind_direction * degree);
    wind_y_ = -launch.wind * std::sin(launch.wind_direction * degree);
  }

  /// To the ground, or for 60 s.
  [[nodiscard]] Flight fly(double step) {
    double time = 0, apex = 0;
    for (;;) {
      const double length = std::min(step, 60 - time);
      const State next = after(length);
      if (next[2] < 0 && next[5] < 0) {
        time += land(length);
        return flight(time, apex, Ending::ground);
      }
      state_ = next;
      time += length;
      apex = std::max(apex, state_[2]);
      if (time >= 60) return flight(time, apex, Ending::time_limit);
    }
  }

 private:
  [[nodiscard]] State rate(const State& s) const {
    constexpr double pi = std::numbers::pi, mass = 0.0459, diameter = 0.0427, air = 1.225, viscosity = 1.81e-5;
    const double wind = std::pow((std::max(s[2], 0.0) + diameter / 2) / 10, 0.143);
    const double x = s[3] - wind_x_ * wind, y = s[4] - wind_y_ * wind, z = s[5];
    const double speed = std::hypot(x, y, z), reynolds = air * speed * diameter / viscosity;
    const double drag = 0.225 - 0.020 * std::clamp((reynolds - 1e5) / 0.8e5, 0.0, 1.0);
    const double lift = 0.21 + 0.08 * std::clamp((s[6] - 2000) / 2000, 0.0, 1.0);
    const double force = air / 2 * pi / 4 * diameter * diameter / mass * speed;
    const double slowed = physics_.drag ? force * drag : 0, lifted = physics_.lift ? force * lift : 0;
    return {s[3],
            s[4],
            s[5],
            -slowed * x + lifted * (axis_y_ * z - axis_z_ * y),
            -slowed * y + lifted * axis_z_ * x,
            -9.80665 - slowed * z - lifted * axis_y_ * x,
            -0.08 * s[6]};
  }
  [[nodiscard]] static State moved(const State& s, const State& rate, double time) {
    State moved = s;
    for (std::size_t i = 0; i < s.size(); ++i) moved[i] += time * rate[i];
    return moved;
  }
  [[nodiscard]] State after(double time) const {
    const State a = rate(state_), b = rate(moved(state_, a, time / 2)), c = rate(moved(state_, b, time / 2)),
                d = rate(moved(state_, c, time));
    State next = state_;
    for (std::size_t i = 0; i < next.size(); ++i) next[i] += time / 6 * (a[i] + 2 * b[i] + 2 * c[i] + d[i]);
    return next;
  }
  /// The part of the step until the ground, which the state is at then.
  double land(double step) {
    double low = 0, high = step;
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      const State there = after(middle);
      (there[2] < 0 && there[5] < 0 ? high : low) = middle;
    }
    state_ = after(low);
    return low;
  }
  [[nodiscard]] Flight flight(double time, double apex, Ending ending) const {
    return {.carry = std::hypot(state_[0], state_[1]),
            .apex = apex,
            .time = time,
            .landing_speed = std::hypot(state_[3], state_[4], state_[5]),
            .drift = -state_[1],
            .steps = 0,
            .ending = ending};
  }

  Physics physics_;
  State state_{};
  double axis_y_ = 0, axis_z_ = 0, wind_x_ = 0, wind_y_ = 0;
};

}  // namespace weir::trajectory::test
