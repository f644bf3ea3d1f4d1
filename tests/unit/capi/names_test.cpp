// The library says which interface it has.
#include <weir/weir.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

TEST(CVersion, IsThatOfTheHeader) {
  EXPECT_EQ(weir_abi_version(), WEIR_ABI_VERSION);
  EXPECT_THAT(weir_version_string(), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}
