// The scalar formulas of the features, once for all devices: compiles as C++, as CUDA C++ (the functions
// are then for both sides) and as GLSL (define WEIR_COMPUTE_GLSL first). No pointers, no
// references, no branches that matter: called in loops that compilers vectorize. Only +, -, ×, ÷, √ and
// selects, all exactly rounded, so that every build of the host kernels and CUDA agree bit for bit
// where nothing is contracted. Called by the kernels.
#if !defined(WEIR_LIDAR_FORMULAS)
#define WEIR_LIDAR_FORMULAS

#include "compute/language.hpp"

#if !defined(WEIR_COMPUTE_GLSL)
namespace weir::lidar::formulas {
using compute::language::real;
#endif

/// A symmetric matrix.
struct Symmetric {
  real xx;
  real xy;
  real xz;
  real yy;
  real yz;
  real zz;
};

/// Eigenvalues l1 ≥ l2 ≥ l3 ≥ 0 and the unit eigenvector of l3 with nz ≥ 0.
struct Eigen {
  real l1;
  real l2;
  real l3;
  real nx;
  real ny;
  real nz;
};

struct Vector {
  real x;
  real y;
  real z;
};

WEIR_COMPUTE_FN real largest(real a, real b) { return a > b ? a : b; }
WEIR_COMPUTE_FN real smallest(real a, real b) { return a < b ? a : b; }
WEIR_COMPUTE_FN real magnitude(real a) { return a < 0 ? -a : a; }
WEIR_COMPUTE_FN real clamp01(real a) { return smallest(largest(a, real(0)), real(1)); }
WEIR_COMPUTE_FN real ratio(real a, real b) { return b > 0 ? a / b : real(0); }

/// The root β in [√3, 2] of β³ − 3β = 2r for 0 ≤ r ≤ 1, which is 2 cos(acos(r)/3). The other two roots are
/// at least √3 away, so it is well conditioned; three Newton steps from a parabola within 2e-3 are exact to
/// the last digit or two.
WEIR_COMPUTE_FN real separate_root(real r) {
  real b = real(1.7320508) + r * (real(0.3205) - r * real(0.0525));
  b = b - (b * (b * b - real(3)) - r - r) / (real(3) * (b * b - real(1)));
  b = b - (b * (b * b - real(3)) - r - r) / (real(3) * (b * b - real(1)));
  b = b - (b * (b * b - real(3)) - r - r) / (real(3) * (b * b - real(1)));
  return b;
}

/// The eigenvector of `m` for its eigenvalue `value`, which no other is near: the longest of the cross
/// products of the rows of m − value·I. Not of unit length.
WEIR_COMPUTE_FN Vector separate_vector(Symmetric m, real value) {
  const real a = m.xx - value;
  const real b = m.yy - value;
  const real c = m.zz - value;
  const real x0 = m.xy * m.yz - m.xz * b, y0 = m.xz * m.xy - a * m.yz, z0 = a * b - m.xy * m.xy;
  const real x1 = m.xy * c - m.xz * m.yz, y1 = m.xz * m.xz - a * c, z1 = a * m.yz - m.xy * m.xz;
  const real x2 = b * c - m.yz * m.yz, y2 = m.yz * m.xz - m.xy * c, z2 = m.xy * m.yz - b * m.xz;
  const real s0 = x0 * x0 + y0 * y0 + z0 * z0;
  const real s1 = x1 * x1 + y1 * y1 + z1 * z1;
  const real s2 = x2 * x2 + y2 * y2 + z2 * z2;
  const bool second = s1 > s0;
  const real s01 = second ? s1 : s0;
  const bool third = s2 > s01;
  Vector v;
  v.x = third ? x2 : (second ? x1 : x0);
  v.y = third ? y2 : (second ? y1 : y0);
  v.z = third ? z2 : (second ? z1 : z0);
  return v;
}

/// Eigenvalues and the normal of a positive semidefinite matrix, in closed form but for the separate root:
/// with the mean taken out, the eigenvalue that stands apart comes from the cubic, its vector from cross
/// products, and the other two from the 2×2 matrix on the plane across it. In doubles the eigenvalues are
/// within 4e-15·l1 (tested); where l3 is so small that this is no digit of it, use smallest_eigenvalue.
WEIR_COMPUTE_FN Eigen eigen(Symmetric m) {
  const real scale = largest(largest(m.xx, m.yy), m.zz);
  const real up = scale > 0 ? real(1) / scale : real(0);
  const real third = real(1) / real(3);
  const real mean = (m.xx + m.yy + m.zz) * up * third;
  Symmetric b;
  b.xx = m.xx * up - mean;
  b.yy = m.yy * up - mean;
  b.zz = m.zz * up - mean;
  b.xy = m.xy * up;
  b.xz = m.xz * up;
  b.yz = m.yz * up;
  const real squares = b.xx * b.xx + b.yy * b.yy + b.zz * b.zz + real(2) * (b.xy * b.xy + b.xz * b.xz + b.yz * b.yz);
  const real p = WEIR_COMPUTE_SQRT(squares / real(6));
  const bool round = !(p > real(1e-30));  // all alike: no direction stands out
  const real per = round ? real(0) : real(1) / p;
  b.xx = b.xx * per;
  b.yy = b.yy * per;
  b.zz = b.zz * per;
  b.xy = b.xy * per;
  b.xz = b.xz * per;
  b.yz = b.yz * per;
  const real twice =
      b.xx * (b.yy * b.zz - b.yz * b.yz) - b.xy * (b.xy * b.zz - b.yz * b.xz) + b.xz * (b.xy * b.yz - b.yy * b.xz);
  const bool first = twice >= 0;  // the largest stands apart, else the smallest
  const real root = separate_root(smallest(magnitude(twice) * real(0.5), real(1)));
  const real apart = first ? root : -root;
  Vector v = separate_vector(b, apart);
  const real length = WEIR_COMPUTE_SQRT(v.x * v.x + v.y * v.y + v.z * v.z);
  const real unit = length > 0 ? real(1) / length : real(0);
  v.x = v.x * unit;
  v.y = v.y * unit;
  v.z = length > 0 ? v.z * unit : real(1);
  // Two unit vectors across v.
  const bool aslant = magnitude(v.x) > magnitude(v.y);
  const real ux = aslant ? -v.z : real(0);
  const real uy = aslant ? real(0) : v.z;
  const real uz = aslant ? v.x : -v.y;
  const real one = real(1) / WEIR_COMPUTE_SQRT(ux * ux + uy * uy + uz * uz);
  const real sx = ux * one, sy = uy * one, sz = uz * one;
  const real tx = v.y * sz - v.z * sy, ty = v.z * sx - v.x * sz, tz = v.x * sy - v.y * sx;
  const real bsx = b.xx * sx + b.xy * sy + b.xz * sz;
  const real bsy = b.xy * sx + b.yy * sy + b.yz * sz;
  const real bsz = b.xz * sx + b.yz * sy + b.zz * sz;
  const real btx = b.xx * tx + b.xy * ty + b.xz * tz;
  const real bty = b.xy * tx + b.yy * ty + b.yz * tz;
  const real btz = b.xz * tx + b.yz * ty + b.zz * tz;
  const real ss = sx * bsx + sy * bsy + sz * bsz;
  const real tt = tx * btx + ty * bty + tz * btz;
  const real st = tx * bsx + ty * bsy + tz * bsz;
  const real middle = (ss + tt) * real(0.5);
  const real d = (ss - tt) * real(0.5);
  const real h = WEIR_COMPUTE_SQRT(d * d + st * st);
  const real high = middle + h;
  const real low = middle - h;
  // The eigenvector of `low` on that plane.
  const real cs = d >= 0 ? -st : h - d;
  const real ct = d >= 0 ? d + h : -st;
  const real cl = WEIR_COMPUTE_SQRT(cs * cs + ct * ct);
  const real cu = cl > 0 ? real(1) / cl : real(0);
  const real us = cl > 0 ? cs * cu : real(0);
  const real ut = cl > 0 ? ct * cu : real(1);
  const real nx = first ? us * sx + ut * tx : v.x;
  const real ny = first ? us * sy + ut * ty : v.y;
  const real nz = first ? us * sz + ut * tz : v.z;
  const real turn = nz < 0 ? real(-1) : real(1);
  Eigen e;
  e.l1 = largest((mean + p * (first ? apart : high)) * scale, real(0));
  e.l2 = largest((mean + p * (first ? high : low)) * scale, real(0));
  e.l3 = largest((mean + p * (first ? low : apart)) * scale, real(0));
  e.l2 = smallest(e.l2, e.l1);
  e.l3 = smallest(e.l3, e.l2);
  e.nx = round ? real(0) : nx * turn;
  e.ny = round ? real(0) : ny * turn;
  e.nz = round ? real(scale > 0 ? 1 : 0) : nz * turn;
  return e;
}

WEIR_COMPUTE_FN real linearity(real l1, real l2) { return ratio(l1 - l2, l1); }
WEIR_COMPUTE_FN real planarity(real l1, real l2, real l3) { return ratio(l2 - l3, l1); }
WEIR_COMPUTE_FN real sphericity(real l1, real l3) { return ratio(l3, l1); }
WEIR_COMPUTE_FN real anisotropy(real l1, real l3) { return ratio(l1 - l3, l1); }
WEIR_COMPUTE_FN real surface_variation(real l1, real l2, real l3) { return ratio(l3, l1 + l2 + l3); }
/// 0 where there is no spread, as all ratios are.
WEIR_COMPUTE_FN real verticality(real l1, real nz) { return l1 > 0 ? real(1) - magnitude(nz) : real(0); }
WEIR_COMPUTE_FN real horizontality(real l1, real nz) { return l1 > 0 ? magnitude(nz) : real(0); }
WEIR_COMPUTE_FN real score(real one, real other) { return WEIR_COMPUTE_SQRT(largest(one * other, real(0))); }
/// verticality·clip(2·(z − z_min)/(z_max − z_min), 0, 1); `above` is z − z_min, `range` z_max − z_min.
WEIR_COMPUTE_FN real facade_score(real vertical, real above, real range) {
  return vertical * clamp01(ratio(real(2) * above, range));
}
/// k / (4/3 π r³); 0 where r is.
WEIR_COMPUTE_FN real density(real count, real radius) {
  return ratio(count, real(4.18879020478639098) * radius * radius * radius);
}
/// Of whole numbers that count `steps` to one: their mean, and their standard deviation from n·Σx² − (Σx)².
WEIR_COMPUTE_FN real mean_of(real total, real n, real steps) { return total / (n * steps); }
WEIR_COMPUTE_FN real deviation_of(real spread, real n, real steps) { return WEIR_COMPUTE_SQRT(spread) / (n * steps); }
WEIR_COMPUTE_FN real wall_score(real l1, real l2, real l3, real nz) {
  return score(verticality(l1, nz), planarity(l1, l2, l3));
}
WEIR_COMPUTE_FN real roof_score(real l1, real l2, real l3, real nz) {
  return score(horizontality(l1, nz), planarity(l1, l2, l3));
}
/// Of a sum above 0.
WEIR_COMPUTE_FN real ndvi(real infrared, real red) { return (infrared - red) / (infrared + red); }
WEIR_COMPUTE_FN real excess_green(real red, real green, real blue) { return real(2) * green - red - blue; }

/// The bits of a number: those of a float as an integer and back, and a positive normal number as 2^exponent times
/// what is from 1 to below 2.
#if defined(WEIR_COMPUTE_GLSL)
uint float_bits(real x) { return floatBitsToUint(float(x)); }
real bits_float(uint bits) { return real(uintBitsToFloat(bits)); }
#if defined(WEIR_COMPUTE_DOUBLES)
real exponent_of(real x) { return real(int(unpackDouble2x32(x).y >> 20) - 1023); }
real fraction_of(real x) {
  const uvec2 bits = unpackDouble2x32(x);
  return packDouble2x32(uvec2(bits.x, (bits.y & 0xfffffu) | 0x3ff00000u));
}
#else
real exponent_of(real x) { return real(int(floatBitsToUint(x) >> 23) - 127); }
real fraction_of(real x) { return uintBitsToFloat((floatBitsToUint(x) & 0x7fffffu) | 0x3f800000u); }
#endif
#else
WEIR_COMPUTE_FN std::uint32_t float_bits(real x) { return std::bit_cast<std::uint32_t>(static_cast<float>(x)); }
WEIR_COMPUTE_FN real bits_float(std::uint32_t bits) { return static_cast<real>(std::bit_cast<float>(bits)); }
WEIR_COMPUTE_FN real exponent_of(real x) {  // as the last digits of 2^52 and more, which vectorizes
  const std::uint64_t above = std::bit_cast<std::uint64_t>(x) >> 52 | std::uint64_t{1075} << 52;
  return std::bit_cast<real>(above) - 4503599627370496.0 - 1023.0;
}
WEIR_COMPUTE_FN real fraction_of(real x) {
  const std::uint64_t below = std::bit_cast<std::uint64_t>(x) & ((std::uint64_t{1} << 52) - 1);
  return std::bit_cast<real>(below | std::uint64_t{1023} << 52);
}
#endif

/// ∛x for 0 ≤ x ≤ 1, within two units in the last place; 0 below 1e-36.
WEIR_COMPUTE_FN real cube_root(real x) {
  const bool none = !(x > real(1e-36));
  const real a = none ? real(1) : x;
  // A third of the exponent, by the bits of a float, is within 5 %; each step cubes the error.
  real y = bits_float(float_bits(a) / 3u + 709921077u);
  for (int each = 0; each < 3; ++each) {
    const real cube = y * y * y;
    y = y * (cube + a + a) / (cube + cube + a);
  }
  return none ? real(0) : y;
}

/// ln x for a positive normal x, within 1e-13 of its value or of 1e-13.
WEIR_COMPUTE_FN real logarithm(real x) {
  const real m = fraction_of(x);
  const bool over = m > real(1.4142135623730951);
  const real f = over ? m * real(0.5) : m;
  const real exponent = over ? exponent_of(x) + real(1) : exponent_of(x);
  const real s = (f - real(1)) / (f + real(1));
  const real t = s * s;
  real sum = real(1) / real(19);
  sum = sum * t + real(1) / real(17);
  sum = sum * t + real(1) / real(15);
  sum = sum * t + real(1) / real(13);
  sum = sum * t + real(1) / real(11);
  sum = sum * t + real(1) / real(9);
  sum = sum * t + real(1) / real(7);
  sum = sum * t + real(1) / real(5);
  sum = sum * t + real(1) / real(3);
  sum = sum * t + real(1);
  return exponent * real(0.6931471805599453094) + real(2) * s * sum;
}

/// ∛(l1·l2·l3).
WEIR_COMPUTE_FN real omnivariance(real l1, real l2, real l3) { return l1 * cube_root(ratio(l2, l1) * ratio(l3, l1)); }
WEIR_COMPUTE_FN real entropy_part(real e) {
  const bool none = !(e > real(1e-30));
  const real part = -e * logarithm(none ? real(1) : e);
  return none ? real(0) : part;
}
/// −Σ e ln e with e = l/Σl.
WEIR_COMPUTE_FN real eigenentropy(real l1, real l2, real l3) {
  const real sum = l1 + l2 + l3;
  return entropy_part(ratio(l1, sum)) + entropy_part(ratio(l2, sum)) + entropy_part(ratio(l3, sum));
}

#if !defined(WEIR_COMPUTE_GLSL) || defined(WEIR_COMPUTE_DOUBLES)
/// a·b exactly, as a sum of two (Dekker); without fused operations, which would differ between builds.
struct Pair {
  real high;
  real low;
};
WEIR_COMPUTE_FN Pair pair_of(real high, real low) {
  Pair pair;
  pair.high = high;
  pair.low = low;
  return pair;
}
WEIR_COMPUTE_FN Pair exact_product(real a, real b) {
  const real split = real(134217729.0);
  WEIR_COMPUTE_EXACT real ca = split * a;
  WEIR_COMPUTE_EXACT real cb = split * b;
  WEIR_COMPUTE_EXACT real ah = ca - (ca - a);
  WEIR_COMPUTE_EXACT real bh = cb - (cb - b);
  WEIR_COMPUTE_EXACT real al = a - ah;
  WEIR_COMPUTE_EXACT real bl = b - bh;
  WEIR_COMPUTE_EXACT real p = a * b;
  WEIR_COMPUTE_EXACT real rest = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
  return pair_of(p, rest);
}
WEIR_COMPUTE_FN Pair sum(Pair a, Pair b) {
  WEIR_COMPUTE_EXACT real s = a.high + b.high;
  WEIR_COMPUTE_EXACT real t = s - a.high;
  WEIR_COMPUTE_EXACT real e = (a.high - (s - t)) + (b.high - t) + a.low + b.low;
  WEIR_COMPUTE_EXACT real h = s + e;
  WEIR_COMPUTE_EXACT real rest = e - (h - s);
  return pair_of(h, rest);
}
WEIR_COMPUTE_FN Pair times(Pair a, real b) { return sum(exact_product(a.high, b), pair_of(a.low * b, real(0))); }
WEIR_COMPUTE_FN Pair minus(Pair a) { return pair_of(-a.high, -a.low); }

/// The fallback where l3 is below the closed form's digits: the determinant in twice the precision, over
/// l1·l2. Exactly 0 for points in a plane whose sums are below 2^53.
WEIR_COMPUTE_FN real smallest_eigenvalue(Symmetric m, real l1, real l2) {
  const Pair a = sum(exact_product(m.yy, m.zz), minus(exact_product(m.yz, m.yz)));
  const Pair b = sum(exact_product(m.xy, m.zz), minus(exact_product(m.yz, m.xz)));
  const Pair c = sum(exact_product(m.xy, m.yz), minus(exact_product(m.yy, m.xz)));
  const Pair determinant = sum(sum(times(a, m.xx), minus(times(b, m.xy))), times(c, m.xz));
  const real value = determinant.high + determinant.low;
  return smallest(largest(ratio(ratio(value, l1), l2), real(0)), l2);
}
#endif

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::lidar::formulas
#endif
#endif
