// Valid pickles are read to the values that Python put in, in every protocol,
// and what the file shares is shared.
#include "replay/pickle.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "pickle_writer.hpp"
#include "snapshot_bytes.hpp"

namespace weir::replay {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using testing::as_bytes;
using Kind = Pickle::Kind;

/// A pickle together with the file it points into.
class Parsed {
 public:
  explicit Parsed(std::string_view value, char protocol = 4)
      : file_("\x80"s + protocol + std::string(value) + "."), pickle_(Pickle::parse(as_bytes(file_))) {}
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  [[nodiscard]] Pickle::Value root() const { return pickle_.root(); }
  [[nodiscard]] std::vector<Pickle::Value> items() const {
    std::vector<Pickle::Value> values;
    root().for_each([&](Pickle::Value value) { values.push_back(value); });
    return values;
  }
  [[nodiscard]] std::vector<std::int64_t> integers() const {
    std::vector<std::int64_t> numbers;
    root().for_each([&](Pickle::Value value) { numbers.push_back(value.integer().value()); });
    return numbers;
  }

 private:
  std::string file_;
  Pickle pickle_;
};

using Numbers = std::vector<std::int64_t>;

TEST(Pickle, Scalars) {
  EXPECT_EQ(Parsed("N").root().kind(), Kind::none);
  EXPECT_EQ(Parsed("\x88").root().boolean(), true);
  EXPECT_EQ(Parsed("\x89").root().boolean(), false);
  EXPECT_EQ(Parsed("G\x3f\xf8\0\0\0\0\0\0"sv).root().real(), 1.5);
  EXPECT_EQ(Parsed("G\xc0\x45\0\0\0\0\0\0"sv).root().real(), -42.0);
}

TEST(Pickle, IntegersOfEveryWidth) {
  EXPECT_EQ(Parsed("K\0"sv).root().integer(), 0);
  EXPECT_EQ(Parsed("K\xff").root().integer(), 255);
  EXPECT_EQ(Parsed("M\xff\xff").root().integer(), 65535);
  EXPECT_EQ(Parsed("J\xff\xff\xff\x7f").root().integer(), 2147483647);
  EXPECT_EQ(Parsed("J\xfe\xff\xff\xff").root().integer(), -2);
  EXPECT_EQ(Parsed("\x8a\0"sv).root().integer(), 0);
  EXPECT_EQ(Parsed("\x8a\x01\xff").root().integer(), -1);
  EXPECT_EQ(Parsed("\x8a\x06\0\0\0\0\0\x7f"sv).root().integer(), 0x7f0000000000);
  EXPECT_EQ(Parsed("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f").root().integer(),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(Parsed("\x8a\x08\0\0\0\0\0\0\0\x80"sv).root().integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(Parsed("\x8b\x02\0\0\0\x34\x12"sv).root().integer(), 0x1234);
}

TEST(Pickle, IntegersBeyond64BitsAreValuesButNotNumbers) {
  const Parsed wide("\x8a\x09\0\0\0\0\0\0\0\0\x01"sv);
  EXPECT_EQ(wide.root().kind(), Kind::wide_integer);
  EXPECT_EQ(wide.root().integer(), std::nullopt);
  EXPECT_EQ(wide.root().bits(), std::nullopt);
  EXPECT_EQ(Parsed("\x8a\x0a\0\0\0\0\0\0\0\x80\x01\0"sv).root().kind(), Kind::wide_integer);
  EXPECT_EQ(Parsed("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff").root().kind(), Kind::wide_integer);
  EXPECT_EQ(Parsed("\x8a\x0b\x05\0\0\0\0\0\0\0\0\0\0"sv).root().integer(), 5) << "only the sign is repeated";
  EXPECT_EQ(Parsed("\x8a\x0a\xfb\xff\xff\xff\xff\xff\xff\xff\xff\xff").root().integer(), -5);
}

TEST(Pickle, IntegersFrom2To63OnHaveBitsButNoSign) {
  const Parsed least("\x8a\x09\0\0\0\0\0\0\0\x80\0"sv);
  EXPECT_EQ(least.root().kind(), Kind::large_integer);
  EXPECT_EQ(least.root().integer(), std::nullopt);
  EXPECT_EQ(least.root().bits(), std::uint64_t{1} << 63);
  EXPECT_EQ(Parsed("\x8a\x0b\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0"sv).root().bits(), UINT64_MAX);
  EXPECT_EQ(Parsed("\x8a\x01\xff").root().bits(), UINT64_MAX) << "the same bits with a sign";
  EXPECT_EQ(Parsed("K\x07").root().bits(), 7U);
  EXPECT_EQ(Parsed("\x88").root().bits(), std::nullopt);
}

TEST(Pickle, Texts) {
  EXPECT_EQ(Parsed("\x8c\x02hi").root().text(), "hi");
  EXPECT_EQ(Parsed("X\x02\0\0\0hi"sv).root().text(), "hi");
  EXPECT_EQ(Parsed("\x8d\x02\0\0\0\0\0\0\0hi"sv).root().text(), "hi");
  EXPECT_EQ(Parsed("U\x02hi").root().text(), "hi");
  EXPECT_EQ(Parsed("T\x02\0\0\0hi"sv).root().text(), "hi");
  EXPECT_EQ(Parsed("\x8c\0"sv).root().text(), "");
  EXPECT_EQ(Parsed("\x8c\x02hi").root().size(), 2U);
}

TEST(Pickle, BytesAreNoTexts) {
  for (const std::string_view value :
       {"C\x02hi"sv, "B\x02\0\0\0hi"sv, "\x8e\x02\0\0\0\0\0\0\0hi"sv, "\x96\x02\0\0\0\0\0\0\0hi"sv}) {
    const Parsed parsed(value);
    EXPECT_EQ(parsed.root().kind(), Kind::bytes);
    EXPECT_EQ(parsed.root().text(), std::nullopt);
    EXPECT_EQ(parsed.root().size(), 2U);
  }
}

TEST(Pickle, ListsAndTuples) {
  EXPECT_EQ(Parsed("]").items().size(), 0U);
  EXPECT_EQ(Parsed(")").root().kind(), Kind::tuple);
  EXPECT_EQ(Parsed("]K\x01"
                   "a")
                .integers(),
            Numbers({1}));
  EXPECT_EQ(Parsed("](K\x01K\x02K\x03"
                   "e")
                .integers(),
            Numbers({1, 2, 3}));
  EXPECT_EQ(Parsed("](e").integers(), Numbers());
  EXPECT_EQ(Parsed("K\x01\x85").integers(), Numbers({1}));
  EXPECT_EQ(Parsed("K\x01K\x02\x86").integers(), Numbers({1, 2}));
  EXPECT_EQ(Parsed("K\x01K\x02K\x03\x87").integers(), Numbers({1, 2, 3}));
  EXPECT_EQ(Parsed("(K\x01K\x02K\x03K\x04t").integers(), Numbers({1, 2, 3, 4}));
  EXPECT_EQ(Parsed("(K\x01K\x02l").root().kind(), Kind::list);
  EXPECT_EQ(Parsed("(K\x01K\x02l").integers(), Numbers({1, 2}));
}

TEST(Pickle, ListsFilledInTurns) {
  // Batches of the outer list with a list of its own between them.
  const Parsed parsed(
      "](K\x01K\x02"
      "e(](K\x09K\x09"
      "eK\x03"
      "eK\x04"
      "a(K\x05"
      "e");
  ASSERT_EQ(parsed.root().size(), 6U);
  EXPECT_EQ(parsed.items()[2].size(), 2U);
  EXPECT_EQ(parsed.items()[3].integer(), 3);
  EXPECT_EQ(parsed.items()[5].integer(), 5);
}

TEST(Pickle, Dicts) {
  const Parsed parsed(
      "}(\x8c\x01"
      "aK\x01\x8c\x01"
      "bK\x02u\x8c\x01"
      "cK\x03s");
  EXPECT_EQ(parsed.root().size(), 3U);
  EXPECT_EQ(parsed.root().find("a")->integer(), 1);
  EXPECT_EQ(parsed.root().find("c")->integer(), 3);
  EXPECT_EQ(parsed.root().find("d"), std::nullopt);
  EXPECT_EQ(Parsed("(\x8c\x01"
                   "aK\x01"
                   "d")
                .root()
                .find("a")
                ->integer(),
            1);
  EXPECT_EQ(Parsed("]").root().find("a"), std::nullopt);
}

TEST(Pickle, TheLastOfEqualKeysCounts) {
  EXPECT_EQ(Parsed("}(\x8c\x01"
                   "aK\x01\x8c\x01"
                   "aK\x02u")
                .root()
                .find("a")
                ->integer(),
            2);
}

TEST(Pickle, ATextValueEqualToAKeyIsNoKey) {
  EXPECT_EQ(Parsed("}(\x8c\x01"
                   "a\x8c\x01"
                   "bK\x05K\x06u")
                .root()
                .find("b"),
            std::nullopt);
}

TEST(Pickle, MemoInAllItsForms) {
  EXPECT_EQ(Parsed("](K\x07q\0h\0h\0e"sv).integers(), Numbers({7, 7, 7}));
  EXPECT_EQ(Parsed("](K\x07r\x05\0\0\0j\x05\0\0\0e"sv).integers(), Numbers({7, 7}));
  EXPECT_EQ(Parsed("]\x94(K\x07\x94h\x01K\x08\x94h\x02h\x01"
                   "e")
                .integers(),
            Numbers({7, 7, 8, 8, 7}));
  EXPECT_EQ(Parsed("](K\x07q\0K\x08q\0h\0e"sv).integers(), Numbers({7, 8, 8})) << "an entry may be filled again";
  EXPECT_EQ(Parsed("](K\x07q\0K\x08q\0K\x09\x94h\x01"
                   "e"sv)
                .integers(),
            Numbers({7, 8, 9, 9}))
      << "MEMOIZE counts entries, not opcodes";
}

TEST(Pickle, PopMarkDupAndFrame) {
  EXPECT_EQ(Parsed("K\x01K\x02"
                   "0")
                .root()
                .integer(),
            1);
  EXPECT_EQ(Parsed("K\x01(K\x02K\x03"
                   "1")
                .root()
                .integer(),
            1);
  EXPECT_EQ(Parsed("K\x01(0").root().integer(), 1) << "POP at a MARK takes the mark";
  EXPECT_EQ(Parsed("](K\x01"
                   "2e")
                .integers(),
            Numbers({1, 1}));
  EXPECT_EQ(Parsed("\x95\x03\0\0\0\0\0\0\0K\x01"sv).root().integer(), 1);
}

TEST(Pickle, SharedValuesAreOneValue) {
  // A list that holds one list a hundred times; the inner holds 1000 numbers.
  std::string inner = "](";
  for (int i = 0; i < 1000; ++i) inner += "M\x00\x10"s;
  std::string value = "](" + inner + "e\x94";
  for (int i = 0; i < 99; ++i) value += "h\0"s;
  const Parsed parsed(value + "e");
  std::size_t numbers = 0;
  parsed.root().for_each([&](Pickle::Value list) { numbers += list.size(); });
  EXPECT_EQ(numbers, 100'000U);
}

TEST(Pickle, NestedToTheLimit) {
  std::string value(Pickle::max_depth, ']');
  value += std::string(Pickle::max_depth - 1, 'a');
  EXPECT_EQ(Parsed(value).root().size(), 1U);
}

template <std::size_t size>
void expect_small_snapshot(const std::array<std::uint8_t, size>& file) {
  const Pickle pickle = Pickle::parse(std::as_bytes(std::span(file)));
  const Pickle::Value settings = pickle.root().find("allocator_settings").value();
  EXPECT_EQ(settings.find("expandable_segments")->boolean(), false);
  EXPECT_EQ(settings.find("garbage_collection_threshold")->real(), 0.5);
  EXPECT_EQ(settings.find("limit")->kind(), Kind::none);
  EXPECT_EQ(settings.find("big")->kind(), Kind::wide_integer);
  EXPECT_EQ(settings.find("negative")->integer(), -5);
  pickle.root().find("segments")->for_each([](Pickle::Value segment) {
    EXPECT_EQ(segment.find("address")->integer(), 0x7f0000000000);
    EXPECT_EQ(segment.find("segment_pool_id")->size(), 2U);
    EXPECT_EQ(segment.find("blocks")->size(), 2U);
  });
  pickle.root().find("device_traces")->for_each([](Pickle::Value trace) {
    EXPECT_EQ(trace.size(), 5U);
    trace.for_each([](Pickle::Value event) { EXPECT_EQ(event.find("frames")->size(), 2U); });
  });
}

TEST(Pickle, WhatPythonWroteInEachProtocol) {
  expect_small_snapshot(testing::snapshot_protocol_2);
  expect_small_snapshot(testing::snapshot_protocol_3);
  expect_small_snapshot(testing::snapshot_protocol_4);
  expect_small_snapshot(testing::snapshot_protocol_5);
}

TEST(Pickle, EveryKindHasAName) {
  for (const Kind kind : {Kind::none, Kind::boolean, Kind::integer, Kind::large_integer, Kind::wide_integer, Kind::real,
                          Kind::text, Kind::bytes, Kind::list, Kind::tuple, Kind::dict}) {
    EXPECT_NE(to_string(kind), "unknown");
  }
}

}  // namespace
}  // namespace weir::replay
