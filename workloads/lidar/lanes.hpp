// The inner loops over candidates, with AVX-512 where this build of the kernels has it and in plain C++ for the
// compiler to vectorize elsewhere; both give the same. Arrays are padded to whole vectors. Part of the kernels.
#pragma once

#include <cstdint>

#if defined(__AVX512F__) && defined(__AVX512BW__)
#include <immintrin.h>
#define WEIR_LIDAR_AVX512 1
#endif

namespace weir::lidar {
namespace {

constexpr std::uint32_t lanes = 16;
constexpr std::uint32_t padded(std::uint32_t count) noexcept { return (count + lanes - 1) / lanes * lanes; }

/// Squared distances of candidates to (x, y, z); all coordinates are below 2^15 in magnitude, so they fit.
inline void distances(const std::int32_t* xs, const std::int32_t* ys, const std::int32_t* zs, std::uint32_t count,
                      std::int32_t x, std::int32_t y, std::int32_t z, std::uint32_t* out) noexcept {
  const std::uint32_t whole = padded(count);
  for (std::uint32_t i = 0; i < whole; ++i) {
    // Unsigned, as what lies past the count may be any number.
    const std::uint32_t dx = static_cast<std::uint32_t>(xs[i]) - static_cast<std::uint32_t>(x);
    const std::uint32_t dy = static_cast<std::uint32_t>(ys[i]) - static_cast<std::uint32_t>(y);
    const std::uint32_t dz = static_cast<std::uint32_t>(zs[i]) - static_cast<std::uint32_t>(z);
    out[i] = dx * dx + dy * dy + dz * dz;
  }
  for (std::uint32_t i = count; i < whole; ++i) out[i] = UINT32_MAX;
}

/// How many of the padded values are at most `bound`, which is below UINT32_MAX.
inline std::uint32_t count_up_to(const std::uint32_t* values, std::uint32_t count, std::uint32_t bound) noexcept {
  std::uint32_t found = 0;
#if defined(WEIR_LIDAR_AVX512)
  const __m512i limit = _mm512_set1_epi32(static_cast<int>(bound));
  for (std::uint32_t i = 0; i < count; i += lanes) {
    const __mmask16 mask = _mm512_cmple_epu32_mask(_mm512_loadu_si512(values + i), limit);
    found += static_cast<std::uint32_t>(__builtin_popcount(mask));
  }
#else
  const std::uint32_t whole = padded(count);
  for (std::uint32_t i = 0; i < whole; ++i) found += values[i] <= bound ? 1u : 0u;
#endif
  return found;
}

/// What selection found: the neighbours are those below `bound`, and the first `ties` by id of those at it.
struct Selection {
  std::uint32_t bound;  ///< the k-th smallest value, or any up to the next one where there are no ties
  std::uint32_t ties;   ///< 0: all that are at most `bound`
};

/// Finds where k of the padded values end. At least k are at most `high`. Guesses by proportion, as squared
/// distances on a surface are spread evenly, with a bisection in between so that no input takes long.
inline Selection select(const std::uint32_t* values, std::uint32_t count, std::uint32_t k,
                        std::uint32_t high) noexcept {
  std::uint32_t high_count = count_up_to(values, count, high);
  std::int64_t low = -1;
  std::uint32_t low_count = 0;
  for (unsigned step = 1; high_count != k && static_cast<std::int64_t>(high) - low > 1; ++step) {
    const std::int64_t width = static_cast<std::int64_t>(high) - low;
    std::int64_t guess = low + width / 2;
    if (step % 4 != 0) {
      guess = low + static_cast<std::int64_t>(static_cast<float>(width) * (static_cast<float>(k - low_count)) /
                                              static_cast<float>(high_count - low_count));
      guess = guess <= low ? low + 1 : guess;
      guess = guess >= high ? static_cast<std::int64_t>(high) - 1 : guess;
    }
    const std::uint32_t below = count_up_to(values, count, static_cast<std::uint32_t>(guess));
    if (below >= k) {
      high = static_cast<std::uint32_t>(guess);
      high_count = below;
    } else {
      low = guess;
      low_count = below;
    }
  }
  return {high, high_count == k ? 0 : k - low_count};
}

/// The largest of the padded values that is at most `bound`.
inline std::uint32_t largest_up_to(const std::uint32_t* values, std::uint32_t count, std::uint32_t bound) noexcept {
  const std::uint32_t whole = padded(count);
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < whole; ++i) {
    const std::uint32_t value = values[i] <= bound ? values[i] : 0;
    most = value > most ? value : most;
  }
  return most;
}

/// The places of the padded values that are at most `bound`, in order; room for one vector more is needed.
inline std::uint32_t places_up_to(const std::uint32_t* values, std::uint32_t count, std::uint32_t bound,
                                  std::uint32_t* places) noexcept {
  std::uint32_t found = 0;
#if defined(WEIR_LIDAR_AVX512)
  const __m512i limit = _mm512_set1_epi32(static_cast<int>(bound));
  __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (std::uint32_t i = 0; i < count; i += lanes) {
    const __mmask16 mask = _mm512_cmple_epu32_mask(_mm512_loadu_si512(values + i), limit);
    _mm512_storeu_si512(places + found, _mm512_maskz_compress_epi32(mask, index));
    found += static_cast<std::uint32_t>(__builtin_popcount(mask));
    index = _mm512_add_epi32(index, _mm512_set1_epi32(static_cast<int>(lanes)));
  }
#else
  for (std::uint32_t i = 0; i < count; ++i) {
    places[found] = i;
    found += values[i] <= bound ? 1u : 0u;
  }
#endif
  return found;
}

}  // namespace
}  // namespace weir::lidar
