// Names, edge by edge: which are allowed, and how others are printed.
#include "core/names.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::core {
namespace {

bool allowed(std::string_view name) {
  try {
    check_name("buffer", name);
    return true;
  } catch (const InvalidArgument&) {
    return false;
  }
}

TEST(Names, AreOneTo255Bytes) {
  EXPECT_FALSE(allowed(""));
  EXPECT_TRUE(allowed("a"));
  EXPECT_TRUE(allowed(std::string(255, 'a')));
  EXPECT_FALSE(allowed(std::string(256, 'a')));
}

TEST(Names, AreUtf8) {
  for (const char* good : {"é", "\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a✓b"}) {
    EXPECT_TRUE(allowed(good)) << good;
  }
  const std::vector<std::string_view> bad{
      "\x80",
      "\xbf",  // a continuation alone
      "\xc0\x80",
      "\xc1\xbf",  // overlong
      "\xe0\x9f\xbf",
      "\xf0\x8f\xbf\xbf",
      "\xed\xa0\x80",
      "\xed\xbf\xbf",  // surrogates
      "\xf4\x90\x80\x80",
      "\xf5\x80\x80\x80",
      "\xff",
      "\xc3",
      "\xe2\x82",
      "\xf0\x90\x80",  // cut
      "\xc3(",
      "\xe2(\xa1",
      "\xe2\x82(",
      "\xf0\x90\x80(",
  };
  for (const std::string_view each : bad) EXPECT_FALSE(allowed(each)) << printable(each);
}

TEST(Names, HaveNoControlCharacters) {
  for (int code = 0; code < 0x20; ++code) EXPECT_FALSE(allowed(std::string(1, static_cast<char>(code)))) << code;
  EXPECT_TRUE(allowed(" "));
  EXPECT_FALSE(allowed("\x7f"));
  EXPECT_FALSE(allowed("\xc2\x80"));
  EXPECT_FALSE(allowed("\xc2\x9f"));
  EXPECT_FALSE(allowed(std::string_view("a\0b", 3)));
}

TEST(Names, PrintWithoutWhatATerminalWouldTakeAmiss) {
  EXPECT_EQ(printable("plain ✓"), "plain ✓");
  EXPECT_EQ(printable("a\nb"), "a\\x0ab");
  EXPECT_EQ(printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable(std::string(80, 'a')), std::string(80, 'a'));
  EXPECT_EQ(printable(std::string(81, 'a')), std::string(80, 'a').append("…"));
  EXPECT_LT(printable(std::string(1'000'000, '\n')).size(), 100u);
}

TEST(Names, AreRefusedByKindAndLength) {
  try {
    check_name("pool", std::string(11, 'a'), 10);
    FAIL() << "it is too long";
  } catch (const InvalidArgument& error) {
    EXPECT_EQ(error.message(), "the pool name \"aaaaaaaaaaa\" has 11 bytes; a name has at most 10");
  }
}

}  // namespace
}  // namespace weir::core
