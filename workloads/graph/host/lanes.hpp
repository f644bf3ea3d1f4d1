// Sixteen floats side by side, in whatever registers the level has for them: the same operations on each as the bodies
// have on one. Included by loops.hpp.
using Lanes = float __attribute__((vector_size(64)));
using Flags = int __attribute__((vector_size(64)));
using LooseLanes = float __attribute__((vector_size(64), aligned(4), may_alias));

inline Lanes lanes_at(const float* from) { return *reinterpret_cast<const LooseLanes*>(from); }
inline void put_lanes(float* to, Lanes values) { *reinterpret_cast<LooseLanes*>(to) = values; }
inline Lanes all_of(float value) { return Lanes{} + value; }

inline Flags lane_numbers() { return Flags{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }

inline Lanes root_of(Lanes a) {
#if defined(__AVX512F__)
  return reinterpret_cast<Lanes>(_mm512_sqrt_ps(reinterpret_cast<__m512>(a)));
#else
  Lanes root;
  for (uint l = 0; l < lanes; ++l) root[l] = __builtin_sqrtf(a[l]);
  return root;
#endif
}

/// Added as the bodies add lanes: halves of what is left.
inline float sum_of_lanes(const float* lane) {
  float sums[lanes / 2];
  for (uint l = 0; l < lanes / 2; ++l) sums[l] = lane[l] + lane[l + lanes / 2];
  for (uint half = lanes / 4; half != 0; half /= 2) {
    for (uint l = 0; l < half; ++l) sums[l] = sums[l] + sums[l + half];
  }
  return sums[0];
}

inline bool all_finite(const float* values, uint count) {
  bool finite = true;
  for (uint i = 0; i < count; ++i) finite &= __builtin_fabsf(values[i]) <= __FLT_MAX__;
  return finite;
}
