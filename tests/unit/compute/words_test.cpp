// The wide integers of kernels against the compiler's own.
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "compute/words.hpp"

namespace weir::compute::language {
namespace {

__extension__ using Number = __int128;
__extension__ using Bits = unsigned __int128;

Wide wide(Number value) {
  const auto bits = static_cast<Bits>(value);
  return {static_cast<uint>(bits), static_cast<uint>(bits >> 32), static_cast<uint>(bits >> 64),
          static_cast<uint>(bits >> 96)};
}
Number number(Wide value) {
  Bits bits = value.w3;
  for (const uint word : {value.w2, value.w1, value.w0}) bits = bits << 32 | word;
  return static_cast<Number>(bits);
}

/// Of every width and sign, and next to powers of two, where rounding and carries turn.
std::vector<Number> numbers(int widest) {
  std::mt19937_64 random(3);
  std::vector<Number> all{0};
  for (int width = 1; width <= widest; ++width) {
    const Bits top = Bits{1} << (width - 1);
    const auto any = static_cast<Bits>(random()) << 64 | random();
    for (const Bits size : {top, top + 1, top | top >> 1, top + (top - 1), top | (any & (top - 1)), top | (top >> 53),
                            top | (top >> 53) | 1, top | (top >> 52) | (top >> 53)}) {
      all.push_back(static_cast<Number>(size));
      all.push_back(-static_cast<Number>(size));
    }
  }
  return all;
}

TEST(Words, SumsAndProductsAreTheCompilers) {
  const std::vector<Number> all = numbers(63);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Number a = all[i], b = all[(7 * i + 3) % all.size()];
    ASSERT_EQ(number(sum_of(wide(a), wide(b))) == a + b, true) << i;
    ASSERT_EQ(number(negative_of(wide(a))) == -a, true) << i;
    ASSERT_EQ(number(product_of(wide(a), wide(b))) == a * b, true) << i;
  }
  for (const int a : {INT32_MIN, -7, 0, 1, INT32_MAX}) {
    for (const int b : {INT32_MIN, -1, 0, 3, INT32_MAX}) {
      ASSERT_EQ(number(product_of_ints(a, b)) == Number{a} * b, true) << a << ' ' << b;
    }
  }
}

TEST(Words, ProductsByHalvesAreTheSame) {
  std::mt19937 random(5);
  std::vector<uint> all{0, 1, 2, 65535, 65536, 65537, 0x7fffffff, 0x80000000, 0xffff0000, 0xfffffffe, 0xffffffff};
  for (int i = 0; i < 200; ++i) all.push_back(static_cast<uint>(random()));
  for (const uint a : all) {
    for (const uint b : all) ASSERT_EQ(product_by_halves(a, b), product(a, b)) << a << ' ' << b;
  }
}

TEST(Words, RealNumbersAreRoundedOnceAndToEven) {
  for (const Number each : numbers(126)) ASSERT_EQ(real_of(wide(each)), static_cast<double>(each));
  for (const double each : {0.0, 0.5, 1.0, 4294967295.5, 4294967296.0, 3000000000000000.0}) {
    ASSERT_EQ(long_of_real(each), static_cast<std::uint64_t>(each));
  }
}

}  // namespace
}  // namespace weir::compute::language
