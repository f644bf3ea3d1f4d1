// Files that are one cloud: what all have is kept, what some lack is told, and what cannot be brought together is
// refused.
#include "workloads/lidar/files/joint_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/workloads/lidar/made_file.hpp"

namespace weir::lidar::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Files with the bytes that they lie in.
struct Several {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<LasFile> files;
  explicit Several(const std::vector<MadeFile>& made) {
    for (const MadeFile& each : made) bytes.push_back(each.bytes());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      files.emplace_back("tile" + std::to_string(i), std::span<const std::byte>(bytes[i]));
    }
  }
  [[nodiscard]] JointLayout join() const { return join_layouts(files); }
  /// A point as the joint layout has it.
  [[nodiscard]] std::vector<std::byte> copied(const JointLayout& layout, std::size_t file, std::uint64_t point) const {
    std::vector<std::byte> to(layout.bytes);
    for (const FieldCopy& each : layout.copies[file]) {
      std::memcpy(to.data() + each.to, files[file].point(point) + each.from, each.bytes);
    }
    return to;
  }
};

std::string refusal(const std::vector<MadeFile>& made) {
  const Several several(made);
  try {
    static_cast<void>(several.join());
  } catch (const InvalidArgument& error) {
    return error.message();
  }
  return {};
}

TEST(LidarJoint, AlikeFilesAreKeptWhole) {
  const MadeFile made{.format = 3, .descriptors = float_dimensions({"amplitude"}), .undescribed = 300};
  const Several several({made, made});
  const JointLayout layout = several.join();
  EXPECT_THAT(layout.dropped, IsEmpty());
  EXPECT_EQ(layout.bytes, made.point_bytes());
  EXPECT_EQ(std::memcmp(several.copied(layout, 1, 3).data(), several.files[1].point(3), layout.bytes), 0);
  std::size_t described = 0;
  for (std::size_t i = 0; i < layout.descriptors.size(); i += descriptor_bytes) {
    described += dimension_bytes(layout.descriptors.data() + i);
  }
  EXPECT_EQ(described, 304u) << "nothing is left undescribed";
}

TEST(LidarJoint, DimensionsThatAllHaveAreKept) {
  const Several several({{.format = 1, .descriptors = float_dimensions({"one", "both", "deviation"})},
                         {.format = 1, .descriptors = float_dimensions({"deviation", "both"}), .seed = 5},
                         {.format = 1, .descriptors = float_dimensions({"both", "deviation", "third"}), .seed = 9}});
  const JointLayout layout = several.join();
  ASSERT_EQ(layout.descriptors.size(), 2 * descriptor_bytes);
  EXPECT_EQ(dimension_name(layout.descriptors.data()), "both");
  EXPECT_EQ(dimension_name(layout.descriptors.data() + descriptor_bytes), "deviation");
  EXPECT_EQ(layout.bytes, 28 + 8);
  const std::size_t both[] = {32, 32, 28}, deviation[] = {36, 28, 32};
  for (std::size_t f = 0; f < 3; ++f) {
    const std::byte* const from = several.files[f].point(4);
    const auto to = several.copied(layout, f, 4);
    EXPECT_EQ(std::memcmp(to.data(), from, 28), 0);
    EXPECT_EQ(std::memcmp(to.data() + 28, from + both[f], 4), 0);
    EXPECT_EQ(std::memcmp(to.data() + 32, from + deviation[f], 4), 0);
  }
  ASSERT_EQ(layout.dropped.size(), 2u);
  EXPECT_THAT(layout.dropped[0], HasSubstr("tile0"));
  EXPECT_THAT(layout.dropped[0], HasSubstr("\"one\""));
  EXPECT_THAT(layout.dropped[1], HasSubstr("\"third\""));
}

