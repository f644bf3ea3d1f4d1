// The k nearest points of a query, decided on whole numbers: squared distances of 64 bits, ties going to the lower id.
// A heap of places with the worst on top; boxes that can only tie are passed over by their lowest id, so equal points
// cost no more than others. Included inside thread.hpp's struct and by chunk.comp.

// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result): GLSL has 32 bits.

/// How far outside [low, high] `at` is.
WEIR_COMPUTE_BODY uint outside(int at, int low, int high) {
  return at < low ? uint(low) - uint(at) : (at > high ? uint(at) - uint(high) : 0u);
}
WEIR_COMPUTE_BODY uint apart(int a, int b) { return a < b ? uint(b) - uint(a) : uint(a) - uint(b); }

WEIR_COMPUTE_BODY Long point_distance(ivec4 a, ivec4 b) {
  const uint x = apart(a.x, b.x);
  const uint y = apart(a.y, b.y);
  const uint z = apart(a.z, b.z);
  return plus(product(x, x), plus(product(y, y), product(z, z)));
}
WEIR_COMPUTE_BODY Long box_distance(ivec4 at, ivec4 low, ivec4 high) {
  const uint x = outside(at.x, low.x, high.x);
  const uint y = outside(at.y, low.y, high.y);
  const uint z = outside(at.z, low.z, high.z);
  return plus(product(x, x), plus(product(y, y), product(z, z)));
}

WEIR_COMPUTE_BODY Long best_distance(uint i) { return long_of(best_high[i], best_low[i]); }
WEIR_COMPUTE_BODY void set_best(uint i, Long distance, uint place) {
  best_high[i] = high_of(distance);
  best_low[i] = low_of(distance);
  best_place[i] = place;
}
WEIR_COMPUTE_BODY bool before(Long one, uint one_id, Long other, uint other_id) {
  return less(one, other) || (same(one, other) && one_id < other_id);
}
WEIR_COMPUTE_BODY uint id_at(uint place) { return uint(sorted[place].w); }
/// Whether of two of the heap the first is the better.
WEIR_COMPUTE_BODY bool best_before(uint one, uint other) {
  const Long a = best_distance(one);
  const Long b = best_distance(other);
  return less(a, b) || (same(a, b) && id_at(best_place[one]) < id_at(best_place[other]));
}
/// Whether one of the heap is worse than another point. Ids are read where distances tie alone.
WEIR_COMPUTE_BODY bool worse(uint at, Long distance, uint id) {
  const Long its = best_distance(at);
  return less(distance, its) || (same(distance, its) && id < id_at(best_place[at]));
}

WEIR_COMPUTE_BODY void rise(Long distance, uint id, uint place) {
  uint at = best_count;
  ++best_count;
  while (at > 0u) {
    const uint up = (at - 1u) / 2u;
    if (worse(up, distance, id)) break;
    set_best(at, best_distance(up), best_place[up]);
    at = up;
  }
  set_best(at, distance, place);
}
WEIR_COMPUTE_BODY void sink(Long distance, uint id, uint place) {
  uint at = 0u;
  for (uint child = 1u; child < best_count; child = 2u * at + 1u) {
    if (child + 1u < best_count && best_before(child, child + 1u)) ++child;
    if (!worse(child, distance, id)) break;
    set_best(at, best_distance(child), best_place[child]);
    at = child;
  }
  set_best(at, distance, place);
}

WEIR_COMPUTE_BODY void offer(ivec4 own, uint place) {
  const ivec4 at = sorted[place];
  const Long distance = point_distance(own, at);
  const uint id = uint(at.w);
  if (best_count == k) {
    if (!before(distance, id, worst_distance, worst_id)) return;
    sink(distance, id, place);
  } else {
    rise(distance, id, place);
    if (best_count < k) return;
  }
  worst_distance = best_distance(0u);
  worst_id = id_at(best_place[0]);
}

WEIR_COMPUTE_BODY void offer_leaf(ivec4 own, uint leaf) {
  const uint end = min((leaf + 1u) * leaf_points, count);
  for (uint i = leaf * leaf_points; i < end; ++i) offer(own, i);
}

/// Leaves the neighbours of the point at that place in the heap.
WEIR_COMPUTE_BODY void find_nearest(uint place) {
  const ivec4 own = sorted[place];
  best_count = 0u;
  worst_distance = long_of(0xffffffffu, 0xffffffffu);
  worst_id = 0xffffffffu;
  Walk walk = walk_from(place);
  while (walk.more) {
    const ivec4 low = boxes[2u * (walk.begin + walk.at)];
    const Long distance = box_distance(own, low, boxes[2u * (walk.begin + walk.at) + 1u]);
    const bool open = before(distance, uint(low.w), worst_distance, worst_id);
    if (open && walk.level == 0u) offer_leaf(own, walk.at);
    walk = next_of(walk, open);
  }
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
