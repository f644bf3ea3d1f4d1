// Where a cell of a grid is on Hilbert's curve, by which nodes are sorted: whatever is next to each other on it is
// near, so that runs of nodes have small boxes; on Morton's, whose runs leap, walks over the tree meet 2.5 times as
// many points. In C++, CUDA C++ and GLSL. Included by the bodies and by the host's loops.
#if !defined(WEIR_GRAPH_CURVE)
#define WEIR_GRAPH_CURVE

#include "compute/language.hpp"
#include "workloads/graph/forces/parameters.hpp"

#if !defined(WEIR_COMPUTE_GLSL)
namespace weir::graph::forces {
#endif

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
WEIR_COMPUTE_FN Code longer(Code code, uint bits, uint more) {
  code.high = code.high << bits | code.low >> (32u - bits);
  code.low = code.low << bits | more;
  return code;
}

/// From the highest bits down: which quarter comes when, then the quarter turned so that it is as the whole.
WEIR_COMPUTE_FN Code curve_in_plane(Cell at) {
  Code code;
  code.low = 0u;
  code.high = 0u;
  for (uint bit = code_bits_2d; bit != 0u; --bit) {
    const uint right = at.x >> (bit - 1u) & 1u;
    const uint up = at.y >> (bit - 1u) & 1u;
    code = longer(code, 2u, 3u * right ^ up);
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

/// A step of `curve_in_space` for one axis: flips x where the axis has the bit, else swaps x and it, below the bit.
WEIR_COMPUTE_FN uint swapped_below(uint x, uint axis, uint bit) {
  return (axis & bit) != 0u ? 0u : (x ^ axis) & (bit - 1u);
}
/// Skilling's way ("Programming the Hilbert curve", 2004): all turns first, then Gray's code.
WEIR_COMPUTE_FN Code curve_in_space(Cell at) {
  const uint top = 1u << (code_bits_3d - 1u);
  for (uint bit = top; bit > 1u; bit = bit >> 1) {
    at.x ^= (at.x & bit) != 0u ? bit - 1u : 0u;
    const uint y = swapped_below(at.x, at.y, bit);
    at.x ^= (at.y & bit) != 0u ? bit - 1u : y;
    at.y ^= y;
    const uint z = swapped_below(at.x, at.z, bit);
    at.x ^= (at.z & bit) != 0u ? bit - 1u : z;
    at.z ^= z;
  }
  at.y ^= at.x;
  at.z ^= at.y;
  uint all = 0u;
  for (uint bit = top; bit > 1u; bit = bit >> 1) all ^= (at.z & bit) != 0u ? bit - 1u : 0u;
  at.x ^= all;
  at.y ^= all;
  at.z ^= all;
  Code code;
  code.low = 0u;
  code.high = 0u;
  for (uint bit = code_bits_3d; bit != 0u; --bit) {
    const uint three = (at.x >> (bit - 1u) & 1u) << 2 | (at.y >> (bit - 1u) & 1u) << 1 | (at.z >> (bit - 1u) & 1u);
    code = longer(code, 3u, three);
  }
  return code;
}

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::graph::forces
#endif
#endif
