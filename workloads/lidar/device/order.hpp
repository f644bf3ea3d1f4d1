// The Morton order of a chunk's points, as bodies for one of many threads each: codes of up to 16 bits an axis, by
// which compute/sort_bodies.hpp sorts (before it by what finer codes have below these, where cells would be crowded).
// Included inside thread.hpp's struct and by chunk.comp; plan.cpp says in which order bodies run.

// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result,modernize-loop-convert): GLSL is without.

/// Eight bits, two apart.
WEIR_COMPUTE_BODY uint spread(uint bits) {
  bits = (bits | bits << 8) & 0x00f00fu;
  bits = (bits | bits << 4) & 0x0c30c3u;
  return (bits | bits << 2) & 0x249249u;
}

/// Of the point at place i: the code, 24 bits a word, the low ones first. Places are the points' own numbers, unless
/// they have been sorted by finer codes already.
WEIR_COMPUTE_BODY void make_code(uint i) {
  const uint place = side * count + i;
  if ((flags & flag_ordered) == 0u) order[place] = i;
  const ivec4 at = points[order[place]];
  const uint x = (uint(at.x) - uint(low_x)) >> cell_shift;
  const uint y = (uint(at.y) - uint(low_y)) >> cell_shift;
  const uint z = (uint(at.z) - uint(low_z)) >> cell_shift;
  codes[2u * place] = spread(x & 255u) | spread(y & 255u) << 1 | spread(z & 255u) << 2;
  codes[2u * place + 1u] = spread(x >> 8 & 255u) | spread(y >> 8 & 255u) << 1 | spread(z >> 8 & 255u) << 2;
}

WEIR_COMPUTE_BODY void gather_point(uint i) { sorted[i] = points[order[side * count + i]]; }

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result,modernize-loop-convert)
