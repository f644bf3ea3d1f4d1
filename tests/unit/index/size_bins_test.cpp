// The rules of bins: monotonic, without gaps, sizes of a higher bin all larger,
// none more than a 32nd wide, exact below 64 granules.
#include "index/size_bins.hpp"

#include <cstdint>
#include <random>

#include <gtest/gtest.h>

namespace weir::index {
namespace {

TEST(SizeBins, AreMonotonicWithoutGapsForEverySmallSize) {
  unsigned last = bin_of(1);
  EXPECT_EQ(last, 1u);
  for (std::uint32_t size = 2; size < (1u << 22); ++size) {
    const unsigned bin = bin_of(size);
    ASSERT_TRUE(bin == last || bin == last + 1) << size;
    last = bin;
  }
}

TEST(SizeBins, AreMonotonicAtEveryBorder) {
  // Each bin from 32 on starts at a size whose 5 bits below the highest are counted up.
  unsigned expected = 32;
  for (unsigned exponent = 5; exponent < 32; ++exponent) {
    for (std::uint64_t step = 0; step < 32; ++step, ++expected) {
      const std::uint64_t first = (std::uint64_t{32} + step) << (exponent - 5);
      ASSERT_EQ(bin_of(static_cast<std::uint32_t>(first)), expected);
      const std::uint64_t last = first + (std::uint64_t{1} << (exponent - 5)) - 1;
      ASSERT_EQ(bin_of(static_cast<std::uint32_t>(last)), expected);
    }
  }
  EXPECT_EQ(bin_of(UINT32_MAX) + 1, expected);
  EXPECT_LE(expected, bin_count);
}

TEST(SizeBins, AreExactBelow64Granules) {
  for (std::uint32_t size = 1; size < 64; ++size) EXPECT_EQ(bin_of(size), size);
}

TEST(SizeBins, AreNarrow) {
  std::mt19937 random(3);
  for (int i = 0; i < 100'000; ++i) {
    const auto size = static_cast<std::uint32_t>(64 + random() % (UINT32_MAX - 64));
    const std::uint64_t beyond = size + std::uint64_t{size} / 31 + 1;
    ASSERT_TRUE(beyond > UINT32_MAX || bin_of(size) < bin_of(static_cast<std::uint32_t>(beyond))) << size;
  }
}

TEST(Granules, HoldTheBytesAndNoGranuleMore) {
  EXPECT_EQ(granules_for(0), 1u);
  EXPECT_EQ(granules_for(1), 1u);
  EXPECT_EQ(granules_for(512), 1u);
  EXPECT_EQ(granules_for(513), 2u);
  EXPECT_EQ(granules_for((std::uint64_t{1} << 62) + 1), (std::uint64_t{1} << 53) + 1);
}

}  // namespace
}  // namespace weir::index
