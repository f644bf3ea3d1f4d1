// Foreign text stays one printable line in messages.
#include "files/excerpt.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace weir::files {
namespace {

using namespace std::string_view_literals;

TEST(Excerpt, QuotesPlainText) {
  EXPECT_EQ(excerpt(""), "''");
  EXPECT_EQ(excerpt("free"), "'free'");
}

TEST(Excerpt, ShowsOtherBytesInHexadecimal) { EXPECT_EQ(excerpt("a\n\0\x7f\xc3"sv), "'a\\x0a\\x00\\x7f\\xc3'"); }

TEST(Excerpt, CutsAfterFortyBytes) {
  EXPECT_EQ(excerpt(std::string(40, 'a')), "'" + std::string(40, 'a') + "'");
  EXPECT_EQ(excerpt(std::string(41, 'a')), "'" + std::string(40, 'a') + "...'");
}

TEST(Printable, ReplacesControlCharactersAndKeepsTheRest) {
  EXPECT_EQ(printable("/tmp/two\nlines\x1b[31m"), "/tmp/two?lines?[31m");
  EXPECT_EQ(printable("/tmp/sp\xc3\xa4ter"), "/tmp/sp\xc3\xa4ter");
}

}  // namespace
}  // namespace weir::files
