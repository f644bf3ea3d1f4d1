// Integers wider than 32 bits, for devices that have none: Long, unsigned with 64 bits, and Wide, signed with 128, and
// what is made of them in real numbers, rounded once. Exact on all devices, so what is decided on them is the same
// everywhere. Used by the bodies of kernels.
#if !defined(WEIR_COMPUTE_WORDS)
#define WEIR_COMPUTE_WORDS

#include "compute/language.hpp"

#if defined(WEIR_COMPUTE_GLSL)

struct Long {
  uint high;
  uint low;
};
uint high_of(Long a) { return a.high; }
uint low_of(Long a) { return a.low; }
Long long_of(uint high, uint low) {
  Long a;
  a.high = high;
  a.low = low;
  return a;
}
Long plus(Long a, Long b) {
  const uint low = a.low + b.low;
  return long_of(a.high + b.high + (low < a.low ? 1u : 0u), low);
}
bool less(Long a, Long b) { return a.high < b.high || (a.high == b.high && a.low < b.low); }
bool same(Long a, Long b) { return a.high == b.high && a.low == b.low; }

#if defined(WEIR_COMPUTE_DOUBLES)
const int real_bits = 53;
real power_of_two(int exponent) { return packDouble2x32(uvec2(0u, uint(exponent + 1023) << 20)); }
real real_of_words(uint first, uint second) { return packDouble2x32(uvec2(first, second)); }
#else
const int real_bits = 24;
real power_of_two(int exponent) { return uintBitsToFloat(uint(exponent + 127) << 23); }
real real_of_words(uint first, uint second) { return uintBitsToFloat(first); }
#endif

