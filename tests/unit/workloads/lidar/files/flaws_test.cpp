// Flaws beside the points, which other readers pass over: read, told by the field's name, and errors where strictness
// is asked for. What is there is written again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/workloads/lidar/made_file.hpp"
#include "workloads/lidar/files/las_file.hpp"

namespace weir::lidar::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

template <class T>
std::vector<std::byte> altered(const MadeFile& made, std::size_t offset, T value) {
  std::vector<std::byte> bytes = made.bytes();
  write_number(bytes.data() + offset, value);
  return bytes;
}

/// The one flaw of these bytes, which strict reading takes for an error; points are as they would be without it.
std::string flaw_of(const std::vector<std::byte>& bytes) {
  const LasFile file("flawed", bytes);
  EXPECT_EQ(file.points(), 10u);
  EXPECT_EQ(file.position(3)[0], 9);
  if (file.flaws().size() != 1) {
    ADD_FAILURE() << file.flaws().size() << " flaws";
    return {};
  }
  try {
    const LasFile strict("flawed", bytes, Reading::strict);
    ADD_FAILURE() << "was read";
  } catch (const ParseError& error) {
    const std::string& field = error.facts().name;
    EXPECT_EQ(file.flaws().front().substr(0, field.size()), field);
    EXPECT_THAT(error.message(), HasSubstr("flawed: " + field));
  }
  return file.flaws().front();
}

TEST(LasFlaws, AFileWithoutAnyHasNone) {
  const std::vector<std::byte> bytes = MadeFile{.minor = 4, .descriptors = float_dimensions({"one"})}.bytes();
  EXPECT_THAT(LasFile("sound", bytes, Reading::strict).flaws(), IsEmpty());
}

TEST(LasFlaws, ExtraBytesThatAreNotThere) {
  MadeFile made{.descriptors = float_dimensions({"one", "two", "three"})};
  std::vector<std::byte> bytes = made.bytes();
  const LasFile whole("whole", bytes);
  // The points lose the last dimension and half of the one before.
  MadeFile shorter{.undescribed = 6, .records = {{"LASF_Spec", 4, made.descriptors}}};
  bytes = shorter.bytes();
  EXPECT_THAT(flaw_of(bytes), HasSubstr("extra bytes: 2 more dimensions are described than the 6 extra bytes"));
  const LasFile file("flawed", bytes);
  EXPECT_EQ(file.described_bytes(), 4u);
  EXPECT_EQ(file.descriptors().size(), descriptor_bytes);
  shorter.undescribed = 0;
  bytes = shorter.bytes();
  EXPECT_THAT(flaw_of(bytes), HasSubstr("3 more dimensions"));
}

TEST(LasFlaws, AHeaderOfTheVersionBefore) {
  EXPECT_THAT(flaw_of(MadeFile{.minor = 3, .header_bytes = 227}.bytes()),
              HasSubstr("header size: 227 bytes; version 1.3 has at least 235; read as a header of version 1.2"));
  EXPECT_THAT(flaw_of(MadeFile{.minor = 4, .header_bytes = 235}.bytes()), HasSubstr("read as a header of version 1.3"));
  const std::vector<std::byte> cut = altered<std::uint16_t>({.minor = 3}, 94, 226);
  EXPECT_THROW(LasFile("cut", cut), ParseError);
}

TEST(LasFlaws, RecordsThatAreNotThere) {
  const MadeFile made{.records = {{"other", 7, bytes_of_text("data")}}};
  for (const std::uint32_t count : {2u, UINT32_MAX}) {
    const std::vector<std::byte> bytes = altered(made, 100, count);
    EXPECT_THAT(flaw_of(bytes), HasSubstr("number of variable length records: " + std::to_string(count)));
    const LasFile file("flawed", bytes);
    ASSERT_EQ(file.records().size(), 1u);
    EXPECT_TRUE(file.records().front().is("other", 7));
  }
}

