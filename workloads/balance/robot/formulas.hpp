// What a robot does in a step, in the language of kernels: its physics, its sensor, its rewards, and the random numbers
// that these need. All in 32-bit floats; sine and cosine are polynomials, so that every device gives the same bits.
// Included by the kernels' bodies and by the host's loops over many robots.
#if !defined(WEIR_BALANCE_FORMULAS)
#define WEIR_BALANCE_FORMULAS

#include "compute/language.hpp"

#if !defined(WEIR_COMPUTE_GLSL)
namespace weir::balance::formulas {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
#endif

/// The nearest whole number, for |a| below 2^22. (Adding 1.5 · 2^23 leaves a float no bits for a fraction.)
WEIR_COMPUTE_FN float nearest_whole(float a) {
  WEIR_COMPUTE_EXACT float shifted = a + 12582912.0f;
  WEIR_COMPUTE_EXACT float whole = shifted - 12582912.0f;
  return whole;
}

/// sin(a), for |a| below 1e5 rad: within 2e-7 where |a| ≤ 2π. Abramowitz and Stegun, 4.3.97.
WEIR_COMPUTE_FN float sine(float a) {
  const float turns = nearest_whole(a * 0.318309886f);
  WEIR_COMPUTE_EXACT float x = (a - turns * 3.140625f) - turns * 9.67653589793e-4f;
  const float odd = turns - 2.0f * nearest_whole(turns * 0.5f);  // -1, 0 or 1
  const float x2 = x * x;
  float s = -2.39e-8f;
  s = s * x2 + 2.7526e-6f;
  s = s * x2 - 1.984090e-4f;
  s = s * x2 + 8.3333315e-3f;
  s = s * x2 - 1.666666664e-1f;
  s = s * x2 * x + x;
  return odd == 0.0f ? s : -s;
}

/// cos(a) = sin(a + π/2), with the same bounds.
WEIR_COMPUTE_FN float cosine(float a) { return sine(a + 1.57079632679f); }

/// 32 well mixed bits of a counter (PCG's output permutation RXS-M-XS, O'Neill 2014).
WEIR_COMPUTE_FN uint mixed(uint a) {
  const uint state = a * 747796405u + 2891336453u;
  const uint word = ((state >> ((state >> 28) + 4u)) ^ state) * 277803737u;
  return (word >> 22) ^ word;
}
/// A number of the stream `seed`, for robot `who`, its draw `count`.
WEIR_COMPUTE_FN uint draw(uint seed, uint who, uint count) { return mixed(mixed(seed + mixed(who)) + count); }
/// In [0, 1), from 24 bits.
WEIR_COMPUTE_FN float uniform_of(uint bits) { return float(int(bits >> 8)) * 5.9604644775390625e-8f; }
/// In [-1, 1).
WEIR_COMPUTE_FN float signed_of(uint bits) { return 2.0f * uniform_of(bits) - 1.0f; }
/// Nearly normal, of mean 0 and deviation 1: a sum of the four bytes, each uniform.
WEIR_COMPUTE_FN float normal_of(uint bits) {
  const float sum = float(int(bits & 255u) + int((bits >> 8) & 255u) + int((bits >> 16) & 255u) + int(bits >> 24));
  return (sum - 510.0f) * 6.7659e-3f;  // four bytes have a deviation of 147.80
}

/// What does not change in a run, worked out from a Model by Model::coefficients(), whose comments say what each is.
struct Coefficients {
  float dt;
  float gravity_moment;  // m g h
  float damping;
  float inverse_inertia;  // 1 / (m h²)
  float drive;            // 1 / (r m)
  float rolling;          // friction · g
  float gain;             // torque of action 1, before it is limited
  float max_torque;
  float fail_angle;
  float inverse_fail_angle;
  float wheel_inertia;   // m + m_wheel + I_wheel / r²: the first entry of the two-wheel model's matrix
  float coupling;        // m h
  float body_inertia;    // m h² + I_body
  float inverse_radius;  // 1 / r
  float sensor_offset;   // rad
  float sensor_drift;    // rad a step
  float sensor_noise;    // deviation, rad
  float start_angle;     // at most, rad
  float start_speed;     // at most, rad/s
};

struct Motion {
  float angle;     // θ, rad; 0 is upright
  float speed;     // ω, rad/s
  float position;  // x, m
  float velocity;  // v, m/s
};

/// A step of the simple model under a torque, semi-implicit Euler: speeds first, then positions by the new speeds.
WEIR_COMPUTE_FN Motion moved(Motion m, float torque, Coefficients c) {
  const float acceleration = (c.gravity_moment * sine(m.angle) - torque - c.damping * m.speed) * c.inverse_inertia;
  m.speed = m.speed + c.dt * acceleration;
  m.angle = m.angle + c.dt * m.speed;
  m.velocity = m.velocity + c.dt * (torque * c.drive - c.rolling * m.velocity);
  m.position = m.position + c.dt * m.velocity;
  return m;
}

/// The same of a body on two wheels, whose angle and position move each other:
///   wheel_inertia · v′ + coupling cos θ · ω′ = T / r + coupling sin θ · ω²
///   coupling cos θ · v′ + body_inertia · ω′ = m g h sin θ − T
/// with the same friction and damping as the simple model.
WEIR_COMPUTE_FN Motion moved_on_wheels(Motion m, float torque, Coefficients c) {
  const float s = sine(m.angle);
  const float k = c.coupling * cosine(m.angle);
  const float push = torque * c.inverse_radius + c.coupling * s * m.speed * m.speed;
  const float tilt = c.gravity_moment * s - torque - c.damping * m.speed;
  const float inverse = 1.0f / (c.wheel_inertia * c.body_inertia - k * k);
  const float acceleration = (c.wheel_inertia * tilt - k * push) * inverse;
  const float forward = (c.body_inertia * push - k * tilt) * inverse;
  m.speed = m.speed + c.dt * acceleration;
  m.angle = m.angle + c.dt * m.speed;
  m.velocity = m.velocity + c.dt * (forward - c.rolling * m.velocity);
  m.position = m.position + c.dt * m.velocity;
  return m;
}

WEIR_COMPUTE_FN float torque_of(float action, Coefficients c) {
  return clamp(c.gain * action, -c.max_torque, c.max_torque);
}

/// The angle that the sensor tells after `age` steps; `bits` are random.
WEIR_COMPUTE_FN float measured(float angle, uint age, uint bits, Coefficients c) {
  return angle + c.sensor_offset + c.sensor_drift * float(int(age)) + c.sensor_noise * normal_of(bits);
}

/// The two numbers of an observation: the angle that the sensor told, by the one at which the robot has fallen, and the
/// speed by 10 rad/s; each within ±1.
WEIR_COMPUTE_FN float lean_of(float told, Coefficients c) { return clamp(told * c.inverse_fail_angle, -1.0f, 1.0f); }
WEIR_COMPUTE_FN float turn_of(float speed) { return clamp(speed * 0.1f, -1.0f, 1.0f); }

const uint reward_simple = 0u;
const uint reward_complex = 1u;
const uint reward_efficient = 2u;
const uint reward_offset_adaptive = 3u;

/// What a step was worth: `torque` is that of the step, `before` that of the step before.
WEIR_COMPUTE_FN float reward_of(uint kind, Motion m, bool failed, float torque, float before, Coefficients c) {
  if (kind == reward_simple) return failed ? 0.0f : 1.0f;
  const float upright = failed ? -10.0f : 1.0f - abs(m.angle) * c.inverse_fail_angle;
  if (kind == reward_complex) return upright;
  if (kind == reward_offset_adaptive) return upright + 0.2f * max(0.0f, 1.0f - abs(m.speed) / 3.0f) + 0.1f;
  const float change = abs(torque - before);
  const float effort = 0.1f * (abs(torque) / c.max_torque) + 0.05f * (change / c.max_torque);
  const float bonus = change < 0.1f * c.max_torque ? 0.02f : 0.0f;
  return max(upright - effort + bonus, -1.0f);
}

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::balance::formulas
#endif
#endif