#else
namespace weir::compute::language {

using Long = std::uint64_t;
WEIR_COMPUTE_FN uint high_of(Long a) { return static_cast<uint>(a >> 32); }
WEIR_COMPUTE_FN uint low_of(Long a) { return static_cast<uint>(a); }
WEIR_COMPUTE_FN Long long_of(uint high, uint low) { return Long{high} << 32 | low; }
WEIR_COMPUTE_FN Long plus(Long a, Long b) { return a + b; }
WEIR_COMPUTE_FN bool less(Long a, Long b) { return a < b; }
WEIR_COMPUTE_FN bool same(Long a, Long b) { return a == b; }

const int real_bits = 53;
WEIR_COMPUTE_FN real power_of_two(int exponent) { return std::bit_cast<real>(Long(exponent + 1023) << 52); }
WEIR_COMPUTE_FN real real_of_words(uint first, uint second) { return std::bit_cast<real>(long_of(second, first)); }
#endif

/// a·b by products of 16 bits, where there are no wider ones.
WEIR_COMPUTE_FN Long product_by_halves(uint a, uint b) {
  const uint low = (a & 65535u) * (b & 65535u);
  const uint one = (a >> 16) * (b & 65535u) + (low >> 16);
  const uint other = (a & 65535u) * (b >> 16) + (one & 65535u);
  return long_of((a >> 16) * (b >> 16) + (one >> 16) + (other >> 16), other << 16 | (low & 65535u));
}

#if !defined(WEIR_COMPUTE_GLSL)
WEIR_COMPUTE_FN Long product(uint a, uint b) { return Long{a} * b; }
#elif defined(WEIR_COMPUTE_PORTABLE)
Long product(uint a, uint b) { return product_by_halves(a, b); }
#else
Long product(uint a, uint b) {
  uint high;
  uint low;
  umulExtended(a, b, high, low);
  return long_of(high, low);
}
#endif

/// Two's complement, the lowest word first.
struct Wide {
  uint w0;
  uint w1;
  uint w2;
  uint w3;
};

WEIR_COMPUTE_FN Wide wide_of_long(Long a) {
  Wide w;
  w.w0 = low_of(a);
  w.w1 = high_of(a);
  w.w2 = 0u;
  w.w3 = 0u;
  return w;
}
WEIR_COMPUTE_FN Wide wide_of(int a) {
  const uint sign = a < 0 ? 0xffffffffu : 0u;
  Wide w;
  w.w0 = uint(a);
  w.w1 = sign;
  w.w2 = sign;
  w.w3 = sign;
  return w;
}

WEIR_COMPUTE_FN Wide sum_of(Wide a, Wide b) {
  Wide s;
  s.w0 = a.w0 + b.w0;
  uint carry = s.w0 < a.w0 ? 1u : 0u;
  const uint one = a.w1 + b.w1;
  s.w1 = one + carry;
  carry = (one < a.w1 ? 1u : 0u) + (s.w1 < one ? 1u : 0u);
  const uint two = a.w2 + b.w2;
  s.w2 = two + carry;
  carry = (two < a.w2 ? 1u : 0u) + (s.w2 < two ? 1u : 0u);
  s.w3 = a.w3 + b.w3 + carry;
  return s;
}
WEIR_COMPUTE_FN Wide negative_of(Wide a) {
  a.w0 = ~a.w0;
  a.w1 = ~a.w1;
  a.w2 = ~a.w2;
  a.w3 = ~a.w3;
  return sum_of(a, wide_of(1));
}
/// a·b where that fits, which is the same for either sign.
WEIR_COMPUTE_FN Wide product_of(Wide a, Wide b) {
  Wide s = wide_of_long(product(a.w0, b.w0));
  Wide middle = sum_of(wide_of_long(product(a.w0, b.w1)), wide_of_long(product(a.w1, b.w0)));
  middle.w3 = middle.w2;
  middle.w2 = middle.w1;
  middle.w1 = middle.w0;
  middle.w0 = 0u;
  s = sum_of(s, middle);
  Wide upper = wide_of_long(plus(product(a.w0, b.w2), plus(product(a.w1, b.w1), product(a.w2, b.w0))));
  upper.w3 = upper.w1 + a.w0 * b.w3 + a.w1 * b.w2 + a.w2 * b.w1 + a.w3 * b.w0;
  upper.w2 = upper.w0;
  upper.w1 = 0u;
  upper.w0 = 0u;
  return sum_of(s, upper);
}
/// a·b of two 32-bit numbers.
WEIR_COMPUTE_FN Wide product_of_ints(int a, int b) {
  const Wide size = wide_of_long(product(a < 0 ? 0u - uint(a) : uint(a), b < 0 ? 0u - uint(b) : uint(b)));
  if ((a < 0) != (b < 0)) return negative_of(size);
  return size;
}

WEIR_COMPUTE_FN int top_bit(Wide a) {
  if (a.w3 != 0u) return 96 + findMSB(a.w3);
  if (a.w2 != 0u) return 64 + findMSB(a.w2);
  if (a.w1 != 0u) return 32 + findMSB(a.w1);
  return findMSB(a.w0);
}
WEIR_COMPUTE_FN uint word_of(Wide a, uint place) {
  return place == 0u ? a.w0 : (place == 1u ? a.w1 : (place == 2u ? a.w2 : (place == 3u ? a.w3 : 0u)));
}
/// The 32 bits from bit `from` on.
WEIR_COMPUTE_FN uint bits_of(Wide a, uint from) {
  const uint place = from >> 5;
  const uint shift = from & 31u;
  const uint low = word_of(a, place) >> shift;
  return shift == 0u ? low : low | word_of(a, place + 1u) << (32u - shift);
}
/// Whether a bit below bit `below` is set.
WEIR_COMPUTE_FN bool any_below(Wide a, uint below) {
  uint found = 0u;
  for (uint place = 0u; place < 4u; ++place) {
    const uint first = place * 32u;
    if (below >= first + 32u) found = found | word_of(a, place);
    if (below > first && below < first + 32u) found = found | word_of(a, place) << (first + 32u - below);
  }
  return found != 0u;
}

/// The nearest real number; of two the even one.
WEIR_COMPUTE_FN real real_of(Wide a) {
  const bool negative = a.w3 >> 31 != 0u;
  if (negative) a = negative_of(a);
  const int drop = max(top_bit(a) + 1 - real_bits, 0);
  uint low = bits_of(a, uint(drop));
  uint high = bits_of(a, uint(drop) + 32u);
  if (drop > 0) {
    const uint last = uint(drop) - 1u;
    const bool half_more = (bits_of(a, last) & 1u) != 0u;
    if (half_more && ((low & 1u) != 0u || any_below(a, last))) {
      low = low + 1u;
      if (low == 0u) high = high + 1u;
    }
  }
  real value = real(low);
#if !defined(WEIR_COMPUTE_GLSL) || defined(WEIR_COMPUTE_DOUBLES)
  value = value + real(high) * real(4294967296.0);
#endif
  value = value * power_of_two(drop);
  return negative ? -value : value;
}
WEIR_COMPUTE_FN real real_of_long(Long a) { return real(high_of(a)) * real(4294967296.0) + real(low_of(a)); }
/// The whole part of 0 ≤ a < 2^63.
WEIR_COMPUTE_FN Long long_of_real(real a) {
  const uint high = uint(a * real(2.3283064365386963e-10));  // 2^-32
  return long_of(high, uint(a - real(high) * real(4294967296.0)));
}

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::compute::language
#endif
#endif
