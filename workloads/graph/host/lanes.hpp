// Floats side by side: the same operations on each as the bodies have on one. `Wide` is sixteen of them, in as many
// registers as the level needs for them; `Lanes` is one register. Included by loops.hpp.
#if defined(__AVX512F__)
constexpr uint width = 16;
#elif defined(__AVX__)
constexpr uint width = 8;
#else
constexpr uint width = 4;
#endif
using Lanes = float __attribute__((vector_size(4 * width)));
using Wide = float __attribute__((vector_size(4 * lanes)));
using WideFlags = int __attribute__((vector_size(4 * lanes)));

template <class V>
[[gnu::always_inline]] inline V lanes_at(const float* from) {
  V values;
  __builtin_memcpy(&values, from, sizeof(V));
  return values;
}
template <class V>
[[gnu::always_inline]] inline void put_lanes(float* to, V values) {
  __builtin_memcpy(to, &values, sizeof(V));
}
template <class V>
[[gnu::always_inline]] inline V all_of(float value) {
  return V{} + value;
}

inline WideFlags lane_numbers() { return WideFlags{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }

/// a + b, the same bits, where a processor that adds and multiplies in different units has more to add: as 1 · b + a.
[[gnu::always_inline]] inline Lanes sum_by_product(Lanes a, Lanes b) {
#if defined(__AVX512F__)
  Lanes one = all_of<Lanes>(1.0F);
  asm("" : "+v"(one));  // no compiler may make a sum of it again
  return _mm512_fmadd_ps(one, b, a);
#else
  return a + b;
#endif
}

[[gnu::always_inline]] inline Lanes root_of_register(Lanes a) {
#if defined(__AVX512F__)
  return _mm512_sqrt_ps(a);
#elif defined(__AVX__)
  return _mm256_sqrt_ps(a);
#elif defined(__SSE__)
  return _mm_sqrt_ps(a);
#else
  for (uint l = 0; l < width; ++l) a[l] = __builtin_sqrtf(a[l]);
  return a;
#endif
}
template <class V>
[[gnu::always_inline]] inline V root_of(V a) {
  Lanes parts[sizeof(V) / sizeof(Lanes)];
  __builtin_memcpy(parts, &a, sizeof(V));
  for (Lanes& each : parts) each = root_of_register(each);
  __builtin_memcpy(&a, parts, sizeof(V));
  return a;
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
