// The kernels of trajectories: an item is a path. Columns lie one after the other, each with a number a path, so that
// neighbouring items use neighbouring memory. Included by the struct that stands for a thread, and by the shader.

WEIR_COMPUTE_BODY Air air_of(uint i) {
  Air air;
  air.axis_y = WEIR_COMPUTE_AT(launches, axis_y_column * count, i);
  air.axis_z = WEIR_COMPUTE_AT(launches, axis_z_column * count, i);
  air.wind_x = WEIR_COMPUTE_AT(launches, wind_x_column * count, i);
  air.wind_y = WEIR_COMPUTE_AT(launches, wind_y_column * count, i);
  air.drag = drag != 0u ? air_force : real(0);
  air.lift = lift != 0u ? air_force : real(0);
  air.tolerance = real(tolerance);
  return air;
}

WEIR_COMPUTE_BODY Path path_of(uint i) {
  Path p;
  p.now.x = WEIR_COMPUTE_AT(paths, x_column * count, i);
  p.now.y = WEIR_COMPUTE_AT(paths, y_column * count, i);
  p.now.z = WEIR_COMPUTE_AT(paths, z_column * count, i);
  p.now.vx = WEIR_COMPUTE_AT(paths, vx_column * count, i);
  p.now.vy = WEIR_COMPUTE_AT(paths, vy_column * count, i);
  p.now.vz = WEIR_COMPUTE_AT(paths, vz_column * count, i);
  p.now.spin = WEIR_COMPUTE_AT(paths, spin_column * count, i);
  p.time = WEIR_COMPUTE_AT(paths, time_column * count, i);
  p.next_step = WEIR_COMPUTE_AT(paths, next_step_column * count, i);
  p.apex = WEIR_COMPUTE_AT(paths, apex_column * count, i);
  p.steps = WEIR_COMPUTE_AT(paths, steps_column * count, i);
  p.ending = WEIR_COMPUTE_AT(paths, ending_column * count, i);
  return p;
}

WEIR_COMPUTE_BODY void keep(uint i, Path p) {
  WEIR_COMPUTE_AT(paths, x_column * count, i) = p.now.x;
  WEIR_COMPUTE_AT(paths, y_column * count, i) = p.now.y;
  WEIR_COMPUTE_AT(paths, z_column * count, i) = p.now.z;
  WEIR_COMPUTE_AT(paths, vx_column * count, i) = p.now.vx;
  WEIR_COMPUTE_AT(paths, vy_column * count, i) = p.now.vy;
  WEIR_COMPUTE_AT(paths, vz_column * count, i) = p.now.vz;
  WEIR_COMPUTE_AT(paths, spin_column * count, i) = p.now.spin;
  WEIR_COMPUTE_AT(paths, time_column * count, i) = p.time;
  WEIR_COMPUTE_AT(paths, next_step_column * count, i) = p.next_step;
  WEIR_COMPUTE_AT(paths, apex_column * count, i) = p.apex;
  WEIR_COMPUTE_AT(paths, steps_column * count, i) = p.steps;
  WEIR_COMPUTE_AT(paths, ending_column * count, i) = p.ending;
}

/// Puts a path at its start.
WEIR_COMPUTE_BODY void launch(uint i) {
  keep(i, launched(WEIR_COMPUTE_AT(launches, launch_vx_column * count, i),
                   WEIR_COMPUTE_AT(launches, launch_vz_column * count, i),
                   WEIR_COMPUTE_AT(launches, launch_spin_column * count, i)));
}

/// Takes a path farther by so many attempts, or to its end. There are so few that no device is busy for seconds.
WEIR_COMPUTE_BODY void advance(uint i) {
  const Air air = air_of(i);
  Path p = path_of(i);
  for (uint attempt = 0u; attempt < attempts && p.ending == in_flight; ++attempt) p = attempted(p, air);
  keep(i, p);
}
