// The values of a query's features, by the formulas of formulas.hpp, into the columns that are wanted. Included inside
// thread.hpp's struct and by chunk.comp.

WEIR_COMPUTE_BODY void put_word(uint column, uint row, uint word) {
  const uint at = columns[column];
  if (at != no_column) results[at + row] = word;
}
WEIR_COMPUTE_BODY void put(uint column, uint row, real value) { put_word(column, row, floatBitsToUint(float(value))); }
WEIR_COMPUTE_BODY void put_if(bool known, uint column, uint row, real value) {
  put_word(column, row, known ? floatBitsToUint(float(value)) : 0x7fc00000u);
}

/// Of n² times the covariance in square steps: eigenvalues in square units.
WEIR_COMPUTE_BODY Eigen solved(Symmetric m, real unit, real n) {
  Eigen e = eigen(m);
#if !defined(WEIR_COMPUTE_GLSL) || defined(WEIR_COMPUTE_DOUBLES)
  if (e.l1 > real(0) && e.l3 < real(1e-9) * e.l1) e.l3 = smallest_eigenvalue(m, e.l1, e.l2);
#endif
  const real scale = unit * unit / (n * n);
  e.l1 = e.l1 * scale;
  e.l2 = e.l2 * scale;
  e.l3 = e.l3 * scale;
  return e;
}

/// `enough` neighbours for a shape: else these are no numbers.
WEIR_COMPUTE_BODY void put_shape(bool enough, uint row, Eigen e) {
  put_if(enough, column_eigenvalue_1, row, e.l1);
  put_if(enough, column_eigenvalue_2, row, e.l2);
  put_if(enough, column_eigenvalue_3, row, e.l3);
  put_if(enough, column_eigenvalue_sum, row, e.l1 + e.l2 + e.l3);
  put_if(enough, column_linearity, row, linearity(e.l1, e.l2));
  put_if(enough, column_planarity, row, planarity(e.l1, e.l2, e.l3));
  put_if(enough, column_sphericity, row, sphericity(e.l1, e.l3));
  put_if(enough, column_anisotropy, row, anisotropy(e.l1, e.l3));
  put_if(enough, column_omnivariance, row, omnivariance(e.l1, e.l2, e.l3));
  put_if(enough, column_eigenentropy, row, eigenentropy(e.l1, e.l2, e.l3));
  put_if(enough, column_surface_variation, row, surface_variation(e.l1, e.l2, e.l3));
}

WEIR_COMPUTE_BODY void put_directions(bool enough, uint row, Eigen e, real above, real range) {
  const real vertical = verticality(e.l1, e.nz);
  put_if(enough, column_normal_x, row, e.nx);
  put_if(enough, column_normal_y, row, e.ny);
  put_if(enough, column_normal_z, row, e.nz);
  put_if(enough, column_verticality, row, vertical);
  put_if(enough, column_horizontality, row, horizontality(e.l1, e.nz));
  put_if(enough, column_wall_score, row, wall_score(e.l1, e.l2, e.l3, e.nz));
  put_if(enough, column_roof_score, row, roof_score(e.l1, e.l2, e.l3, e.nz));
  put_if(enough, column_facade_score, row, facade_score(vertical, above, range));
}

WEIR_COMPUTE_BODY real colour_mean(uint c, real n) { return mean_of(real_of_long(colour[c]), n, real(65535.0)); }
WEIR_COMPUTE_BODY void put_colour(uint c, bool known, uint row, real n) {
  const Wide sum = wide_of_long(colour[c]);
  const real varied = spread_of(wide_of_long(colour2[c]), sum, sum);
  put_if(known, column_red + c, row, colour_mean(c, n));
  put_if(known, column_red_std + c, row, deviation_of(varied, n, real(65535.0)));
  put_if(known, column_red_range + c, row, real(highest_colour[c] - lowest_colour[c]) / real(65535.0));
}

WEIR_COMPUTE_BODY void put_more(uint row, real n, real unit) {
  put(column_z_range, row, real(apart(highest_z, lowest_z)) * unit);
  put(column_mean_distance, row, mean_of(real_of(distances), n, distance_step) * unit);
  put(column_std_distance, row, deviation_of(spread_of(distances2, distances, distances), n, distance_step) * unit);
  if ((flags & flag_colours) == 0u) return;
  const bool rgb = (flags & flag_rgb) != 0u;
  const bool infrared = (flags & flag_nir) != 0u;
  for (uint c = 0u; c < 4u; ++c) put_colour(c, c == 3u ? infrared : rgb, row, n);
  const real red = colour_mean(0u, n);
  const real near = colour_mean(3u, n);
  put_if(rgb, column_excess_green, row, excess_green(red, colour_mean(1u, n), colour_mean(2u, n)));
  put_if(rgb && infrared && near + red > real(0), column_ndvi, row, ndvi(near, red));
}

/// Of the query's neighbours, whose farthest is at `reach`; gives whether they are enough for a shape, and all at one
/// place.
WEIR_COMPUTE_BODY bool put_features(uint row, int own_z, Long reach) {
  widen();
  real spreads[9];
  for (uint i = 3u; i < 9u; ++i) spreads[i] = spread_of(wide[i], wide[first_axis(i)], wide[second_axis(i)]);
  Symmetric m;
  m.xx = spreads[3];
  m.xy = spreads[4];
  m.xz = spreads[5];
  m.yy = spreads[6];
  m.yz = spreads[7];
  m.zz = spreads[8];
  const real n = real(neighbours);
  const real unit = real_of_words(unit_first, unit_second);
  const Eigen e = solved(m, unit, n);
  const bool enough = neighbours >= least_neighbours;
  put_shape(enough, row, e);
  put_directions(enough, row, e, real(apart(own_z, lowest_z)), real(apart(highest_z, lowest_z)));
  const real root = WEIR_COMPUTE_SQRT(real_of_long(reach));
  put(column_neighbours, row, n);
  put(column_radius, row, root * unit);
  put(column_density, row, density(n, k == 0u ? real_of_words(radius_first, radius_second) : root * unit));
  put(column_z_std, row, deviation_of(m.zz, n, real(1)) * unit);
  if ((flags & flag_neighbours) != 0u) put_more(row, n, unit);
  return enough && !(e.l1 > real(0));
}
