// One query: its neighbours are found, added up, and made into features. Within a radius they are added up as they are
// met. Included inside thread.hpp's struct and by chunk.comp.

/// Gives the squared distance of the farthest.
WEIR_COMPUTE_BODY Long add_leaf(ivec4 own, uint leaf, Long radius2, Long reach, bool fits) {
  const uint end = min((leaf + 1u) * leaf_points, count);
  for (uint i = leaf * leaf_points; i < end; ++i) {
    const Long distance = point_distance(own, sorted[i]);
    if (less(radius2, distance)) continue;
    if (less(reach, distance)) reach = distance;
    add_neighbour(own, i, distance, fits);
  }
  if (fits) widen();  // as a leaf's sums fit where those of all neighbours may not
  return reach;
}

/// The points of a box are next to each other in the order.
WEIR_COMPUTE_BODY uint first_in(Walk walk) { return walk.at * (leaf_points << (2u * walk.level)); }

/// Points at one place are as many neighbours at once, so that many of them take no longer.
WEIR_COMPUTE_BODY bool is_place(uint at) {
  const ivec4 low = boxes[at];
  const ivec4 high = boxes[at + 1u];
  return low.x == high.x && low.y == high.y && low.z == high.z;
}

WEIR_COMPUTE_BODY Long add_within(uint place, ivec4 own, Long radius2) {
  const bool fits = high_of(radius2) == 0u && low_of(radius2) < 0x7fffffffu / leaf_points;
  Long reach = long_of(0u, 0u);
  Walk walk = walk_from(place);
  while (walk.more) {
    const uint at = 2u * (walk.begin + walk.at);
    bool open = !less(radius2, box_distance(own, boxes[at], boxes[at + 1u]));
    if (open && walk.level == 0u) {
      reach = add_leaf(own, walk.at, radius2, reach, fits);
    } else if (open && is_place(at)) {
      const uint first = first_in(walk);
      const Long distance = point_distance(own, sorted[first]);
      if (less(reach, distance)) reach = distance;
      add_place(own, first, min(leaf_points << (2u * walk.level), count - first), distance);
      open = false;
    }
    walk = next_of(walk, open);
  }
  return reach;
}

/// The squared distance to the nearest place that is not known; the largest number where all is.
WEIR_COMPUTE_BODY Long known_distance(ivec4 own) {
  uint nearest = 0xffffffffu;
  if (known_low_x != open_low) nearest = min(nearest, apart(own.x, known_low_x) + 1u);
  if (known_low_y != open_low) nearest = min(nearest, apart(own.y, known_low_y) + 1u);
  if (known_high_x != open_high) nearest = min(nearest, apart(known_high_x, own.x) + 1u);
  if (known_high_y != open_high) nearest = min(nearest, apart(known_high_y, own.y) + 1u);
  if (nearest == 0xffffffffu) return long_of(0xffffffffu, 0xffffffffu);
  return product(nearest, nearest);
}

/// Of the query at that place in the order.
WEIR_COMPUTE_BODY void find_features(uint place) {
  const uint row = order[side * count + place];
  if (row >= queries) return;
  const ivec4 own = sorted[place];
  const Long radius2 = long_of(radius2_high, radius2_low);
  const Long known = known_distance(own);
  Long reach = long_of(0u, 0u);
  Long sure = radius2;  // what is within it has to be known
  clear_sums();
  if (k == 0u) {
    distance_step = step_for(radius2);
    reach = add_within(place, own, radius2);
  } else {
    find_nearest(place);
    reach = best_distance(0u);
    sure = best_count == k ? reach : long_of(0xffffffffu, 0xfffffffeu);
    distance_step = step_for(reach);
    const Long most = product(low_of(reach), best_count);
    const bool fits = high_of(reach) == 0u && high_of(most) == 0u && low_of(most) < 0x7fffffffu;
    for (uint i = 0u; i < best_count; ++i) add_neighbour(own, best_place[i], best_distance(i), fits);
  }
  const bool unfinished = !less(sure, known);
  const bool coincident = put_features(row, own.z, reach);
  put_word(column_ids, row, uint(own.w));
  put_word(column_state, row, unfinished ? 2u : (coincident ? 1u : 0u));
  put_word(column_reach, 2u * row, low_of(sure));
  put_word(column_reach, 2u * row + 1u, high_of(sure));
  if ((flags & flag_classes) != 0u) put(column_is_ground, row, class_of(place) == ground_class ? real(1) : real(0));
}
