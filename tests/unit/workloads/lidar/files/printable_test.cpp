// Names from hostile files: nothing of them steers a terminal, and what is readable stays.
#include "workloads/lidar/files/printable.hpp"

#include <gtest/gtest.h>

namespace weir::lidar::test {
namespace {

TEST(LidarPrintable, KeepsWhatIsReadable) {
  EXPECT_EQ(printable("ETRS89 / UTM zone 32N"), "ETRS89 / UTM zone 32N");
  EXPECT_EQ(printable("Gauß-Krüger, 東京, 🌍"), "Gauß-Krüger, 東京, 🌍");
  EXPECT_EQ(quoted("amplitude"), "\"amplitude\"");
  EXPECT_EQ(printable(""), "");
}

TEST(LidarPrintable, ReplacesControlCharacters) {
  EXPECT_EQ(printable("a\x1b[31mred\n\r\t\x7f."), "a?[31mred????.");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m")
      << "what terminals of 8 bits take for an escape sequence";
  EXPECT_EQ(printable(std::string("a\0b", 3)), "a?b");
}

TEST(LidarPrintable, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(printable("Gau\xdf"), "Gau?");
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "?31m");
  EXPECT_EQ(printable("\xe6\x9d"), "??") << "cut";
  EXPECT_EQ(printable("\xc0\xaf"), "??") << "longer than needed";
  EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "a surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????") << "past the last character";
  EXPECT_EQ(printable("\xf5"), "?");
}

TEST(LidarPrintable, CutsBetweenCharacters) {
  EXPECT_EQ(printable(std::string(100, 'a'), 10), "aaaaaaaaaa...");
  EXPECT_EQ(printable(std::string(10, 'a'), 10), "aaaaaaaaaa");
  EXPECT_EQ(printable("aa\xc3\xbc", 3), "aa...");
}

}  // namespace
}  // namespace weir::lidar::test
