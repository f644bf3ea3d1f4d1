#include "workloads/balance/robot/model.hpp"

#include <array>
#include <string>

#include <weir/errors.hpp>

#include "compute/range.hpp"

namespace weir::balance {
namespace {

constexpr float degree = 0.017453293F;
constexpr std::array<std::string_view, 4> reward_names{"simple", "complex", "efficient", "offset-adaptive"};

}  // namespace

void Model::check() const {
  const auto require = [](const char* what, double value, compute::Range allowed) {
    compute::require_range("robot", what, "", value, allowed);
  };
  require("dt", dt, {0.001F, 0.1F});
  require("mass", mass, {0.5F, 3});
  require("height", height, {0.2F, 1});
  require("motor strength", motor_strength, {2, 20});
  require("torque range", torque_range, {0.5F, 10});
  require("friction", friction, {0, 1});
  require("damping", damping, {0, 1});
  require("wheel radius", wheel_radius, {0.02F, 0.5F});
  require("wheel mass", wheel_mass, {0, 2});
  require("gravity", gravity, {0.1F, 30});
  require("fail angle", fail_angle, {degree, 60.001F * degree});
  require("sensor offset", sensor_offset, {-30.001F * degree, 30.001F * degree});
  require("sensor drift", sensor_drift, {-0.01F, 0.01F});
  require("sensor noise", sensor_noise, {0, 0.1F});
  require("start angle", start_angle, {0, 60.001F * degree});
  require("start speed", start_speed, {0, 5});
  require("history", history, {1, 8});
  require("steps of an episode", max_steps, {1, 1'000'000});
}

formulas::Coefficients Model::coefficients() const {
  check();
  const float inertia = mass * height * height;
  // The wheel is a disc, the body a rod that stands on the axle and reaches to twice the height of its centre.
  const float wheel_inertia = wheel_mass * wheel_radius * wheel_radius / 2;
  return {
      .dt = dt,
      .gravity_moment = mass * gravity * height,
      .damping = damping,
      .inverse_inertia = 1 / inertia,
      .drive = 1 / (wheel_radius * mass),
      .rolling = friction * gravity,
      .gain = torque_range,
      .max_torque = motor_strength,
      .fail_angle = fail_angle,
      .inverse_fail_angle = 1 / fail_angle,
      .wheel_inertia = mass + wheel_mass + wheel_inertia / (wheel_radius * wheel_radius),
      .coupling = mass * height,
      .body_inertia = inertia + inertia / 3,
      .inverse_radius = 1 / wheel_radius,
      .sensor_offset = sensor_offset,
      .sensor_drift = sensor_drift,
      .sensor_noise = sensor_noise,
      .start_angle = start_angle,
      .start_speed = start_speed,
  };
}

Reward reward_named(std::string_view name) {
  for (std::size_t i = 0; i < reward_names.size(); ++i) {
    if (reward_names[i] == name) return static_cast<Reward>(i);
  }
  throw InvalidArgument(
      "no reward \"" + std::string(name) + "\"; there are: simple, complex, efficient, offset-adaptive",
      {.name = "reward"});
}

std::string_view name(Reward reward) noexcept { return reward_names[static_cast<std::size_t>(reward)]; }

}  // namespace weir::balance
