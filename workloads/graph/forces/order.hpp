// The Morton order of the nodes, as bodies for one of many threads each: the box that all are in, codes of 48 bits, by
// which compute/sort_bodies.hpp sorts, and the points in that order. Nodes of one code stay in the order of their
// numbers. Included inside thread.hpp's struct and by forces.comp.

WEIR_COMPUTE_BODY void keep_bounds(uint block, Vector low, Vector high) {
  const uint to = level_begin + bounds * block;
  scratch[to] = low.x;
  scratch[to + 1u] = low.y;
  scratch[to + 2u] = low.z;
  scratch[to + 3u] = high.x;
  scratch[to + 4u] = high.y;
  scratch[to + 5u] = high.z;
}
/// The box of a run of nodes.
WEIR_COMPUTE_BODY void bound_nodes(uint block) {
  Vector low = position_of(block * sum_items);
  Vector high = low;
  const uint end = min((block + 1u) * sum_items, count);
  for (uint i = block * sum_items + 1u; i < end; ++i) {
    const Vector at = position_of(i);
    low = lower_of(low, at);
    high = higher_of(high, at);
  }
  keep_bounds(block, low, high);
}
WEIR_COMPUTE_BODY Vector scratch_vector(uint from) {
  return vector_of(scratch[from], scratch[from + 1u], scratch[from + 2u]);
}
/// The box of a run of boxes of the level below.
WEIR_COMPUTE_BODY void bound_bounds(uint block) {
  uint from = below_begin + bounds * (block * sum_items);
  Vector low = scratch_vector(from);
  Vector high = scratch_vector(from + 3u);
  const uint end = min((block + 1u) * sum_items, below_count);
  for (uint i = block * sum_items + 1u; i < end; ++i) {
    from = below_begin + bounds * i;
    low = lower_of(low, scratch_vector(from));
    high = higher_of(high, scratch_vector(from + 3u));
  }
  keep_bounds(block, low, high);
}

/// Which of the cells of an axis a coordinate is in.
WEIR_COMPUTE_BODY uint cell_of(float at, float low, float cells_of_length, float last) {
  return uint(clamp((at - low) * cells_of_length, 0.0f, last));
}
/// The cell of node i, of the box of all, whose bounds are the one block of the level below.
WEIR_COMPUTE_BODY Cell cell_at(uint i) {
  const Vector low = scratch_vector(below_begin);
  const Vector size = minus(scratch_vector(below_begin + 3u), low);
  const float extent = max(max(size.x, size.y), size.z);
  const float last = dimensions == 3u ? 2097151.0f : 16777215.0f;
  const float cells_of_length = extent > 1.0e-30f ? last / extent : 0.0f;
  const Vector at = position_of(i);
  Cell cell;
  cell.x = cell_of(at.x, low.x, cells_of_length, last);
  cell.y = cell_of(at.y, low.y, cells_of_length, last);
  cell.z = cell_of(at.z, low.z, cells_of_length, last);
  return cell;
}
WEIR_COMPUTE_BODY void put_code(uint i, uint low, uint high) {
  order[i] = i;
  codes[2u * i] = low;
  codes[2u * i + 1u] = high;
}
WEIR_COMPUTE_BODY void make_code(uint i) {
  const Cell cell = cell_at(i);
  Code code;
  if (dimensions == 3u) {
    code = curve_in_space(cell);
  } else {
    code = curve_in_plane(cell);
  }
  put_code(i, code.low, code.high);
}

/// Puts positions and masses into columns, in the order of the sort, with nothing behind them to the end of a tile.
WEIR_COMPUTE_BODY void gather_sorted(uint place) {
  const bool is_node = place < count;
  put_point(place, is_node ? order[place] : 0u, is_node);
}
