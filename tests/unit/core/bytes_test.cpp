// Byte counts are printed in the largest unit that keeps them at 1 or more and
// read back exactly; what is no byte count is refused by name.
#include <weir/bytes.hpp>

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

TEST(FormatBytes, WholeBytesBelowOneKibibyte) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1), "1 B");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
}

TEST(FormatBytes, TwoDecimalsInEachUnit) {
  EXPECT_EQ(format_bytes(1_KiB), "1.00 KiB");
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  EXPECT_EQ(format_bytes(1_MiB), "1.00 MiB");
  EXPECT_EQ(format_bytes(3_GiB / 2), "1.50 GiB");
  EXPECT_EQ(format_bytes(5_TiB + 5_TiB / 4), "6.25 TiB");
  EXPECT_EQ(format_bytes(std::uint64_t{1} << 50), "1.00 PiB");
  EXPECT_EQ(format_bytes(std::uint64_t{1} << 60), "1.00 EiB");
}

TEST(FormatBytes, RoundsToTheNearestHundredth) {
  EXPECT_EQ(format_bytes(1029), "1.00 KiB");  // 1.0049
  EXPECT_EQ(format_bytes(1030), "1.01 KiB");  // 1.0059
  EXPECT_EQ(format_bytes(2047), "2.00 KiB");  // 1.9990
  EXPECT_EQ(format_bytes(1229753640), "1.15 GiB");
  EXPECT_EQ(format_bytes(7235174400), "6.74 GiB");
}

TEST(FormatBytes, GoesToTheNextUnitWhereRoundingReachesIt) {
  EXPECT_EQ(format_bytes(1_MiB - 1), "1.00 MiB");
  EXPECT_EQ(format_bytes(1_GiB - 1), "1.00 GiB");
  EXPECT_EQ(format_bytes(1_MiB - 6), "1023.99 KiB");
  EXPECT_EQ(format_bytes(most), "16.00 EiB");
}

TEST(ParseBytes, PlainNumbers) {
  EXPECT_EQ(parse_bytes("0"), 0U);
  EXPECT_EQ(parse_bytes("4096"), 4096U);
  EXPECT_EQ(parse_bytes("4096B"), 4096U);
  EXPECT_EQ(parse_bytes(" 4096 b "), 4096U);
  EXPECT_EQ(parse_bytes("18446744073709551615"), most);
}

TEST(ParseBytes, BinaryUnits) {
  EXPECT_EQ(parse_bytes("512k"), 512_KiB);
  EXPECT_EQ(parse_bytes("512K"), 512_KiB);
  EXPECT_EQ(parse_bytes("512Ki"), 512_KiB);
  EXPECT_EQ(parse_bytes("512kib"), 512_KiB);
  EXPECT_EQ(parse_bytes("64M"), 64_MiB);
  EXPECT_EQ(parse_bytes("24GiB"), 24_GiB);
  EXPECT_EQ(parse_bytes("1.5 GiB"), 3_GiB / 2);
  EXPECT_EQ(parse_bytes("2T"), 2_TiB);
  EXPECT_EQ(parse_bytes("3PiB"), std::uint64_t{3} << 50);
  EXPECT_EQ(parse_bytes("15E"), std::uint64_t{15} << 60);
}

TEST(ParseBytes, DecimalUnitsHaveABAndNoI) {
  EXPECT_EQ(parse_bytes("2GB"), 2'000'000'000U);
  EXPECT_EQ(parse_bytes("1.5kB"), 1500U);
  EXPECT_EQ(parse_bytes("3 mb"), 3'000'000U);
  EXPECT_EQ(parse_bytes("18EB"), 18'000'000'000'000'000'000U);
}

TEST(ParseBytes, FractionsAreRoundedDownToBytes) {
  EXPECT_EQ(parse_bytes("0.3KiB"), 307U);  // 307.2
  EXPECT_EQ(parse_bytes("0.0001k"), 0U);
  EXPECT_EQ(parse_bytes("1.999999999999999999999E"), (std::uint64_t{2} << 60) - 1);
  EXPECT_EQ(parse_bytes("15.99999999999999999999999999E"), most);
  EXPECT_EQ(parse_bytes("18446744073709551.615kB"), most);
}

TEST(ParseBytes, ReadsWhatIsPrinted) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, 1023_B, 1_KiB, 3_KiB / 2, 7_MiB, 3_GiB / 2, 1_TiB}) {
    EXPECT_EQ(parse_bytes(format_bytes(bytes)), bytes);
  }
}

TEST(ParseBytes, RefusesWhatIsNoByteCountByName) {
  for (const std::string text : {"",
                                 " ",
                                 "k",
                                 "GiB",
                                 ".5G",
                                 "1.G",
                                 "1..5G",
                                 "-1",
                                 "+1",
                                 "1e9",
                                 "0x10",
                                 "1.5",
                                 "1.5B",
                                 "12 34",
                                 "1 Gi B",
                                 "1KiBs",
                                 "1KBi",
                                 "1bb",
                                 "1Q",
                                 "inf",
                                 "nan",
                                 "1,5G",
                                 "18446744073709551616",
                                 "16E",
                                 "16EiB",
                                 "19EB",
                                 "18446744073709551.616kB",
                                 "99999999999999999999999999k"}) {
    try {
      const std::uint64_t bytes = parse_bytes(text);
      ADD_FAILURE() << "'" << text << "' was read as " << bytes;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(error.message().find("'" + text + "'"), std::string::npos) << error.message();
      EXPECT_NE(error.message().find("24GiB"), std::string::npos) << error.message();
      EXPECT_EQ(error.facts().name, text);
    }
  }
}

}  // namespace
}  // namespace weir
