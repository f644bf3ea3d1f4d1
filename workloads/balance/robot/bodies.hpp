// The kernels of robots: an item is a robot. Columns lie one after the other, each with a value a robot, so that
// neighbouring items use neighbouring memory. No body branches on a robot's own values: the host's loops over items
// become vector code. Included by the struct that stands for a thread, and by the shader.

WEIR_COMPUTE_BODY Coefficients coefficients() {
  Coefficients c;
  c.dt = dt;
  c.gravity_moment = gravity_moment;
  c.damping = damping;
  c.inverse_inertia = inverse_inertia;
  c.drive = drive;
  c.rolling = rolling;
  c.gain = gain;
  c.max_torque = max_torque;
  c.fail_angle = fail_angle;
  c.inverse_fail_angle = inverse_fail_angle;
  c.wheel_inertia = wheel_inertia;
  c.coupling = coupling;
  c.body_inertia = body_inertia;
  c.inverse_radius = inverse_radius;
  c.sensor_offset = sensor_offset;
  c.sensor_drift = sensor_drift;
  c.sensor_noise = sensor_noise;
  c.start_angle = start_angle;
  c.start_speed = start_speed;
  return c;
}

/// Puts a robot at the start of its first episode, upright but for some random lean.
WEIR_COMPUTE_BODY void start(uint i) {
  WEIR_COMPUTE_AT(motion, angle_column * count, i) = start_angle * signed_of(draw(seed, i, 0u));
  WEIR_COMPUTE_AT(motion, speed_column * count, i) = start_speed * signed_of(draw(seed, i, 1u));
  WEIR_COMPUTE_AT(motion, position_column * count, i) = 0.0f;
  WEIR_COMPUTE_AT(motion, velocity_column * count, i) = 0.0f;
  WEIR_COMPUTE_AT(motion, torque_column * count, i) = 0.0f;
  WEIR_COMPUTE_AT(tallies, age_column * count, i) = 0u;
  WEIR_COMPUTE_AT(tallies, draws_column * count, i) = 2u;
  WEIR_COMPUTE_AT(tallies, falls_column * count, i) = 0u;
}

/// Writes what the sensor tells now as the newest step of the observation, and moves the older steps back. At the start
/// of an episode all steps are the newest.
WEIR_COMPUTE_BODY void observe(uint i) {
  const Coefficients c = coefficients();
  const uint age = WEIR_COMPUTE_AT(tallies, age_column * count, i);
  const uint draws = WEIR_COMPUTE_AT(tallies, draws_column * count, i);
  const float told = measured(WEIR_COMPUTE_AT(motion, angle_column * count, i), age, draw(seed, i, draws), c);
  const float lean = lean_of(told, c);
  const float turn = turn_of(WEIR_COMPUTE_AT(motion, speed_column * count, i));
  for (uint step = history - 1u; step > 0u; --step) {
    const uint to = 2u * step * count;
    const float older_lean = WEIR_COMPUTE_AT(values, to - 2u * count, i);
    const float older_turn = WEIR_COMPUTE_AT(values, to - count, i);
    WEIR_COMPUTE_AT(values, to, i) = age == 0u ? lean : older_lean;
    WEIR_COMPUTE_AT(values, to + count, i) = age == 0u ? turn : older_turn;
  }
  values[i] = lean;
  WEIR_COMPUTE_AT(values, count, i) = turn;
  WEIR_COMPUTE_AT(tallies, draws_column * count, i) = draws + 1u;
}

/// The action of the largest output; of two the first.
WEIR_COMPUTE_BODY void decide(uint i) {
  const float left = values[i];
  const float stay = WEIR_COMPUTE_AT(values, count, i);
  const float right = WEIR_COMPUTE_AT(values, 2u * count, i);
  const uint first = stay > left ? 1u : 0u;
  actions[i] = right > max(left, stay) ? 2u : first;
}

/// Where a robot is after a step by its action.
WEIR_COMPUTE_BODY Motion motion_after(uint i, float torque, Coefficients c) {
  Motion m;
  m.angle = WEIR_COMPUTE_AT(motion, angle_column * count, i);
  m.speed = WEIR_COMPUTE_AT(motion, speed_column * count, i);
  m.position = WEIR_COMPUTE_AT(motion, position_column * count, i);
  m.velocity = WEIR_COMPUTE_AT(motion, velocity_column * count, i);
  if (physics == 0u) {
    m = moved(m, torque, c);
  } else {
    m = moved_on_wheels(m, torque, c);
  }
  return m;
}
WEIR_COMPUTE_BODY float torque_by_action(uint i, Coefficients c) { return torque_of(float(int(actions[i])) - 1.0f, c); }

/// Moves a robot, and nothing else: it may lie on the ground.
WEIR_COMPUTE_BODY void move(uint i) {
  const Coefficients c = coefficients();
  const Motion m = motion_after(i, torque_by_action(i, c), c);
  WEIR_COMPUTE_AT(motion, angle_column * count, i) = m.angle;
  WEIR_COMPUTE_AT(motion, speed_column * count, i) = m.speed;
  WEIR_COMPUTE_AT(motion, position_column * count, i) = m.position;
  WEIR_COMPUTE_AT(motion, velocity_column * count, i) = m.velocity;
}

/// Moves a robot by its action, tells what that was worth and whether the episode is over, and starts the next one.
WEIR_COMPUTE_BODY void advance(uint i) {
  const Coefficients c = coefficients();
  const float torque = torque_by_action(i, c);
  const Motion m = motion_after(i, torque, c);
  const uint age = WEIR_COMPUTE_AT(tallies, age_column * count, i) + 1u;
  const uint draws = WEIR_COMPUTE_AT(tallies, draws_column * count, i);
  const uint failed = abs(m.angle) > fail_angle ? 1u : 0u;
  const uint over = failed | (age >= max_steps ? 1u : 0u);
  rewards[i] = reward_of(reward, m, failed != 0u, torque, WEIR_COMPUTE_AT(motion, torque_column * count, i), c);
  dones[i] = failed + over;
  const float new_angle = start_angle * signed_of(draw(seed, i, draws));
  const float new_speed = start_speed * signed_of(draw(seed, i, draws + 1u));
  WEIR_COMPUTE_AT(motion, angle_column * count, i) = over != 0u ? new_angle : m.angle;
  WEIR_COMPUTE_AT(motion, speed_column * count, i) = over != 0u ? new_speed : m.speed;
  WEIR_COMPUTE_AT(motion, position_column * count, i) = over != 0u ? 0.0f : m.position;
  WEIR_COMPUTE_AT(motion, velocity_column * count, i) = over != 0u ? 0.0f : m.velocity;
  WEIR_COMPUTE_AT(motion, torque_column * count, i) = over != 0u ? 0.0f : torque;
  WEIR_COMPUTE_AT(tallies, age_column * count, i) = over != 0u ? 0u : age;
  WEIR_COMPUTE_AT(tallies, draws_column * count, i) = draws + 2u * over;
  WEIR_COMPUTE_AT(tallies, falls_column * count, i) = WEIR_COMPUTE_AT(tallies, falls_column * count, i) + failed;
}
