// Height above the ground of a query, by the rules of workloads/lidar/height.hpp: from the nearest points of the
// ground's class, or from the lowest point, within a reach as seen from above. Included inside thread.hpp's struct and
// by chunk.comp.

WEIR_COMPUTE_BODY Long flat_distance(ivec4 at, ivec4 low, ivec4 high) {
  const uint x = outside(at.x, low.x, high.x);
  const uint y = outside(at.y, low.y, high.y);
  return plus(product(x, x), product(y, y));
}

WEIR_COMPUTE_BODY void offer_ground(ivec4 own, uint place) {
  if (class_of(place) != ground_class) return;
  const ivec4 at = sorted[place];
  const Long distance = flat_distance(own, at, at);
  const uint id = uint(at.w);
  if (less(ground_bound, distance)) return;
  if (ground_count == ground_wanted) {
    if (!before(distance, id, ground_distance[ground_wanted - 1u], ground_id[ground_wanted - 1u])) return;
    --ground_count;
  }
  uint to = ground_count;
  ++ground_count;
  for (; to > 0u && before(distance, id, ground_distance[to - 1u], ground_id[to - 1u]); --to) {
    ground_distance[to] = ground_distance[to - 1u];
    ground_id[to] = ground_id[to - 1u];
    ground_z[to] = ground_z[to - 1u];
  }
  ground_distance[to] = distance;
  ground_id[to] = id;
  ground_z[to] = at.z;
  if (ground_count == ground_wanted) ground_bound = ground_distance[ground_wanted - 1u];
}
WEIR_COMPUTE_BODY void offer_ground_leaf(ivec4 own, uint leaf) {
  const uint end = min((leaf + 1u) * leaf_points, count);
  for (uint i = leaf * leaf_points; i < end; ++i) offer_ground(own, i);
}

WEIR_COMPUTE_BODY void put_height_by_class(uint place, uint row) {
  const ivec4 own = sorted[place];
  ground_count = 0u;
  ground_bound = long_of(ground2_high, ground2_low);
  Walk walk = walk_from(place);
  while (walk.more) {
    const uint at = 2u * (walk.begin + walk.at);
    const ivec4 high = boxes[at + 1u];
    const Long distance = flat_distance(own, boxes[at], high);
    const uint lowest = uint(high.w);
    bool open = lowest != 0xffffffffu && !less(ground_bound, distance);
    if (open && ground_count == ground_wanted) {
      open = !(same(distance, ground_bound) && lowest > ground_id[ground_wanted - 1u]);
    }
    if (open && walk.level == 0u) offer_ground_leaf(own, walk.at);
    walk = next_of(walk, open);
  }
  // In order of distance and id, with weights relative to the nearest. Ground right below counts alone.
  const Long zero = long_of(0u, 0u);
  real weights = real(0);
  real sum = real(0);
  for (uint i = 0u; i < ground_count; ++i) {
    const bool below = same(ground_distance[i], zero);
    if (same(ground_distance[0], zero) && !below) break;
    const real weight =
        below ? real(1) : WEIR_COMPUTE_SQRT(real_of_long(ground_distance[0]) / real_of_long(ground_distance[i]));
    weights += weight;
    sum += weight * real(own.z - ground_z[i]);
  }
  put_if(ground_count != 0u, column_height_above_ground, row, sum / weights * real_of_words(unit_first, unit_second));
}

WEIR_COMPUTE_BODY int lowest_of_leaf(ivec4 own, uint leaf, int lowest) {
  const Long reach = long_of(ground2_high, ground2_low);
  const uint end = min((leaf + 1u) * leaf_points, count);
  for (uint i = leaf * leaf_points; i < end; ++i) {
    const ivec4 at = sorted[i];
    if (at.z < lowest && !less(reach, flat_distance(own, at, at))) lowest = at.z;
  }
  return lowest;
}
WEIR_COMPUTE_BODY void put_height_by_lowest(uint place, uint row) {
  const ivec4 own = sorted[place];
  const Long reach = long_of(ground2_high, ground2_low);
  int lowest = own.z;
  Walk walk = walk_from(place);
  while (walk.more) {
    const uint at = 2u * (walk.begin + walk.at);
    const ivec4 low = boxes[at];
    const bool open = low.z < lowest && !less(reach, flat_distance(own, low, boxes[at + 1u]));
    if (open && walk.level == 0u) lowest = lowest_of_leaf(own, walk.at, lowest);
    walk = next_of(walk, open);
  }
  put(column_height_above_ground, row, real(own.z - lowest) * real_of_words(unit_first, unit_second));
}

/// Of the query at that place in the order.
WEIR_COMPUTE_BODY void find_height(uint place) {
  const uint row = order[side * count + place];
  if (row >= queries) return;
  if ((flags & flag_ground) != 0u) {
    put_height_by_class(place, row);
  } else {
    put_height_by_lowest(place, row);
  }
}
