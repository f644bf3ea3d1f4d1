// Every node's repulsion by every other, as bodies for one of many threads each. The order of each sum is that in which
// the host computes a pair once for both nodes: nodes are in tiles, and tiles meet in rounds, each tile one other a
// round. Of two tiles the nodes of the first sum up the second's one after the other; those of the second sum up the
// first's in lanes that lie side by side, which are added last. Included inside thread.hpp's struct and by forces.comp.

/// Puts a node's position and mass at a place of the columns, or nothing.
WEIR_COMPUTE_BODY void put_point(uint place, uint node, bool is_node) {
  WEIR_COMPUTE_AT(points, 0u, place) = is_node ? positions[3u * node] : 0.0f;
  WEIR_COMPUTE_AT(points, stride, place) = is_node ? positions[3u * node + 1u] : 0.0f;
  WEIR_COMPUTE_AT(points, 2u * stride, place) = is_node && dimensions == 3u ? positions[3u * node + 2u] : 0.0f;
  WEIR_COMPUTE_AT(points, 3u * stride, place) = is_node ? mass[node] : 0.0f;
}
/// All of them in the order of the nodes, with nothing behind them to the end of a tile.
WEIR_COMPUTE_BODY void gather_point(uint i) { put_point(i, i < count ? i : 0u, i < count); }

WEIR_COMPUTE_BODY Vector point_at(uint i) {
  return vector_of(WEIR_COMPUTE_AT(points, 0u, i), WEIR_COMPUTE_AT(points, stride, i),
                   WEIR_COMPUTE_AT(points, 2u * stride, i));
}

WEIR_COMPUTE_BODY float push_factor(float masses, float square) {
  if (law == law_springs) return capped_push(square, repulsion, softening, max_force, cutoff_square);
  return inverse_push(masses, square);
}
WEIR_COMPUTE_BODY float masses_of(uint i, uint j) {
  return weighted != 0u ? WEIR_COMPUTE_AT(points, 3u * stride, i) * WEIR_COMPUTE_AT(points, 3u * stride, j) : 1.0f;
}
/// What point j does to point i, but for the law's constant.
WEIR_COMPUTE_BODY Vector push_of(uint i, uint j) {
  Vector way = minus(point_at(i), point_at(j));
  float factor = push_factor(masses_of(i, j), square_of(way));
  if (endless(factor)) {
    way = way_apart(i, j, dimensions, near_distance);
    factor = push_factor(masses_of(i, j), square_of(way));
  }
  return times(way, factor);
}

WEIR_COMPUTE_BODY Vector push_of_row(uint i, uint tile) {
  Vector sum = vector_of(0.0f, 0.0f, 0.0f);
  const uint end = min((tile + 1u) * tile_nodes, count);
  for (uint j = tile * tile_nodes; j < end; ++j) {
    if (j != i) sum = plus(sum, push_of(i, j));
  }
  return sum;
}
/// What point i does to those of a whole tile before its own.
WEIR_COMPUTE_BODY Vector push_on_column(uint i, uint tile) {
  Vector lane[lanes];
  for (uint l = 0u; l < lanes; ++l) lane[l] = vector_of(0.0f, 0.0f, 0.0f);
  for (uint j = 0u; j < tile_nodes; j += lanes) {
    for (uint l = 0u; l < lanes; ++l) lane[l] = plus(lane[l], push_of(tile * tile_nodes + j + l, i));
  }
  for (uint half_of = lanes / 2u; half_of != 0u; half_of = half_of / 2u) {
    for (uint l = 0u; l < half_of; ++l) lane[l] = plus(lane[l], lane[l + half_of]);
  }
  return lane[0];
}

/// The tile that another meets in a round: all but the last go round a table, of which the last stays at the head. Of
/// `seats` tiles, which are even in number; one past the last tile is nobody.
WEIR_COMPUTE_BODY uint partner_of(uint tile, uint round, uint seats) {
  const uint circle = seats - 1u;
  if (tile == circle) return round;
  const uint other = (2u * round + circle - tile) % circle;
  return other == tile ? circle : other;
}

/// Sets the force on a node to a sum of pushes.
WEIR_COMPUTE_BODY void put_push(uint node, Vector sum) {
  const float constant = law == law_springs ? 1.0f : repulsion;
  forces[3u * node] = constant * sum.x;
  forces[3u * node + 1u] = constant * sum.y;
  forces[3u * node + 2u] = constant * sum.z;
}

/// Sets the force on node i to what all others push it with.
WEIR_COMPUTE_BODY void repel_all(uint i) {
  const uint tile = i / tile_nodes;
  const uint tiles = (count + tile_nodes - 1u) / tile_nodes;
  const uint seats = tiles + (tiles & 1u);
  Vector sum = push_of_row(i, tile);
  for (uint round = 0u; round + 1u < seats; ++round) {
    const uint other = partner_of(tile, round, seats);
    if (other >= tiles) continue;
    if (tile < other) {
      sum = plus(sum, push_of_row(i, other));
    } else {
      sum = minus(sum, push_on_column(i, other));
    }
  }
  put_push(i, sum);
}
