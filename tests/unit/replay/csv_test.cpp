// Lines, fields and numbers of the CSV formats, and what is wrong with them by line.
#include "replay/csv.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "message_of.hpp"

namespace weir::replay {
namespace {

using namespace std::string_view_literals;
using testing::message_of;
using testing::names;

/// The refusal somewhere between the header and the last row.
std::string csv_refusal(std::string_view text) {
  return message_of([&] {
    CsvReader csv(text);
    while (csv.next_row()) {
    }
  });
}

/// The refusal of a second line's only number by one of the conversions.
template <class Convert>
std::string refusal_of_number(std::string_view field, Convert convert) {
  const std::string text = "size\n" + std::string(field) + "\n";
  return message_of([&] {
    CsvReader csv(text);
    ASSERT_TRUE(csv.next_row());
    static_cast<void>(convert(csv));
  });
}

TEST(Csv, ReadsRowsByColumn) {
  CsvReader csv("a,B,c\n1,2,3\n4,5,6\n");
  EXPECT_EQ(csv.column("b"), 1U);
  EXPECT_EQ(csv.find_column("d"), std::nullopt);
  ASSERT_TRUE(csv.next_row());
  EXPECT_EQ(csv.line(), 2U);
  EXPECT_EQ(csv.natural(csv.column("C")), 3U);
  ASSERT_TRUE(csv.next_row());
  EXPECT_EQ(csv.text(0), "4");
  EXPECT_FALSE(csv.next_row());
  EXPECT_FALSE(csv.next_row());
  EXPECT_FALSE(csv.is_cut());
}

// "6" may have been "64": a line is whole only with its end.
TEST(Csv, ALastLineWithoutAnEndIsCut) {
  for (const std::string_view last : {"4,5,6", "4,5,", "4,5", "4", "4,5,6\r", "\"4"}) {
    const std::string text = "a,b,c\n1,2,3\n" + std::string(last);
    CsvReader csv(text);
    ASSERT_TRUE(csv.next_row());
    EXPECT_FALSE(csv.is_cut());
    EXPECT_FALSE(csv.next_row()) << last;
    EXPECT_FALSE(csv.next_row()) << last;
    EXPECT_EQ(csv.cut_lines(), 1U) << last;
    EXPECT_TRUE(csv.is_cut());
  }
  for (const std::string_view last : {"", "\n", "  ", "\r"}) {
    const std::string text = "a\n1\n" + std::string(last);
    CsvReader csv(text);
    ASSERT_TRUE(csv.next_row());
    EXPECT_FALSE(csv.next_row());
    EXPECT_EQ(csv.cut_lines(), 0U) << "blanks say nothing";
  }
  EXPECT_TRUE(names(csv_refusal("a,b,c"), {"line 1", "header", "cut", "copy it again"}));
}

TEST(Csv, ToleratesWhatEditorsAndSystemsAdd) {
  CsvReader csv("\xef\xbb\xbf a ,\"b\"\r\n\r\n 1\t, \"2\" \r\n\n   \n");
  ASSERT_TRUE(csv.next_row());
  EXPECT_EQ(csv.line(), 3U);
  EXPECT_EQ(csv.integer(csv.column("a")), 1);
  EXPECT_EQ(csv.integer(csv.column("b")), 2);
  EXPECT_FALSE(csv.next_row());
}

TEST(Csv, KeepsCommasInQuotes) {
  CsvReader csv("a,b\n\"1,5\",\"\"\n");
  ASSERT_TRUE(csv.next_row());
  EXPECT_EQ(csv.text(0), "1,5");
  EXPECT_EQ(csv.text(1), "");
}

TEST(Csv, EmptyFieldsAreFields) {
  CsvReader csv("a,b,c\n,,\n");
  ASSERT_TRUE(csv.next_row());
  EXPECT_EQ(csv.text(2), "");
}

TEST(Csv, Numbers) {
  CsvReader csv("a,b,c,d,e\n-9223372036854775808,18446744073709551615,0x7F,ff,(nil)\n");
  ASSERT_TRUE(csv.next_row());
  EXPECT_EQ(csv.integer(0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(csv.natural(1), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(csv.address(2), 0x7fU);
  EXPECT_EQ(csv.address(3), 0xffU);
  EXPECT_EQ(csv.address(4), 0U);
}

TEST(Csv, RefusesWhatIsNoNumber) {
  const auto natural = [](const CsvReader& csv) { return csv.natural(0); };
  const auto integer = [](const CsvReader& csv) { return csv.integer(0); };
  const auto address = [](const CsvReader& csv) { return csv.address(0); };
  const auto bytes = [](const CsvReader& csv) { return csv.bytes(0); };
  for (const std::string_view field : {"x", "1x", "1.5", "-1", "+1", "0x1", "\"\"", "1 2", "18446744073709551616"}) {
    EXPECT_TRUE(names(refusal_of_number(field, natural), {"line 2", "'size'", "natural number"})) << field;
  }
  for (const std::string_view field : {"x", "--1", "1e3", "9223372036854775808"}) {
    EXPECT_TRUE(names(refusal_of_number(field, integer), {"line 2", "'size'", "integer"})) << field;
  }
  for (const std::string_view field : {"0x", "g", "-1", "0x0x1", "nil", "10000000000000000"}) {
    EXPECT_TRUE(names(refusal_of_number(field, address), {"line 2", "'size'", "hexadecimal"})) << field;
  }
  EXPECT_TRUE(names(refusal_of_number("1152921504606846977", bytes), {"1 EiB"}));
}

TEST(Csv, RefusesAMissingColumnByName) {
  EXPECT_TRUE(names(message_of([] { static_cast<void>(CsvReader("a,b\n").column("size")); }), {"line 1", "'size'"}));
}

TEST(Csv, RefusesRowsOfAnotherWidth) {
  EXPECT_TRUE(names(csv_refusal("a,b\n1,2\n1\n"), {"line 3", "has 1 fields", "names 2"}));
  EXPECT_TRUE(names(csv_refusal("a,b\n1,2,3\n"), {"line 2", "has 3 fields"}));
}

TEST(Csv, RefusesEmptyText) {
  EXPECT_TRUE(names(csv_refusal(""), {"header"}));
  EXPECT_TRUE(names(csv_refusal("\n \r\n"), {"header"}));
}

TEST(Csv, RefusesControlCharacters) {
  EXPECT_TRUE(names(csv_refusal("a,b\n1,\0 2\n"sv), {"line 2", "\\x00"}));
  EXPECT_TRUE(names(csv_refusal("a\rb\n1\n"), {"line 1", "\\x0d"}));
}

TEST(Csv, RefusesBrokenQuotes) {
  EXPECT_TRUE(names(csv_refusal("a,b\n\"1,2\n"), {"line 2", "quote"}));
  EXPECT_TRUE(names(csv_refusal("a,b\n1\",\"2\n"), {"line 2", "quote"}));
  EXPECT_TRUE(names(csv_refusal("a,b\nx\"1\",2\n"), {"line 2", "quote"}));
  EXPECT_TRUE(names(csv_refusal("a,b\n\"1\"\"1\",2\n"), {"line 2", "quote"}));
  EXPECT_TRUE(names(csv_refusal("a\n\"\n"), {"line 2", "quote"}));
}

TEST(Csv, RefusesLinesWithoutEndAndTooManyFields) {
  EXPECT_TRUE(names(csv_refusal("a\n" + std::string(5'000'000, '1')), {"line 2", "5000000 bytes"}));
  EXPECT_TRUE(names(csv_refusal(std::string(5'000'000, 'a')), {"line 1"}));
  EXPECT_TRUE(names(csv_refusal(std::string(64, ',') + '\n'), {"line 1", "64 fields"}));
  CsvReader widest(std::string_view(",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n"));
  EXPECT_FALSE(widest.next_row());
}

/// A text as a file gives it, with how much of it was asked for.
struct TextFile {
  std::string text;
  std::size_t given = 0;
  bool is_cut = false;
  files::Source source() {
    return {[this](std::span<char> to) {
              const std::size_t count = text.copy(to.data(), to.size(), given);
              given += count;
              return count;
            },
            [this] { return is_cut; }};
  }
};

TEST(Csv, ReadsASourceABufferAtATime) {
  TextFile file{"\xef\xbb\xbfname,number\r\n"};
  constexpr std::uint64_t rows = 40'000;
  for (std::uint64_t i = 0; i < rows; ++i) {
    file.text += std::string(i % 97, 'x') + ',' + std::to_string(i) + (i % 3 == 0 ? "\r\n" : "\n");
  }
  CsvReader made(file.source());
  CsvReader csv = std::move(made);
  for (std::uint64_t i = 0; i < rows; ++i) {
    ASSERT_TRUE(csv.next_row());
    ASSERT_EQ(csv.text(0).size(), i % 97);
    ASSERT_EQ(csv.natural(csv.column("number")), i);
  }
  EXPECT_FALSE(csv.next_row());
  EXPECT_FALSE(csv.next_row());
}

TEST(Csv, LinesAtTheLimit) {
  const std::string longest(CsvReader::longest_line, '1');
  TextFile file{"a\n" + longest + "\r\n" + longest + "\n" + longest};
  CsvReader csv(file.source());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(csv.next_row());
    EXPECT_EQ(csv.text(0), longest);
  }
  EXPECT_FALSE(csv.next_row());
  EXPECT_EQ(csv.cut_lines(), 1U);
  EXPECT_TRUE(names(message_of([] {
                      TextFile none{"\n \n"};
                      static_cast<void>(CsvReader(none.source()));
                    }),
                    {"header"}));
}

TEST(Csv, ASourceThatIsCutSaysSoAtItsEnd) {
  TextFile file{"a\n1\n"};
  file.is_cut = true;
  CsvReader csv(file.source());
  ASSERT_TRUE(csv.next_row());
  EXPECT_FALSE(csv.next_row());
  EXPECT_TRUE(csv.is_cut());
  EXPECT_EQ(csv.cut_lines(), 0U) << "between two lines";
}

TEST(Csv, ASourceIsLeftAtItsFirstBadLine) {
  for (const std::string& bad :
       {std::string(50'000'000, '1'), std::string(50'000'000, '\0'), "1,2\n" + std::string(50'000'000, '1')}) {
    TextFile file{"a\n1\n" + bad};
    CsvReader csv(file.source());
    ASSERT_TRUE(csv.next_row());
    EXPECT_TRUE(names(message_of([&] { static_cast<void>(csv.next_row()); }), {"line 3"}));
    EXPECT_LT(file.given, std::size_t{1} << 20);
  }
}

}  // namespace
}  // namespace weir::replay
