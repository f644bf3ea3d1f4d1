// Where a cell of a grid is on Hilbert's curve, by shifts and bits alone: `uint` is a number, or for the host's loops
// many of them side by side. Included by forces/curve.hpp, which says what for, and by the host's loops in a namespace
// of their own.

struct Cell {
  uint x;
  uint y;
  uint z;
};
struct Code {
  uint low;
  uint high;
};

/// With some more bits behind it.
WEIR_COMPUTE_FN Code longer(Code code, int bits, uint more) {
  code.high = code.high << bits | code.low >> (32 - bits);
  code.low = code.low << bits | more;
  return code;
}
WEIR_COMPUTE_FN uint bit_of(uint a, int bit) { return a >> bit & 1u; }
/// All bits, or none, as that bit is.
WEIR_COMPUTE_FN uint filled_by(uint a, int bit) { return 0u - bit_of(a, bit); }
WEIR_COMPUTE_FN uint lowest_bits(uint a, int bits) { return a << (32 - bits) >> (32 - bits); }

/// From the highest bits down: which quarter comes when, then the quarter turned so that it is as the whole.
WEIR_COMPUTE_FN Code curve_in_plane(Cell at) {
  Code code;
  code.low = at.x & 0u;
  code.high = at.x & 0u;
  for (int bit = int(code_bits_2d) - 1; bit >= 0; --bit) {
    const uint right = bit_of(at.x, bit);
    const uint up = bit_of(at.y, bit);
    code = longer(code, 2, 3u * right ^ up);
    const uint turned = up - 1u;  // all bits where the quarter is a low one
    const uint flipped = (0u - right) & turned;
    const uint x = at.x ^ flipped;
    const uint y = at.y ^ flipped;
    const uint swapped = (x ^ y) & turned;
    at.x = x ^ swapped;
    at.y = y ^ swapped;
  }
  return code;
}

/// Skilling's way ("Programming the Hilbert curve", 2004): all turns first, then Gray's code. Below each bit, x is
/// flipped where an axis has the bit, else x and the axis are swapped.
WEIR_COMPUTE_FN Code curve_in_space(Cell at) {
  for (int bit = int(code_bits_3d) - 1; bit > 0; --bit) {
    at.x = at.x ^ lowest_bits(filled_by(at.x, bit), bit);
    const uint has_y = filled_by(at.y, bit);
    const uint y = lowest_bits((at.x ^ at.y) & ~has_y, bit);
    at.x = at.x ^ lowest_bits(has_y, bit) ^ y;
    at.y = at.y ^ y;
    const uint has_z = filled_by(at.z, bit);
    const uint z = lowest_bits((at.x ^ at.z) & ~has_z, bit);
    at.x = at.x ^ lowest_bits(has_z, bit) ^ z;
    at.z = at.z ^ z;
  }
  at.y = at.y ^ at.x;
  at.z = at.z ^ at.y;
  uint all = at.x & 0u;
  for (int bit = int(code_bits_3d) - 1; bit > 0; --bit) all = all ^ lowest_bits(filled_by(at.z, bit), bit);
  at.x = at.x ^ all;
  at.y = at.y ^ all;
  at.z = at.z ^ all;
  Code code;
  code.low = at.x & 0u;
  code.high = at.x & 0u;
  for (int bit = int(code_bits_3d) - 1; bit >= 0; --bit) {
    code = longer(code, 3, bit_of(at.x, bit) << 2 | bit_of(at.y, bit) << 1 | bit_of(at.z, bit));
  }
  return code;
}