TEST(LidarJoint, OfEqualDimensionsEachMeetsItsOwn) {
  const Several several(
      {{.format = 1, .descriptors = float_dimensions({"twice", "twice", "one"})},
       {.format = 1, .descriptors = float_dimensions({"one", "twice", "twice", "twice"}), .seed = 5}});
  const JointLayout layout = several.join();
  ASSERT_EQ(layout.descriptors.size(), 3 * descriptor_bytes);
  const std::size_t places[][3] = {{28, 32, 36}, {32, 36, 28}};
  for (std::size_t f = 0; f < 2; ++f) {
    const auto to = several.copied(layout, f, 4);
    for (std::size_t d = 0; d < 3; ++d) {
      EXPECT_EQ(std::memcmp(to.data() + 28 + 4 * d, several.files[f].point(4) + places[f][d], 4), 0) << f << d;
    }
  }
  ASSERT_EQ(layout.dropped.size(), 1u);
  EXPECT_THAT(layout.dropped[0], HasSubstr("tile1"));
}

/// What the writer makes of bytes that nobody describes, and a dimension before or behind.
std::vector<std::byte> with_undocumented(bool before) {
  std::vector<std::byte> all;
  if (before) append_descriptor(all, 9, 0, "amplitude", "");
  append_descriptor(all, 0, 255, "", "undocumented");
  append_descriptor(all, 0, 255, "", "undocumented");
  append_descriptor(all, 0, 45, "", "undocumented");
  if (!before) append_descriptor(all, 9, 0, "amplitude", "");
  return all;
}

TEST(LidarJoint, DimensionsWithoutNamesMeetByTheirPlaceAlone) {
  const Several apart({{.descriptors = with_undocumented(true)}, {.descriptors = with_undocumented(false)}});
  const JointLayout named = apart.join();
  EXPECT_EQ(named.bytes, 24);
  EXPECT_EQ(dimension_name(named.descriptors.data()), "amplitude");
  ASSERT_EQ(named.dropped.size(), 2u);
  EXPECT_THAT(named.dropped[0], HasSubstr("without a name"));
  MadeFile other{.descriptors = with_undocumented(true), .seed = 3};
  write_number(other.descriptors.data() + 160, 'x');  // another text changes no value
  const Several alike({{.descriptors = with_undocumented(true)}, other});
  const JointLayout whole = alike.join();
  EXPECT_EQ(whole.bytes, other.point_bytes());
  EXPECT_THAT(whole.dropped, IsEmpty());
  EXPECT_EQ(std::memcmp(alike.copied(whole, 1, 3).data(), alike.files[1].point(3), whole.bytes), 0);
}

/// A tile's dimension, with the bounds that its points have.
template <class T>
std::vector<std::byte> bounded(std::uint8_t type, T least, T greatest, std::uint8_t options = 6) {
  std::vector<std::byte> one;
  append_descriptor(one, type, options, "echo", "");
  write_number(one.data() + 64, least);
  write_number(one.data() + 88, greatest);
  return one;
}

TEST(LidarJoint, BoundsHoldForThePointsOfAllTiles) {
  const auto joined = [](std::vector<std::byte> one, std::vector<std::byte> other, bool apart) {
    MadeFile last{.descriptors = std::move(other)};
    if (apart) append_descriptor(last.descriptors, 9, 0, "more", "");
    return Several({{.descriptors = std::move(one)}, last}).join().descriptors;
  };
  for (const bool apart : {false, true}) {
    const auto plain = joined(bounded<std::uint64_t>(3, 5, 9), bounded<std::uint64_t>(3, 7, 65535), apart);
    ASSERT_EQ(plain.size(), descriptor_bytes);
    EXPECT_EQ(read_number<std::uint64_t>(plain.data() + 64), 5u);
    EXPECT_EQ(read_number<std::uint64_t>(plain.data() + 88), 65535u);
    const auto with_sign = joined(bounded<std::int64_t>(4, 5, 9), bounded<std::int64_t>(4, -7, -2), apart);
    EXPECT_EQ(read_number<std::int64_t>(with_sign.data() + 64), -7);
    EXPECT_EQ(read_number<std::int64_t>(with_sign.data() + 88), 9);
    const auto real = joined(bounded<double>(9, -0.5, 0.25), bounded<double>(9, -0.25, 0.5), apart);
    EXPECT_EQ(read_number<double>(real.data() + 64), -0.5);
    EXPECT_EQ(read_number<double>(real.data() + 88), 0.5);
    const auto some = joined(bounded<double>(9, -1, 1), bounded<double>(9, 0, 2, 4), apart);
    EXPECT_EQ(read_number<std::uint8_t>(some.data() + 3), 4) << "no least value is known of all";
    EXPECT_EQ(read_number<double>(some.data() + 64), 0);
    EXPECT_EQ(read_number<double>(some.data() + 88), 2);
  }
}

