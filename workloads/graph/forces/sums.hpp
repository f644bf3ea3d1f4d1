// Sums over all nodes, as bodies for one of many threads each: an item adds up 64 nodes, then 64 sums of the level
// below, until one is left, so that their shape depends on the number of nodes alone. Included inside thread.hpp's
// struct and by forces.comp.

WEIR_COMPUTE_BODY void keep_sums(uint block, float a, float b) {
  scratch[level_begin + sums * block] = a;
  scratch[level_begin + sums * block + 1u] = b;
}

/// Of swinging and traction, each times the node's mass.
WEIR_COMPUTE_BODY void sum_swinging(uint block) {
  float swinging = 0.0f;
  float traction = 0.0f;
  const uint end = min((block + 1u) * sum_items, count);
  for (uint i = block * sum_items; i < end; ++i) {
    swinging = swinging + mass[i] * swinging_of(i);
    traction = traction + mass[i] * (0.5f * length_of(plus(force_on(i), force_before(i))));
  }
  keep_sums(block, swinging, traction);
}

/// Of kinetic energy, and of the way of this step.
WEIR_COMPUTE_BODY void sum_movement(uint block) {
  float energy = 0.0f;
  float movement = 0.0f;
  const uint end = min((block + 1u) * sum_items, count);
  const float time = law == law_springs ? time_step : 1.0f;
  for (uint i = block * sum_items; i < end; ++i) {
    const Vector velocity = vector_of(velocities[3u * i], velocities[3u * i + 1u], velocities[3u * i + 2u]);
    energy = energy + 0.5f * mass[i] * square_of(velocity);
    movement = movement + time * length_of(velocity);
  }
  keep_sums(block, energy, movement);
}

WEIR_COMPUTE_BODY void sum_sums(uint block) {
  float a = 0.0f;
  float b = 0.0f;
  const uint end = min((block + 1u) * sum_items, below_count);
  for (uint i = block * sum_items; i < end; ++i) {
    a = a + scratch[below_begin + sums * i];
    b = b + scratch[below_begin + sums * i + 1u];
  }
  keep_sums(block, a, b);
}

/// The one item: from the last sums to the means. Springs that move freely stop in the next step where their energy has
/// begun to fall, and start anew from there (kinetic damping; Cundall 1976, Barnes 1999).
WEIR_COMPUTE_BODY void tell_movement(uint item) {
  const float energy = scratch[below_begin] / float(count);
  if ((flags & flag_free) != 0u) {
    const bool stopped = step_figures[item + speed_place] == 0.0f;
    const bool falls = energy < step_figures[item + mean_energy_place];
    step_figures[item + speed_place] = falls && !stopped ? 0.0f : 1.0f;
  }
  step_figures[item + mean_energy_place] = energy;
  step_figures[item + mean_movement_place] = scratch[below_begin + 1u] / float(count);
}

/// The one item: the speed of all nodes by how much they swing, as ForceAtlas2's authors' program has it (Jacomy et al.
/// 2014; Gephi).
WEIR_COMPUTE_BODY void adapt_speed(uint item) {
  const float swinging = scratch[below_begin];
  const float traction = scratch[below_begin + 1u];
  const float n = float(count);
  const float estimate = 0.05f * WEIR_COMPUTE_SQRT(n);
  float jitter = tolerance * max(WEIR_COMPUTE_SQRT(estimate), min(10.0f, estimate * traction / (n * n)));
  float efficiency = step_figures[item + efficiency_place];
  float speed = step_figures[item + speed_place];
  if (traction > 0.0f && swinging > 2.0f * traction) {
    if (efficiency > 0.05f) efficiency = efficiency * 0.5f;
    jitter = max(jitter, tolerance);
  }
  // Where nothing swings any speed would do; it stays.
  const float target = swinging > 0.0f ? jitter * efficiency * traction / swinging : speed;
  if (swinging > jitter * traction) {
    if (efficiency > 0.05f) efficiency = efficiency * 0.7f;
  } else if (speed < 1000.0f) {
    efficiency = efficiency * 1.3f;
  }
  speed = speed + min(target - speed, 0.5f * speed);
  step_figures[item + swinging_place] = swinging;
  step_figures[item + traction_place] = traction;
  step_figures[item + speed_place] = speed;
  step_figures[item + efficiency_place] = efficiency;
}
