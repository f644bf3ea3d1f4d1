// Gzip data are read as they lie, in members and parts of any size, and what is
// damaged, cut off or too much is refused.
#include "files/gzip.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/files/packed.hpp"

#ifdef WEIR_HAS_ZLIB

namespace weir::files::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// The message of the error that a call throws.
template <class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const ParseError& error) {
    return error.message();
  }
  return "threw nothing";
}

/// A source of so many bytes at a time.
Source source_of(std::string_view data, std::size_t part_bytes) {
  return {[data, part_bytes](std::span<char> to) mutable {
    const std::size_t count = data.copy(to.data(), std::min(to.size(), part_bytes));
    data.remove_prefix(count);
    return count;
  }};
}

std::string unpack(std::string_view data, std::size_t part_bytes, std::size_t buffer_bytes, bool expect_cut = false) {
  GzipReader reader(source_of(data, part_bytes));
  std::string all;
  std::string buffer(buffer_bytes, '\0');
  while (const std::size_t count = reader.read(buffer)) all.append(buffer, 0, count);
  EXPECT_EQ(reader.is_cut(), expect_cut);
  return all;
}

const std::string text = [] {
  std::string made;
  for (int i = 0; i < 20'000; ++i) made += std::to_string(i * i) + ",";
  return made;
}();

TEST(Gzip, InPartsOfAnySize) {
  const std::string data = packed(text);
  for (const std::size_t part_bytes : {1U, 7U, 1U << 16}) {
    for (const std::size_t buffer_bytes : {1U, 100U, 1U << 20}) EXPECT_EQ(unpack(data, part_bytes, buffer_bytes), text);
  }
  EXPECT_EQ(unpack(packed(""), 100, 100), "");
}

TEST(Gzip, MembersBehindEachOtherAreOneFile) {
  EXPECT_EQ(unpack(packed("one ") + packed("") + packed("two"), 3, 100), "one two");
}

TEST(Gzip, ZerosBehindAMemberArePassedOver) {
  const std::string zeros(200'000, '\0');
  for (const std::size_t part_bytes : {1U, 7U, 1U << 16}) {
    EXPECT_EQ(unpack(packed("one") + zeros, part_bytes, 100), "one");
    EXPECT_EQ(unpack(packed("one ") + zeros + packed("two"), part_bytes, 3), "one two");
  }
  EXPECT_THAT(message_of([&] { unpack(packed("one") + zeros + "x1", 100, 100); }), HasSubstr("damaged"));
}

TEST(Gzip, GivesWhatIsThereOfDataThatAreCutOff) {
  const std::string data = packed(text);
  std::size_t before = 0;
  for (std::size_t length = 1; length < data.size(); length += 499) {
    const std::string there = unpack(data.substr(0, length), 100, 1000, true);
    EXPECT_TRUE(text.starts_with(there)) << length;
    EXPECT_GE(there.size(), before) << length;
    before = there.size();
  }
  EXPECT_GT(before, text.size() / 2);
  EXPECT_EQ(unpack(data.substr(0, data.size() - 1), 100, 1000, true), text) << "the check is cut";
  EXPECT_EQ(unpack(packed("one ") + packed("two").substr(0, 5), 100, 1000, true), "one ");
}

TEST(Gzip, RefusesWhatIsDamaged) {
  std::string data = packed(text);
  std::string other_check = data;
  other_check[data.size() - 8] = static_cast<char>(data[data.size() - 8] ^ 1);
  EXPECT_THAT(message_of([&] { unpack(other_check, 100, 1000); }), HasSubstr("damaged"));
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 0x55);
  EXPECT_THAT(message_of([&] { unpack(data, 100, 1000); }), HasSubstr("damaged"));
  EXPECT_THAT(message_of([&] { unpack(packed("one") + "rest", 100, 1000); }), HasSubstr("damaged"));
}

TEST(Gzip, RefusesMoreThanAnyTrace) {
  const std::string member = packed(std::string(std::size_t{8} << 20, '\0'));
  GzipReader bomb({[&](std::span<char> to) { return member.copy(to.data(), to.size()); }});
  std::string buffer(std::size_t{1} << 20, '\0');
  std::uint64_t read = 0;
  const std::string message = message_of([&] {
    for (;;) read += bomb.read(buffer);
  });
  EXPECT_THAT(message, AllOf(HasSubstr("more than 1 GiB"), HasSubstr("unpack it first")));
  EXPECT_LE(read, GzipReader::max_bytes);
}

}  // namespace
}  // namespace weir::files::test
#else
TEST(Gzip, IsRead) { GTEST_SKIP() << "this build found no zlib"; }
#endif