TEST(LidarJoint, NotesNameTheFirstFewDimensions) {
  MadeFile many;
  for (int i = 0; i < 20; ++i) append_descriptor(many.descriptors, 1, 0, "d\x1b[31m" + std::to_string(i), "");
  const JointLayout layout = Several({many, {}}).join();
  ASSERT_EQ(layout.dropped.size(), 1u);
  EXPECT_THAT(layout.dropped[0], HasSubstr("\"d?[31m7\" and 12 more"));
}

TEST(LidarJoint, TilesWithAndWithoutExtraBytes) {
  const Several several({{.descriptors = float_dimensions({"amplitude"})}, {.undescribed = 2}, {}});
  const JointLayout layout = several.join();
  EXPECT_EQ(layout.bytes, 20);
  EXPECT_THAT(layout.descriptors, IsEmpty());
  ASSERT_EQ(layout.dropped.size(), 2u);
  EXPECT_THAT(layout.dropped[0], HasSubstr("tile1: extra bytes without a description"));
  EXPECT_THAT(layout.dropped[1], HasSubstr("\"amplitude\""));
}

TEST(LidarJoint, FormatsComeDownToWhatBothHave) {
  struct Case {
    std::uint8_t one, other, joint;
  };
  for (const auto [one, other, joint] : {Case{7, 8, 7}, {8, 6, 6}, {3, 1, 1}, {2, 3, 2}, {1, 2, 0}, {0, 3, 0}}) {
    const std::uint8_t minor = one >= 6 ? 4 : 2;
    const Several several({{.minor = minor, .format = one}, {.minor = minor, .format = other, .seed = 3}});
    const JointLayout layout = several.join();
    ASSERT_EQ(layout.format, joint);
    EXPECT_EQ(layout.bytes, point_layout(joint).bytes);
    EXPECT_FALSE(layout.dropped.empty());
    for (std::size_t f = 0; f < 2; ++f) {
      const PointLayout &from = point_layout(f == 0 ? one : other), &to = point_layout(joint);
      const auto got = several.copied(layout, f, 7);
      const std::byte* const point = several.files[f].point(7);
      EXPECT_EQ(std::memcmp(got.data(), point, 20), 0);
      if (to.colour >= 0) {
        EXPECT_EQ(std::memcmp(got.data() + to.colour, point + from.colour, 6), 0);
      }
      if (to.gps_time >= 0) {
        EXPECT_EQ(std::memcmp(got.data() + to.gps_time, point + from.gps_time, 8), 0);
      }
    }
  }
}

TEST(LidarJoint, WhatCannotBeBroughtTogetherIsRefused) {
  const std::string families = refusal({{.format = 3}, {.minor = 4, .format = 7}});
  EXPECT_THAT(families, HasSubstr("tile1: point data format: 7; tile0 has 3"));
  EXPECT_THAT(families, HasSubstr("dataformat_id=3"));
  EXPECT_THAT(refusal({{.minor = 3, .format = 4}, {.minor = 3, .format = 1}}), HasSubstr("waveforms"));
  EXPECT_EQ(refusal({{.minor = 3, .format = 4}, {.minor = 3, .format = 4}}), "");
}

}  // namespace
}  // namespace weir::lidar::test