TEST(LasFlaws, ExtendedRecordsAtNoPlace) {
  for (const std::uint64_t place : {std::uint64_t{0}, std::uint64_t{300}}) {
    std::vector<std::byte> bytes = altered<std::uint32_t>({.minor = 4}, 243, 1);
    write_number(bytes.data() + 235, place);
    EXPECT_THAT(flaw_of(bytes), HasSubstr("start of first extended variable length record: " + std::to_string(place)));
    EXPECT_THAT(LasFile("flawed", bytes).extended_records(), IsEmpty());
  }
}

TEST(LasFlaws, ADescriptorThatIsCut) {
  std::vector<std::byte> described = float_dimensions({"one", "two"});
  for (const std::size_t cut : {1u, 32u, 33u, 191u}) {
    const std::vector<std::byte> some(described.begin(), described.end() - static_cast<std::ptrdiff_t>(cut));
    const std::vector<std::byte> bytes = MadeFile{.undescribed = 8, .records = {{"LASF_Spec", 4, some}}}.bytes();
    EXPECT_THAT(flaw_of(bytes), HasSubstr(std::to_string(384 - cut) + " bytes of descriptors"));
    const LasFile file("flawed", bytes);
    ASSERT_EQ(file.descriptors().size(), cut <= 32 ? 384u : 192u) << cut;
    if (cut <= 32) {
      EXPECT_EQ(dimension_name(file.descriptors().data() + 192), "two");
    }
  }
}

TEST(LasFlaws, DimensionsOfNoBytes) {
  std::vector<std::byte> described = float_dimensions({"one"});
  for (int i = 0; i < 300; ++i) append_descriptor(described, 0, 0, "none", "");
  append_descriptor(described, 9, 0, "two", "");
  const std::vector<std::byte> bytes = MadeFile{.descriptors = described}.bytes();
  EXPECT_THAT(flaw_of(bytes), HasSubstr("extra bytes: 300 dimensions of 0 bytes"));
  const LasFile file("flawed", bytes);
  ASSERT_EQ(file.descriptors().size(), 2 * descriptor_bytes);
  EXPECT_EQ(dimension_name(file.descriptors().data() + descriptor_bytes), "two");
  EXPECT_EQ(file.described_bytes(), 8u);
}

TEST(LasFlaws, OneRecordTooManyBeforeAGap) {
  // Two bytes of a gap are too few for a record; zeros and text are none.
  std::vector<std::byte> made = MadeFile{.records = {{"other", 7, bytes_of_text("data")}}}.bytes();
  const std::size_t at = 227 + 54 + 4;
  for (const std::string& gap : {std::string(200, '\0'), std::string(200, 'x'), std::string("\xcc\xdd")}) {
    std::vector<std::byte> bytes = made;
    const std::vector<std::byte> more = bytes_of_text(gap);
    bytes.insert(bytes.begin() + at, more.begin(), more.end());
    write_number(bytes.data() + 96, static_cast<std::uint32_t>(at + gap.size()));
    write_number<std::uint32_t>(bytes.data() + 100, 2);
    EXPECT_THAT(flaw_of(bytes), HasSubstr("number of variable length records: 2"));
    const LasFile file("flawed", bytes);
    ASSERT_EQ(file.records().size(), 1u);
    EXPECT_TRUE(std::ranges::equal(file.gap(), more));
  }
}

TEST(LasFlaws, AHeaderThatCannotCountItsPoints) {
  std::vector<std::byte> bytes = MadeFile{.minor = 4, .format = 6, .header_bytes = 235}.bytes();
  EXPECT_THAT(flaw_of(bytes), HasSubstr("read as a header of version 1.3")) << "the older count is there";
  write_number<std::uint32_t>(bytes.data() + 107, 0);
  try {
    const LasFile file("flawed", bytes);
    ADD_FAILURE() << file.points() << " points were read";
  } catch (const ParseError& error) {
    EXPECT_THAT(error.message(), HasSubstr("header size: 235 bytes"));
  }
}

TEST(LasFlaws, WhatTouchesThePointsIsAnErrorAsEver) {
  EXPECT_THROW(LasFile("flawed", altered<std::uint32_t>({}, 107, 11)), ParseError);
  EXPECT_THROW(LasFile("flawed", altered<std::uint32_t>({}, 96, 100)), ParseError);
}

}  // namespace
}  // namespace weir::lidar::test
