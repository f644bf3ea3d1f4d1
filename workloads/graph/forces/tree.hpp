// Every node's repulsion by cells of a tree, as bodies for one of many threads each. A leaf is sixteen points next to
// each other in the sorted order, a cell of the next level four cells of the one below, so that places are arithmetic
// and nothing points anywhere. All nodes of a leaf walk the tree as one: a cell whose longest side is at most theta
// times its centre's distance from the leaf's box is taken for one point of its mass, and so is one without extent; any
// other is opened. The order of the sums is that of the walk. Included inside thread.hpp's struct and by forces.comp.

WEIR_COMPUTE_BODY uint level_size(uint level) { return ((count - 1u) >> (leaf_bits + fan_bits * level)) + 1u; }

WEIR_COMPUTE_BODY Vector cell_vector(uint cell, uint part) {
  const uint from = cell_floats * cell + part;
  return vector_of(cells[from], cells[from + 1u], cells[from + 2u]);
}
WEIR_COMPUTE_BODY void put_cell(uint cell, Vector low, Vector high, Vector centre, float whole) {
  const uint to = cell_floats * cell;
  const Vector reach = higher_of(minus(centre, low), minus(high, centre));
  cells[to + cell_centre] = centre.x;
  cells[to + cell_centre + 1u] = centre.y;
  cells[to + cell_centre + 2u] = centre.z;
  cells[to + cell_mass] = whole;
  cells[to + cell_low] = low.x;
  cells[to + cell_low + 1u] = low.y;
  cells[to + cell_low + 2u] = low.z;
  cells[to + cell_square] = 2.0f * square_of(reach);
  cells[to + cell_high] = high.x;
  cells[to + cell_high + 1u] = high.y;
  cells[to + cell_high + 2u] = high.z;
  cells[to + cell_high + 3u] = 0.0f;
}

/// From the low corner, so that nodes at one place have their centre there.
WEIR_COMPUTE_BODY void make_leaf(uint leaf) {
  const uint first = leaf * leaf_nodes;
  const uint end = min(first + leaf_nodes, count);
  Vector low = point_at(first);
  Vector high = low;
  for (uint i = first + 1u; i < end; ++i) {
    const Vector at = point_at(i);
    low = lower_of(low, at);
    high = higher_of(high, at);
  }
  Vector moment = vector_of(0.0f, 0.0f, 0.0f);
  float whole = 0.0f;
  for (uint i = first; i < end; ++i) {
    const float its_mass = WEIR_COMPUTE_AT(points, 3u * stride, i);
    moment = plus(moment, times(minus(point_at(i), low), its_mass));
    whole = whole + its_mass;
  }
  put_cell(leaf, low, high, plus(low, times(moment, 1.0f / whole)), whole);
}
WEIR_COMPUTE_BODY void make_cell(uint cell) {
  const uint first = cell << fan_bits;
  const uint end = min((cell + 1u) << fan_bits, below_count);
  Vector low = cell_vector(below_begin + first, cell_low);
  Vector high = cell_vector(below_begin + first, cell_high);
  for (uint i = first + 1u; i < end; ++i) {
    low = lower_of(low, cell_vector(below_begin + i, cell_low));
    high = higher_of(high, cell_vector(below_begin + i, cell_high));
  }
  Vector moment = vector_of(0.0f, 0.0f, 0.0f);
  float whole = 0.0f;
  for (uint i = first; i < end; ++i) {
    const float its_mass = cells[cell_floats * (below_begin + i) + cell_mass];
    moment = plus(moment, times(minus(cell_vector(below_begin + i, cell_centre), low), its_mass));
    whole = whole + its_mass;
  }
  put_cell(level_begin + cell, low, high, plus(low, times(moment, 1.0f / whole)), whole);
}

/// What becomes of a cell on a leaf's walk: `pass` is nothing, as it is past the cutoff.
WEIR_COMPUTE_BODY uint fate_of(uint leaf, uint level, uint cell) {
  if (level == 0u && cell == leaf) return fate_open;
  const Vector low = cell_vector(leaf, cell_low);
  const Vector high = cell_vector(leaf, cell_high);
  const Vector centre = cell_vector(cell, cell_centre);
  const float square = cells[cell_floats * cell + cell_square];
  const bool is_point = square <= theta_square * square_of(gap_of(low, high, centre, centre));
  if (law != law_springs) return is_point ? fate_point : fate_open;
  const Vector its_low = cell_vector(cell, cell_low);
  const Vector its_high = cell_vector(cell, cell_high);
  if (square_of(gap_of(low, high, its_low, its_high)) >= cutoff_square) return fate_pass;
  const bool all_near = square_of(span_of(low, high, its_low, its_high)) < cutoff_square;
  return is_point && (all_near || square == 0.0f) ? fate_point : fate_open;
}

/// What a cell taken for a point does to point i.
WEIR_COMPUTE_BODY Vector push_of_cell(uint i, uint cell) {
  const float whole = cells[cell_floats * cell + cell_mass];
  const float masses = weighted != 0u ? WEIR_COMPUTE_AT(points, 3u * stride, i) * whole : whole;
  Vector way = minus(point_at(i), cell_vector(cell, cell_centre));
  float factor = push_factor(masses, square_of(way));
  if (endless(factor)) {
    way = way_apart(i, count + cell, dimensions, near_distance);
    factor = push_factor(masses, square_of(way));
  }
  return times(way, law == law_springs ? factor * whole : factor);
}

/// Sets the force on the node of that place to what all others push it with.
WEIR_COMPUTE_BODY void repel_by_tree(uint i) {
  const uint leaf = i / leaf_nodes;
  Vector sum = vector_of(0.0f, 0.0f, 0.0f);
  uint level = root_level;
  uint begin = root_begin;
  uint at = 0u;
  for (bool more = true; more;) {
    const uint fate = fate_of(leaf, level, begin + at);
    if (fate == fate_open && level != 0u) {
      --level;
      begin -= level_size(level);
      at = at << fan_bits;
      continue;
    }
    if (fate == fate_point) sum = plus(sum, push_of_cell(i, begin + at));
    if (fate == fate_open) {
      const uint end = min((at + 1u) * leaf_nodes, count);
      for (uint j = at * leaf_nodes; j < end; ++j) {
        if (j != i) sum = plus(sum, push_of(i, j));
      }
    }
    while (level < root_level && ((at & 3u) == 3u || at + 1u == level_size(level))) {
      begin += level_size(level);
      ++level;
      at = at >> fan_bits;
    }
    more = level < root_level;
    ++at;
  }
  put_push(order[i], sum);
}
