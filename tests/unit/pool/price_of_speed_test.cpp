// The price of speed: a stray for each purchase while there is room, then more, and at last no purchase.
#include "pool/price_of_speed.hpp"

#include <cstdint>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

TEST(PriceOfSpeed, IsOneStrayBelowTwiceThePeak) {
  EXPECT_EQ(strays_a_purchase(0, 1000), 1u);
  EXPECT_EQ(strays_a_purchase(1999, 1000), 1u);
}

TEST(PriceOfSpeed, IsEightTimesAsMuchForEachQuarterBeyond) {
  EXPECT_EQ(strays_a_purchase(2000, 1000), 8u);
  EXPECT_EQ(strays_a_purchase(2250, 1000), 64u);
  EXPECT_EQ(strays_a_purchase(3249, 1000), 1u << 15);
}

TEST(PriceOfSpeed, HasAnEnd) {
  EXPECT_EQ(strays_a_purchase(3250, 1000), UINT32_MAX);
  EXPECT_EQ(strays_a_purchase(UINT64_MAX, 0), UINT32_MAX);
  EXPECT_EQ(strays_a_purchase(UINT64_MAX, 1), UINT32_MAX);
}

}  // namespace
}  // namespace weir::pool
