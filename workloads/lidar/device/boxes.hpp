// The hierarchy of boxes over runs of the sorted points, and how it is walked: a leaf has eight points next to each
// other, any other box four boxes of the level below, so that places are arithmetic and nothing points anywhere. A walk
// starts at a query's own leaf and goes on to what lies farther off in Morton order, without a stack. Included inside
// thread.hpp's struct and by chunk.comp.

// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result): GLSL has 32 bits.

WEIR_COMPUTE_BODY uint level_size(uint level) { return ((count - 1u) >> (3u + 2u * level)) + 1u; }

WEIR_COMPUTE_BODY uint class_of(uint place) {
  const uint i = order[side * count + place];
  return classes[i >> 2] >> (8u * (i & 3u)) & 255u;
}

/// Two elements a box: low corner and lowest id, high corner and the lowest id of the ground's points.
WEIR_COMPUTE_BODY void make_leaf(uint leaf) {
  const uint first = leaf * leaf_points;
  const uint end = min(first + leaf_points, count);
  ivec4 low = sorted[first];
  ivec4 high = low;
  uint lowest = uint(low.w);
  uint ground = 0xffffffffu;
  for (uint i = first; i < end; ++i) {
    const ivec4 at = sorted[i];
    low.x = min(low.x, at.x);
    low.y = min(low.y, at.y);
    low.z = min(low.z, at.z);
    high.x = max(high.x, at.x);
    high.y = max(high.y, at.y);
    high.z = max(high.z, at.z);
    lowest = min(lowest, uint(at.w));
    if ((flags & flag_classes) != 0u && class_of(i) == ground_class) ground = min(ground, uint(at.w));
  }
  low.w = int(lowest);
  high.w = int(ground);
  boxes[2u * leaf] = low;
  boxes[2u * leaf + 1u] = high;
}

WEIR_COMPUTE_BODY void make_box(uint box) {
  const uint first = 4u * box;
  const uint end = min(first + 4u, below_count);
  ivec4 low = boxes[2u * (below_begin + first)];
  ivec4 high = boxes[2u * (below_begin + first) + 1u];
  uint lowest = uint(low.w);
  uint ground = uint(high.w);
  for (uint i = first + 1u; i < end; ++i) {
    const ivec4 its_low = boxes[2u * (below_begin + i)];
    const ivec4 its_high = boxes[2u * (below_begin + i) + 1u];
    low.x = min(low.x, its_low.x);
    low.y = min(low.y, its_low.y);
    low.z = min(low.z, its_low.z);
    high.x = max(high.x, its_high.x);
    high.y = max(high.y, its_high.y);
    high.z = max(high.z, its_high.z);
    lowest = min(lowest, uint(its_low.w));
    ground = min(ground, uint(its_high.w));
  }
  low.w = int(lowest);
  high.w = int(ground);
  boxes[2u * (level_begin + box)] = low;
  boxes[2u * (level_begin + box) + 1u] = high;
}

/// The first box at or after walk.at, of those under the same box as the query's own, that is not the query's own; else
/// of the next level.
WEIR_COMPUTE_BODY Walk settled(Walk walk) {
  for (;;) {
    const uint size = level_size(walk.root);
    const uint end = min((walk.self | 3u) + 1u, size);
    if (walk.at == walk.self) ++walk.at;
    if (walk.at < end) return walk;
    if (size == 1u) {
      walk.more = false;
      return walk;
    }
    walk.begin += size;
    ++walk.root;
    walk.level = walk.root;
    walk.self = walk.self >> 2;
    walk.at = walk.self & ~3u;
  }
}
/// A walk that starts at the leaf of that place in the order.
WEIR_COMPUTE_BODY Walk walk_from(uint place) {
  Walk walk;
  walk.more = true;
  walk.level = 0u;
  walk.root = 0u;
  walk.begin = 0u;
  walk.self = place / leaf_points;
  walk.at = walk.self;
  return walk;
}
/// The next box: below this one, if it is to be opened and is no leaf, else after it and all below it.
WEIR_COMPUTE_BODY Walk next_of(Walk walk, bool open) {
  if (open && walk.level != 0u) {
    --walk.level;
    walk.begin -= level_size(walk.level);
    walk.at = 4u * walk.at;
    return walk;
  }
  while (walk.level < walk.root && ((walk.at & 3u) == 3u || walk.at + 1u == level_size(walk.level))) {
    walk.begin += level_size(walk.level);
    ++walk.level;
    walk.at = walk.at >> 2;
  }
  if (walk.level < walk.root) {
    ++walk.at;
    return walk;
  }
  walk.at = walk.at == walk.self ? walk.self & ~3u : walk.at + 1u;  // from the query's own leaf to those beside it
  return settled(walk);
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
