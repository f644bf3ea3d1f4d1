// What a query's neighbourhood comes to: sums of whole numbers, so that neither the order of neighbours nor the device
// matters. Sums of coordinates are in 32 bits where that is enough. Included inside thread.hpp's struct and by
// chunk.comp.

/// Sums of x, y, z, xx, xy, xz, yy, yz and zz are 0 to 8; the axes of a product:
WEIR_COMPUTE_BODY uint first_axis(uint of) { return of < 6u ? 0u : (of < 8u ? 1u : 2u); }
WEIR_COMPUTE_BODY uint second_axis(uint of) { return of < 6u ? of - 3u : (of < 8u ? of - 5u : 2u); }

WEIR_COMPUTE_BODY void clear_sums() {
  const Wide zero = wide_of(0);
  for (uint i = 0u; i < 9u; ++i) {
    narrow[i] = 0;
    wide[i] = zero;
  }
  neighbours = 0u;
  lowest_z = 2147483647;
  highest_z = 0;
  distances = zero;
  distances2 = zero;
  for (uint c = 0u; c < 4u; ++c) {
    colour[c] = long_of(0u, 0u);
    colour2[c] = long_of(0u, 0u);
    lowest_colour[c] = 65535u;
    highest_colour[c] = 0u;
  }
}

/// Adds the narrow sums to the wide ones.
WEIR_COMPUTE_BODY void widen() {
  for (uint i = 0u; i < 9u; ++i) {
    wide[i] = sum_of(wide[i], wide_of(narrow[i]));
    narrow[i] = 0;
  }
}

/// Two colours are in one word.
WEIR_COMPUTE_BODY uint colour_of(uint place, uint c) {
  return colours[2u * order[side * count + place] + c / 2u] >> (16u * (c & 1u)) & 65535u;
}

/// Distances are counted in steps that many of which are one step of coordinates.
WEIR_COMPUTE_BODY real step_for(Long reach) {
  const int places =
      real_bits < 53 ? 22 - max(top_bit(wide_of_long(reach)), 0) / 2 : 20;  // what a float has digits for
  return power_of_two(places);
}

/// What some features need of neighbours besides the sums of their coordinates: of so many at one place, from that one
/// on in the order.
WEIR_COMPUTE_BODY void add_more(uint place, uint points_there, int z, Long distance) {
  lowest_z = min(lowest_z, z);
  highest_z = max(highest_z, z);
  const Wide steps = wide_of_long(long_of_real(WEIR_COMPUTE_SQRT(real_of_long(distance)) * distance_step + real(0.5)));
  const Wide all_steps = points_there == 1u ? steps : product_of(wide_of_long(long_of(0u, points_there)), steps);
  distances = sum_of(distances, all_steps);
  distances2 = sum_of(distances2, product_of(all_steps, steps));
  if ((flags & flag_colours) == 0u) return;
  for (uint i = 0u; i < 4u * points_there; ++i) {
    const uint c = i & 3u;
    const uint own = colour_of(place + i / 4u, c);
    colour[c] = plus(colour[c], long_of(0u, own));
    colour2[c] = plus(colour2[c], product(own, own));
    lowest_colour[c] = min(lowest_colour[c], own);
    highest_colour[c] = max(highest_colour[c], own);
  }
}

/// So many points at one place, from that one on in the order.
WEIR_COMPUTE_BODY void add_place(ivec4 own, uint first, uint points_there, Long distance) {
  const ivec4 at = sorted[first];
  const Wide n = wide_of_long(long_of(0u, points_there));
  int away[3];
  away[0] = at.x - own.x;
  away[1] = at.y - own.y;
  away[2] = at.z - own.z;
  neighbours += points_there;
  for (uint i = 0u; i < 3u; ++i) wide[i] = sum_of(wide[i], product_of(n, wide_of(away[i])));
  for (uint i = 3u; i < 9u; ++i) {
    wide[i] = sum_of(wide[i], product_of(n, product_of_ints(away[first_axis(i)], away[second_axis(i)])));
  }
  if ((flags & flag_neighbours) != 0u) add_more(first, points_there, at.z, distance);
}

/// `fits` where the sums of products are sure to fit 32 bits.
WEIR_COMPUTE_BODY void add_neighbour(ivec4 own, uint place, Long distance, bool fits) {
  const ivec4 at = sorted[place];
  int away[3];
  away[0] = at.x - own.x;
  away[1] = at.y - own.y;
  away[2] = at.z - own.z;
  ++neighbours;
  if (fits) {
    for (uint i = 0u; i < 3u; ++i) narrow[i] += away[i];
    for (uint i = 3u; i < 9u; ++i) narrow[i] += away[first_axis(i)] * away[second_axis(i)];
  } else {
    for (uint i = 0u; i < 3u; ++i) wide[i] = sum_of(wide[i], wide_of(away[i]));
    for (uint i = 3u; i < 9u; ++i) {
      wide[i] = sum_of(wide[i], product_of_ints(away[first_axis(i)], away[second_axis(i)]));
    }
  }
  if ((flags & flag_neighbours) != 0u) add_more(place, 1u, at.z, distance);
}

/// n·sum − one·other, which is n² times a covariance.
WEIR_COMPUTE_BODY real spread_of(Wide sum, Wide one, Wide other) {
  return real_of(sum_of(product_of(wide_of_long(long_of(0u, neighbours)), sum), negative_of(product_of(one, other))));
}
