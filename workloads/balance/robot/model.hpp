// A robot that balances on wheels: what it weighs, how strong it is, what its sensor tells, when it has failed, and
// what a step is worth. Lengths in m, masses in kg, angles in rad, torques in N·m, times in s. Checked before anything
// is computed with it.
#pragma once

#include <cstdint>
#include <string_view>

#include "workloads/balance/robot/formulas.hpp"

namespace weir::balance {

enum class Physics : std::uint8_t { simple, two_wheels };
enum class Reward : std::uint8_t { simple, complex, efficient, offset_adaptive };

struct Model {
  Physics physics = Physics::simple;
  Reward reward = Reward::complex;
  float dt = 0.02F;                ///< 0.001 to 0.1
  float mass = 1.0F;               ///< of the body; 0.5 to 3
  float height = 0.4F;             ///< of the body's centre above the axle; 0.2 to 1
  float motor_strength = 5.0F;     ///< the largest torque; 2 to 20
  float torque_range = 8.0F;       ///< the torque of action 1, before it is limited; 0.5 to 10
  float friction = 0.02F;          ///< of the wheels; 0 to 1
  float damping = 0.01F;           ///< of the axle, N·m·s; 0 to 1
  float wheel_radius = 0.12F;      ///< 0.02 to 0.5
  float wheel_mass = 0.2F;         ///< 0 to 2
  float gravity = 9.81F;           ///< m/s²; 0.1 to 30
  float fail_angle = 1.0471976F;   ///< past which the robot has fallen; 1° to 60°
  float sensor_offset = 0;         ///< what the sensor tells of an upright robot; -30° to 30°
  float sensor_drift = 0;          ///< by which the offset grows in a step; -0.01 to 0.01
  float sensor_noise = 0;          ///< standard deviation; 0 to 0.1
  float start_angle = 0.0506145F;  ///< robots start within ± this; 0 to 60°. 2.9°
  float start_speed = 0.25F;       ///< and within ± this, rad/s; 0 to 5
  std::uint32_t history = 1;       ///< steps that an observation has, the newest first; 1 to 8
  std::uint32_t max_steps = 8000;  ///< of an episode; 1 to 1,000,000

  /// Throws InvalidArgument that names the value and its range, for one that is outside it or not a number.
  void check() const;
  /// The numbers that a step needs. Throws as check().
  [[nodiscard]] formulas::Coefficients coefficients() const;
  /// Numbers of an observation: an angle and a speed a step of history.
  [[nodiscard]] std::uint32_t inputs() const noexcept { return 2 * history; }
};

/// -1, 0 and +1.
inline constexpr std::uint32_t action_count = 3;
[[nodiscard]] constexpr float action_of(std::uint32_t index) noexcept { return static_cast<float>(index) - 1.0F; }

/// The torque of a controller that balances without any learning: clamp(20 θ + 5 ω, ±5).
[[nodiscard]] inline float reference_torque(const formulas::Motion& m) noexcept {
  return formulas::clamp(20.0F * m.angle + 5.0F * m.speed, -5.0F, 5.0F);
}

/// "simple", "complex", "efficient", "offset-adaptive". Throws InvalidArgument, which lists them.
[[nodiscard]] Reward reward_named(std::string_view name);
[[nodiscard]] std::string_view name(Reward reward) noexcept;

}  // namespace weir::balance
