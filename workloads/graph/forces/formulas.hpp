// What laws are made of, for one pair or one node: functions of plain numbers, in C++, CUDA C++ and GLSL. Only +, −, ×,
// ÷ and square roots, so that the bits are the same wherever these are exact. Included by the kernels' bodies and by
// the host's loops.
#if !defined(WEIR_GRAPH_FORMULAS)
#define WEIR_GRAPH_FORMULAS

#if defined(WEIR_COMPUTE_GLSL)
#include "compute/language.hpp"
#else
#include "compute/language.hpp"
namespace weir::graph::forces {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
#endif

/// A vector of two or three dimensions; of two, z is 0.
struct Vector {
  float x;
  float y;
  float z;
};

WEIR_COMPUTE_FN Vector vector_of(float x, float y, float z) {
  Vector made;
  made.x = x;
  made.y = y;
  made.z = z;
  return made;
}
WEIR_COMPUTE_FN Vector plus(Vector a, Vector b) { return vector_of(a.x + b.x, a.y + b.y, a.z + b.z); }
WEIR_COMPUTE_FN Vector minus(Vector a, Vector b) { return vector_of(a.x - b.x, a.y - b.y, a.z - b.z); }
WEIR_COMPUTE_FN Vector times(Vector a, float f) { return vector_of(a.x * f, a.y * f, a.z * f); }
WEIR_COMPUTE_FN float square_of(Vector a) { return a.x * a.x + a.y * a.y + a.z * a.z; }

WEIR_COMPUTE_FN Vector lower_of(Vector a, Vector b) { return vector_of(min(a.x, b.x), min(a.y, b.y), min(a.z, b.z)); }
WEIR_COMPUTE_FN Vector higher_of(Vector a, Vector b) { return vector_of(max(a.x, b.x), max(a.y, b.y), max(a.z, b.z)); }

/// How far boxes a and b are apart along an axis: 0 where they overlap.
WEIR_COMPUTE_FN float gap_between(float low_a, float high_a, float low_b, float high_b) {
  return max(max(low_b - high_a, low_a - high_b), 0.0f);
}
WEIR_COMPUTE_FN Vector gap_of(Vector low_a, Vector high_a, Vector low_b, Vector high_b) {
  return vector_of(gap_between(low_a.x, high_a.x, low_b.x, high_b.x), gap_between(low_a.y, high_a.y, low_b.y, high_b.y),
                   gap_between(low_a.z, high_a.z, low_b.z, high_b.z));
}
/// From the one's farthest corner to the other's.
WEIR_COMPUTE_FN Vector span_of(Vector low_a, Vector high_a, Vector low_b, Vector high_b) {
  return minus(higher_of(high_a, high_b), lower_of(low_a, low_b));
}

/// Such that no finite vector's square is too large or too small for a float; 0 for none.
WEIR_COMPUTE_FN float length_of(Vector a) {
  const float square = square_of(a);
  if (square > 1.0e-30f && square < 1.0e30f) return WEIR_COMPUTE_SQRT(square);
  const float largest = max(max(abs(a.x), abs(a.y)), abs(a.z));
  if (largest < 1.0e-30f) return 0.0f;
  const Vector unit = vector_of(a.x / largest, a.y / largest, a.z / largest);
  return largest * WEIR_COMPUTE_SQRT(square_of(unit));
}

/// Past every finite float.
WEIR_COMPUTE_FN bool endless(float a) { return !(a <= 3.4028234e38f); }

/// log(1 + a) for a ≥ 0, within 2e-7 of it or of its own size.
WEIR_COMPUTE_FN float log_1_plus(float a) {
  const float x = 1.0f + a;
  const uint bits = floatBitsToUint(x) - 0x3f3504f3u;  // by halves from √½ on
  const int power = int(bits) >> 23;
  const float m = uintBitsToFloat((bits & 0x7fffffu) + 0x3f3504f3u);
  // What 1 + a lost of a goes into the fraction; not where a is so large that nothing of it counts.
  const float lost = power < 24 ? (a - (x - 1.0f)) / x : 0.0f;
  const float s = (m - 1.0f) / (m + 1.0f);
  const float s2 = s * s;
  const float series = s2 * (0.33333333f + s2 * (0.2f + s2 * (0.14285715f + s2 * 0.11111111f)));
  return float(power) * 0.69314718f + (2.0f * (s + s * series) + lost);
}

/// Of two numbers, the same whichever comes first.
WEIR_COMPUTE_FN uint mixed(uint a, uint b) {
  uint h = min(a, b) * 0x9e3779b9u ^ (max(a, b) + 0x7f4a7c15u) * 0x85ebca6bu;
  h = (h ^ h >> 16) * 0x7feb352du;
  h = (h ^ h >> 15) * 0x846ca68bu;
  return h ^ h >> 16;
}
/// −1 to 1, but not 0, by ten bits of a number.
WEIR_COMPUTE_FN float side_of(uint bits) { return float(int(2u * (bits & 1023u)) - 1023) / 1023.0f; }

/// The way from node b to node a where they are at one place: some way of about `distance`, and back the other way.
WEIR_COMPUTE_FN Vector way_apart(uint a, uint b, uint dimensions, float distance) {
  const uint bits = mixed(a, b);
  const float signed_distance = a < b ? -distance : distance;
  const float z = dimensions == 3u ? side_of(bits >> 20) : 0.0f;
  return times(vector_of(side_of(bits), side_of(bits >> 10), z), signed_distance);
}

/// What a distance is multiplied with for the repulsion of fr and fa2, but for their constant; endless at no distance.
WEIR_COMPUTE_FN float inverse_push(float masses, float square) { return masses / square; }

/// And of springs: that of k/(d² + softening), capped, and none from the cutoff on.
WEIR_COMPUTE_FN float capped_push(float square, float k, float softening, float cap, float cutoff_square) {
  const float soft = square + softening;
  const float distance = WEIR_COMPUTE_SQRT(square);
  const bool capped = k > cap * soft;
  const float push = (capped ? cap : k) / (capped ? distance : soft * distance);
  return square < cutoff_square ? push : 0.0f;
}

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::graph::forces
#endif
#endif
