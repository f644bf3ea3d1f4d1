// What pulls nodes, and how forces move them, as bodies for one of many threads each: an item is a node. Included
// inside thread.hpp's struct and by forces.comp.

WEIR_COMPUTE_BODY Vector position_of(uint i) {
  return vector_of(positions[3u * i], positions[3u * i + 1u], dimensions == 3u ? positions[3u * i + 2u] : 0.0f);
}
WEIR_COMPUTE_BODY Vector force_on(uint i) {
  return vector_of(forces[3u * i], forces[3u * i + 1u], forces[3u * i + 2u]);
}
WEIR_COMPUTE_BODY Vector force_before(uint i) {
  return vector_of(previous_forces[3u * i], previous_forces[3u * i + 1u], previous_forces[3u * i + 2u]);
}

/// Makes node i one that rests, unless it keeps its motion, with the degree and the mass that its edges give it.
WEIR_COMPUTE_BODY void prepare(uint i) {
  degree[i] = offsets[i + 1u] - offsets[i];
  mass[i] = law == law_fa2 ? 1.0f + float(degree[i]) : 1.0f;
  if (law == law_springs) {
    // So heavy that its springs together do not throw it past its place in a step, as those of a hub would.
    float stiffness = 0.0f;
    for (uint e = offsets[i]; e < offsets[i + 1u]; ++e) stiffness = stiffness + attraction * weights[e];
    const float longest = free_pace * time_step;
    mass[i] = max(1.0f, 2.0f * longest * longest * stiffness);
  }
  if ((flags & flag_keeps_motion) == 0u) {
    for (uint c = 3u * i; c < 3u * i + 3u; ++c) {
      velocities[c] = 0.0f;
      forces[c] = 0.0f;
      previous_forces[c] = 0.0f;
    }
  }
}
/// Puts a node, with its motion, where another was: from and to are pair i of those in codes and order.
WEIR_COMPUTE_BODY void take_place(uint i) {
  const uint from = 3u * codes[i];
  const uint to = 3u * order[i];
  for (uint c = 0u; c < 3u; ++c) {
    positions[to + c] = positions[from + c];
    velocities[to + c] = velocities[from + c];
    previous_forces[to + c] = previous_forces[from + c];
  }
}
/// The figures of a layout that has not moved yet.
WEIR_COMPUTE_BODY void reset_figures(uint i) {
  step_figures[i] = i == speed_place || i == efficiency_place ? 1.0f : 0.0f;
}

/// What node i is pulled by along the way to a neighbour, as a factor of that way, of which `distance` is above 0.
WEIR_COMPUTE_BODY float pull_factor(float weight, float distance) {
  if (law == law_fr) return weight * distance * attraction;
  if (law == law_springs) return attraction * (distance - rest_length) * weight / distance;
  if ((flags & flag_logarithmic) == 0u) return attraction * weight;
  return attraction * weight * log_1_plus(distance) / distance;
}
/// What pulls towards the origin, as a factor of the position.
WEIR_COMPUTE_BODY float centre_factor(uint i, Vector at) {
  if (law == law_fr) return gravity;
  const float far = length_of(at);
  if (law == law_fa2) return far > 0.0f ? gravity * mass[i] / far : 0.0f;
  const float past = far > boundary ? (far - boundary) / far : 0.0f;
  return centring + gravity * log_1_plus(float(degree[i])) + past;
}

/// Adds to the force on node i what its neighbours and the centre pull it with. How stiffly they do is left for move()
/// where the velocity will be, but for springs, whose velocity is still needed.
WEIR_COMPUTE_BODY void attract(uint i) {
  const Vector at = position_of(i);
  Vector pull = vector_of(0.0f, 0.0f, 0.0f);
  float stiffness = 0.0f;
  const uint end = offsets[i + 1u];
  for (uint e = offsets[i]; e < end; ++e) {
    const uint j = columns[e];
    Vector way = minus(position_of(j), at);
    float distance = WEIR_COMPUTE_SQRT(square_of(way));
    if (distance == 0.0f) {
      way = way_apart(j, i, dimensions, near_distance);
      distance = WEIR_COMPUTE_SQRT(square_of(way));
    }
    const float factor = pull_factor(weights[e], distance);
    pull = plus(pull, times(way, factor));
    stiffness = stiffness + factor;
  }
  const float inwards = centre_factor(i, at);
  pull = minus(pull, times(at, inwards));
  if (law != law_springs) velocities[3u * i] = stiffness + inwards;
  const Vector all = plus(force_on(i), pull);
  forces[3u * i] = all.x;
  forces[3u * i + 1u] = all.y;
  forces[3u * i + 2u] = all.z;
}

/// How much the force on node i differs from the one before.
WEIR_COMPUTE_BODY float swinging_of(uint i) { return length_of(minus(force_on(i), force_before(i))); }

/// At most `limit` of a way.
WEIR_COMPUTE_BODY Vector bounded(Vector way) {
  const float whole = length_of(way);
  return whole > limit ? times(way, limit / whole) : way;
}

/// How far node i goes in this step, which is its velocity too but for springs.
WEIR_COMPUTE_BODY void move(uint i) {
  const Vector force = force_on(i);
  Vector velocity = force;
  // A longer way would carry a node past its place by more than it was away from it, and it would never come to rest: a
  // pull grows with the way by up to twice its factor, the other end moves as well, and ForceAtlas2's masses push
  // harder.
  const float stiffness = (law == law_fa2 ? 8.0f : 4.0f) * velocities[3u * i];
  if (law == law_fr) velocity = times(force, 1.0f / max(1.0f, stiffness));
  if (law == law_fa2) {
    const float speed = step_figures[speed_place];
    const float share = speed / (1.0f + WEIR_COMPUTE_SQRT(speed * swinging_of(i)));
    velocity = times(force, share * stiffness > 1.0f ? 1.0f / stiffness : share);
    previous_forces[3u * i] = force.x;
    previous_forces[3u * i + 1u] = force.y;
    previous_forces[3u * i + 2u] = force.z;
  }
  if (law == law_springs) {
    const Vector before = vector_of(velocities[3u * i], velocities[3u * i + 1u], velocities[3u * i + 2u]);
    const float kept = (flags & flag_free) == 0u ? damping : step_figures[speed_place];
    velocity = times(plus(before, times(force, time_step / mass[i])), kept);
  }
  velocity = bounded(velocity);
  velocities[3u * i] = velocity.x;
  velocities[3u * i + 1u] = velocity.y;
  velocities[3u * i + 2u] = velocity.z;
  const Vector to = plus(position_of(i), law == law_springs ? times(velocity, time_step) : velocity);
  positions[3u * i] = to.x;
  positions[3u * i + 1u] = to.y;
  positions[3u * i + 2u] = to.z;
}
