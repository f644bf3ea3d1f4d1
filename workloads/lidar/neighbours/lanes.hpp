// The inner loops over candidates, with AVX-512 where this build of the kernels has it and in plain C++ for the
// compiler to vectorize elsewhere; both give the same. Arrays are padded to whole vectors. Part of the kernels.
#pragma once

#include <bit>
#include <cstdint>

#include "workloads/lidar/neighbours/tree.hpp"

#if defined(__AVX512F__) && defined(__AVX512BW__)
#include <immintrin.h>
#define WEIR_LIDAR_AVX512 1
#endif

namespace weir::lidar {
namespace {

constexpr std::uint32_t lanes = 16;
static_assert(Tree::leaf_points <= lanes);  // a leaf is packed as one
constexpr std::uint32_t padded(std::uint32_t count) noexcept { return (count + lanes - 1) / lanes * lanes; }

/// Coordinates of 16 bits: x below y in one word, z in another with 0 above it, so that one instruction multiplies and
/// adds pairs of them.
struct Packed {
  std::uint32_t xy = 0, z = 0;
};
inline Packed packed(std::int32_t x, std::int32_t y, std::int32_t z) noexcept {
  return {(static_cast<std::uint32_t>(x) & 0xffffU) | static_cast<std::uint32_t>(y) << 16,
          static_cast<std::uint32_t>(z) & 0xffffU};
}
inline std::int32_t low_half(std::uint32_t word) noexcept { return static_cast<std::int32_t>(word << 16) >> 16; }
inline std::int32_t high_half(std::uint32_t word) noexcept { return static_cast<std::int32_t>(word) >> 16; }

/// Squared distances of candidates to `at`; all coordinates are below 2^14 in magnitude, so they fit.
inline void distances(const std::uint32_t* xys, const std::uint32_t* zs, std::uint32_t count, Packed at,
                      std::uint32_t* out) noexcept {
  const std::uint32_t whole = padded(count);
#if defined(WEIR_LIDAR_AVX512)
  const __m512i at_xy = _mm512_set1_epi32(static_cast<int>(at.xy)), at_z = _mm512_set1_epi32(static_cast<int>(at.z));
  for (std::uint32_t i = 0; i < whole; i += lanes) {
    const __m512i xy = _mm512_sub_epi16(_mm512_loadu_si512(xys + i), at_xy);
    const __m512i z = _mm512_sub_epi16(_mm512_loadu_si512(zs + i), at_z);
    _mm512_storeu_si512(out + i, _mm512_add_epi32(_mm512_madd_epi16(xy, xy), _mm512_madd_epi16(z, z)));
  }
#else
  const std::int32_t x = low_half(at.xy), y = high_half(at.xy), z = low_half(at.z);
  for (std::uint32_t i = 0; i < whole; ++i) {
    // Unsigned, as what lies past the count may be any number.
    const auto dx = static_cast<std::uint32_t>(low_half(xys[i]) - x);
    const auto dy = static_cast<std::uint32_t>(high_half(xys[i]) - y);
    const auto dz = static_cast<std::uint32_t>(low_half(zs[i]) - z);
    out[i] = dx * dx + dy * dy + dz * dz;
  }
#endif
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

/// Finds where k of the padded values end. At least k are at most `high`; `guess` is where that may well be. Guesses on
/// by proportion, as squared distances on a surface are spread evenly, with a bisection in between so that no input
/// takes long. Up to `more` values beyond the k may be below the bound, which then has no ties.
inline Selection select(const std::uint32_t* values, std::uint32_t count, std::uint32_t k, std::uint32_t high,
                        std::uint32_t guess, std::uint32_t more = 0) noexcept {
  std::int64_t low = -1;
  std::uint32_t low_count = 0, high_count = 0;  // of `high`: 0 where it was not counted
  for (unsigned step = 1; static_cast<std::int64_t>(high) - low > 1 || high_count == 0; ++step) {
    guess = guess < high ? guess : high;
    const std::uint32_t below = count_up_to(values, count, guess);
    if (below >= k) {
      high = guess;
      high_count = below;
      if (below <= k + more) return {high, 0};
    } else {
      low = guess;
      low_count = below;
    }
    const std::int64_t width = static_cast<std::int64_t>(high) - low;
    std::int64_t next = low + (width + 1) / 2;
    if (step % 4 != 0) {
      const float wanted = static_cast<float>(k - low_count) + 0.5F;
      const float part = high_count != 0 ? static_cast<float>(width) / static_cast<float>(high_count - low_count)
                                         : static_cast<float>(low + 1) / (static_cast<float>(low_count) + 0.5F);
      next = low + static_cast<std::int64_t>(wanted * part);
      const std::int64_t last = high_count != 0 ? static_cast<std::int64_t>(high) - 1 : static_cast<std::int64_t>(high);
      next = next > last ? last : next;
      next = next <= low ? low + 1 : next;
    }
    guess = static_cast<std::uint32_t>(next);
  }
  return {high, k - low_count};
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

/// Packs a vector of coordinates round `centre`; where there is room for a vector.
inline void pack(const std::int32_t* x, const std::int32_t* y, const std::int32_t* z, const std::int32_t* centre,
                 std::uint32_t* to_xy, std::uint32_t* to_z) noexcept {
#if defined(WEIR_LIDAR_AVX512)
  const auto less = [](const std::int32_t* from, std::int32_t one) {
    return _mm512_sub_epi32(_mm512_loadu_si512(from), _mm512_set1_epi32(one));
  };
  const __m512i low = _mm512_set1_epi32(0xffff);
  const __m512i above = _mm512_slli_epi32(less(y, centre[1]), 16);
  _mm512_storeu_si512(to_xy, _mm512_or_si512(_mm512_and_si512(less(x, centre[0]), low), above));
  _mm512_storeu_si512(to_z, _mm512_and_si512(less(z, centre[2]), low));
#else
  for (std::uint32_t i = 0; i < lanes; ++i) {
    const auto less = [i](const std::int32_t* from, std::int32_t one) {
      return static_cast<std::uint32_t>(from[i]) - static_cast<std::uint32_t>(one);
    };
    to_xy[i] = (less(x, centre[0]) & 0xffffU) | less(y, centre[1]) << 16;
    to_z[i] = less(z, centre[2]) & 0xffffU;
  }
#endif
}

/// A vector of numbers from `first` on.
inline void number(std::uint32_t first, std::uint32_t* to) noexcept {
  for (std::uint32_t i = 0; i < lanes; ++i) to[i] = first + i;
}

/// Keeps, at the front of `items`, those whose padded value is at most `bound`; gives how many.
inline std::uint32_t keep_up_to(const std::uint32_t* values, std::uint32_t count, std::uint32_t bound,
                                std::uint32_t* items) noexcept {
  std::uint32_t kept = 0;
#if defined(WEIR_LIDAR_AVX512)
  const __m512i limit = _mm512_set1_epi32(static_cast<int>(bound));
  for (std::uint32_t i = 0; i < count; i += lanes) {  // writes never pass what is read next
    const __mmask16 mask = _mm512_cmple_epu32_mask(_mm512_loadu_si512(values + i), limit);
    _mm512_storeu_si512(items + kept, _mm512_maskz_compress_epi32(mask, _mm512_loadu_si512(items + i)));
    kept += static_cast<std::uint32_t>(__builtin_popcount(mask));
  }
#else
  for (std::uint32_t i = 0; i < count; ++i) {
    items[kept] = items[i];
    kept += values[i] <= bound ? 1u : 0u;
  }
#endif
  return kept;
}

/// Sums over neighbours, of coordinates and of their products, and the largest squared distance.
struct Products {
  std::int32_t x = 0, y = 0, z = 0, xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;
  std::uint32_t farthest = 0;
};

/// Candidates near a query: their squared distances and packed differences to it, padded to a whole vector.
struct Near {
  static constexpr std::uint32_t most = 1024;
  std::uint32_t count = 0;
  alignas(64) std::uint32_t far[most + 2 * lanes], xy[most + 2 * lanes], z[most + 2 * lanes];

  /// Over those that are at most `bound` away, which is below UINT32_MAX; all sums fit 32 bits.
  [[nodiscard]] Products sums(std::uint32_t bound) const noexcept;
};

inline Products Near::sums(std::uint32_t bound) const noexcept {
  Products of;
#if defined(WEIR_LIDAR_AVX512)
  __m512i x = _mm512_setzero_si512(), y = x, zs = x, xx = x, xys = x, xz = x, yy = x, yz = x, zz = x, farthest = x;
  const __m512i limit = _mm512_set1_epi32(static_cast<int>(bound));
  const __m512i low = _mm512_set1_epi32(0xffff), one = _mm512_set1_epi32(1);
  const __m512i above = _mm512_set1_epi32(0x10000);
  for (std::uint32_t i = 0; i < count; i += lanes) {
    const __m512i value = _mm512_load_si512(far + i);
    const __mmask16 mask = _mm512_cmple_epu32_mask(value, limit);
    farthest = _mm512_mask_max_epu32(farthest, mask, farthest, value);
    const __m512i pair = _mm512_maskz_load_epi32(mask, xy + i), third = _mm512_maskz_load_epi32(mask, z + i);
    const __m512i only_x = _mm512_and_si512(pair, low), only_y = _mm512_andnot_si512(low, pair);
    const __m512i y_below = _mm512_srli_epi32(pair, 16);
    const __m512i z_above = _mm512_slli_epi32(third, 16);
    x = _mm512_add_epi32(x, _mm512_madd_epi16(pair, one));
    y = _mm512_add_epi32(y, _mm512_madd_epi16(pair, above));
    zs = _mm512_add_epi32(zs, _mm512_madd_epi16(third, one));
    xx = _mm512_add_epi32(xx, _mm512_madd_epi16(pair, only_x));
    xys = _mm512_add_epi32(xys, _mm512_madd_epi16(pair, y_below));
    xz = _mm512_add_epi32(xz, _mm512_madd_epi16(pair, third));
    yy = _mm512_add_epi32(yy, _mm512_madd_epi16(pair, only_y));
    yz = _mm512_add_epi32(yz, _mm512_madd_epi16(pair, z_above));
    zz = _mm512_add_epi32(zz, _mm512_madd_epi16(third, third));
  }
  // Halves are folded to 8 lanes, and then 8 sums are added across lanes together.
  const auto fold = [](__m512i all) {
    return _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  };
  const auto across = [](__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i sum = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  };
  alignas(16) std::int32_t each[12];
  const auto put = [&each](std::size_t at, __m128i four) {
    _mm_store_si128(reinterpret_cast<__m128i*>(each + at), four);
  };
  const __m256i last = fold(zz);
  put(0, across(fold(x), fold(y), fold(zs), fold(xx)));
  put(4, across(fold(xys), fold(xz), fold(yy), fold(yz)));
  put(8, across(last, last, last, last));
  of = {each[0], each[1], each[2], each[3], each[4], each[5], each[6], each[7], each[8], 0};
  of.farthest = _mm512_reduce_max_epu32(farthest);
#else
  const std::uint32_t whole = padded(count);
  for (std::uint32_t i = 0; i < whole; ++i) {
    const std::uint32_t mask = far[i] <= bound ? ~0U : 0U;
    const std::uint32_t pair = xy[i] & mask, value = far[i] & mask;
    const std::int32_t dx = low_half(pair), dy = high_half(pair), dz = low_half(z[i] & mask);
    of.farthest = value > of.farthest ? value : of.farthest;
    of.x += dx;
    of.y += dy;
    of.z += dz;
    of.xx += dx * dx;
    of.xy += dx * dy;
    of.xz += dx * dz;
    of.yy += dy * dy;
    of.yz += dy * dz;
    of.zz += dz * dz;
  }
#endif
  return of;
}

/// Fills `out` with the candidates, at most Near::most, that are at most `limit` from `at`, as a square; `scratch` has
/// room for the padded candidates. Differences are below 2^15.
inline void near_up_to(const std::uint32_t* xys, const std::uint32_t* zs, std::uint32_t count, Packed at,
                       std::uint32_t limit, [[maybe_unused]] std::uint32_t* scratch, Near& out) noexcept {
  std::uint32_t found = 0;
#if defined(WEIR_LIDAR_AVX512)
  const __m512i limits = _mm512_set1_epi32(static_cast<int>(limit));
  const __m512i at_xy = _mm512_set1_epi32(static_cast<int>(at.xy)), at_z = _mm512_set1_epi32(static_cast<int>(at.z));
  for (std::uint32_t i = 0; i < count; i += lanes) {
    const std::uint32_t left = count - i;
    const auto there = static_cast<__mmask16>(left < lanes ? (1U << left) - 1 : 0xffffU);
    const __m512i xy = _mm512_sub_epi16(_mm512_loadu_si512(xys + i), at_xy);
    const __m512i z = _mm512_sub_epi16(_mm512_loadu_si512(zs + i), at_z);
    const __m512i far = _mm512_add_epi32(_mm512_madd_epi16(xy, xy), _mm512_madd_epi16(z, z));
    const __mmask16 mask = _mm512_mask_cmple_epu32_mask(there, far, limits);
    _mm512_storeu_si512(out.far + found, _mm512_maskz_compress_epi32(mask, far));
    _mm512_storeu_si512(out.xy + found, _mm512_maskz_compress_epi32(mask, xy));
    _mm512_storeu_si512(out.z + found, _mm512_maskz_compress_epi32(mask, z));
    found += static_cast<std::uint32_t>(__builtin_popcount(mask));
  }
#else
  distances(xys, zs, count, at, scratch);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Packed far = packed(low_half(xys[i]) - low_half(at.xy), high_half(xys[i]) - high_half(at.xy),
                              low_half(zs[i]) - low_half(at.z));
    out.far[found] = scratch[i];
    out.xy[found] = far.xy;
    out.z[found] = far.z;
    found += scratch[i] <= limit ? 1u : 0u;
  }
#endif
  for (std::uint32_t i = 0; i < lanes; ++i) out.far[found + i] = UINT32_MAX;
  out.count = found;
}

}  // namespace
}  // namespace weir::lidar
