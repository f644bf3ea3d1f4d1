// Names of the output's dimensions meet no other: they are told apart, replace what was asked to be replaced, or are
// refused with the remedy.
#include "workloads/lidar/files/dimensions.hpp"

#include <array>
#include <cmath>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::lidar::test {
namespace {

using testing::HasSubstr;

// The fields of the format, by the names that laspy and PDAL give them. PDAL keeps their spelling, without case.
constexpr std::array<std::string_view, 46> standard_fields{"x",
                                                           "y",
                                                           "z",
                                                           "intensity",
                                                           "return_number",
                                                           "returnnumber",
                                                           "number_of_returns",
                                                           "numberofreturns",
                                                           "scan_direction_flag",
                                                           "scandirectionflag",
                                                           "edge_of_flight_line",
                                                           "edgeofflightline",
                                                           "classification",
                                                           "classification_flags",
                                                           "classflags",
                                                           "raw_classification",
                                                           "synthetic",
                                                           "key_point",
                                                           "keypoint",
                                                           "withheld",
                                                           "overlap",
                                                           "scanner_channel",
                                                           "scanchannel",
                                                           "scan_angle",
                                                           "scan_angle_rank",
                                                           "scananglerank",
                                                           "user_data",
                                                           "userdata",
                                                           "point_source_id",
                                                           "pointsourceid",
                                                           "gps_time",
                                                           "gpstime",
                                                           "red",
                                                           "green",
                                                           "blue",
                                                           "nir",
                                                           "infrared",
                                                           "bit_fields",
                                                           "flag_byte",
                                                           "wavepacket_index",
                                                           "wavepacket_offset",
                                                           "wavepacket_size",
                                                           "return_point_wave_location",
                                                           "x_t",
                                                           "y_t",
                                                           "z_t"};

constexpr std::uint8_t type_float = 9, type_double = 10;

/// Points of format 0 with dimensions.
JointLayout layout_with(std::initializer_list<std::pair<const char*, std::uint8_t>> dimensions) {
  JointLayout layout;
  layout.bytes = 20;
  for (const auto& [name, type] : dimensions) {
    append_descriptor(layout.descriptors, type, 0, name, "of the input");
    layout.bytes = static_cast<std::uint16_t>(layout.bytes + extra_type_bytes(type, 0));
  }
  return layout;
}

std::vector<std::string> names_of(const Dimensions& made) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < made.descriptors.size(); i += descriptor_bytes) {
    names.emplace_back(dimension_name(made.descriptors.data() + i));
  }
  return names;
}

Dimensions place(const JointLayout& layout, const char* features, const Naming& naming = {}) {
  const std::vector<Scale> scales{{FeatureSet::parse(features)}};
  return place_features(layout, scales, naming, "in.las");
}

std::string refusal(const JointLayout& layout, const char* features, const Naming& naming = {}) {
  try {
    static_cast<void>(place(layout, features, naming));
  } catch (const InvalidArgument& error) {
    return error.message();
  }
  return {};
}

TEST(LidarDimensions, AreBehindThoseOfTheInput) {
  const Dimensions made = place(layout_with({{"amplitude", type_double}}), "planarity,normal_z");
  EXPECT_EQ(names_of(made), (std::vector<std::string>{"amplitude", "planarity", "normal_z"}));
  EXPECT_EQ(made.places, (std::vector<std::vector<std::uint16_t>>{{28, 32}}));
  EXPECT_EQ(made.point_bytes, 36);
}

TEST(LidarDimensions, OfAnInputAreMetWithoutCase) {
  const JointLayout layout = layout_with({{"Planarity", type_float}});
  const std::string refused = refusal(layout, "planarity");
  EXPECT_THAT(refused, HasSubstr("in.las"));
  EXPECT_THAT(refused, HasSubstr("\"Planarity\""));
  EXPECT_THAT(refused, HasSubstr("--overwrite"));
  EXPECT_THAT(refused, HasSubstr("--suffix"));
  EXPECT_EQ(names_of(place(layout, "planarity", {.suffix = "_2"})),
            (std::vector<std::string>{"Planarity", "planarity_2"}));
  EXPECT_EQ(names_of(place(layout, "planarity", {.prefix = "weir_"})),
            (std::vector<std::string>{"Planarity", "weir_planarity"}));
}

TEST(LidarDimensions, ReplaceThoseOfAnEarlierRun) {
  const JointLayout layout = layout_with({{"amplitude", type_double}, {"Planarity", type_float}, {"last", type_float}});
  const Dimensions made = place(layout, "linearity,planarity", {.overwrite = true});
  EXPECT_EQ(names_of(made), (std::vector<std::string>{"amplitude", "planarity", "last", "linearity"}));
  EXPECT_EQ(made.places, (std::vector<std::vector<std::uint16_t>>{{36, 28}}));
  EXPECT_EQ(made.point_bytes, 40);
  EXPECT_EQ(made.overwritten, std::vector<std::string>{"Planarity"});
}

TEST(LidarDimensions, OfAnotherTypeAreNotReplaced) {
  const std::string refused = refusal(layout_with({{"planarity", type_double}}), "planarity", {.overwrite = true});
  EXPECT_THAT(refused, HasSubstr("not a 32-bit float"));
  EXPECT_THAT(refused, HasSubstr("--suffix"));
}

TEST(LidarDimensions, AreNoFieldsOfTheFormat) {
  EXPECT_EQ(refusal(layout_with({}), "full"), "");
  for (std::size_t i = 0; i < feature_count; ++i) {
    const std::string_view feature = name(static_cast<Feature>(i));
    for (const std::string_view field : standard_fields) {
      EXPECT_EQ(field.find(feature), std::string_view::npos) << "--prefix and --suffix can make " << field;
    }
  }
}

TEST(LidarDimensions, OfSeveralOfOneNameNoneIsReplaced) {
  const JointLayout layout = layout_with({{"planarity", type_float}, {"Planarity", type_float}});
  const std::string refused = refusal(layout, "planarity", {.overwrite = true});
  EXPECT_THAT(refused, HasSubstr("several dimensions \"planarity\""));
  EXPECT_THAT(refused, HasSubstr("--suffix"));
  EXPECT_EQ(refusal(layout, "linearity", {.overwrite = true}), "");
}

TEST(LidarDimensions, HaveNamesThatFit) {
  const std::string suffix(32 - std::string_view("planarity").size(), 'x');
  EXPECT_EQ(refusal(layout_with({}), "planarity", {.suffix = suffix}), "");
  EXPECT_THAT(refusal(layout_with({}), "planarity", {.suffix = suffix + "x"}), HasSubstr("33 letters"));
}

TEST(LidarDimensions, OfSeveralScalesAreMarked) {
  const FeatureSet all = FeatureSet::parse("planarity,height_above_ground");
  const std::vector<Scale> scales{{all, "_k10"}, {all.scaled(), "_k20"}};
  const Dimensions made = place_features(layout_with({}), scales, {.suffix = "_w"}, "in.las");
  EXPECT_EQ(names_of(made), (std::vector<std::string>{"planarity_k10_w", "height_above_ground_w", "planarity_k20_w"}));
  EXPECT_EQ(made.places, (std::vector<std::vector<std::uint16_t>>{{20, 24}, {28}}));
  const std::vector<Scale> twice{{all, "_k10"}, {all.scaled(), "_k10"}};
  EXPECT_THROW(static_cast<void>(place_features(layout_with({}), twice, {}, "in.las")), InvalidArgument);
}

TEST(LidarDimensions, OfCountsAreMarkedAndFloatsToo) {
  const FeatureSet all = FeatureSet::parse("neighbours");
  const std::vector<Scale> scales{{all, "_k10"}, {all.scaled(), "_r0_5"}};
  const Dimensions made = place_features(layout_with({}), scales, {}, "in.las");
  EXPECT_EQ(names_of(made), (std::vector<std::string>{"neighbours_k10", "neighbours_r0_5"}));
  EXPECT_EQ(read_number<std::uint8_t>(made.descriptors.data() + 2), type_float);
}

TEST(LidarDimensions, ThatMayHaveNoValueSayNaN) {
  const auto no_data = [](const char* feature) {
    const Dimensions made = place(layout_with({}), feature);
    const bool said = (read_number<std::uint8_t>(made.descriptors.data() + 3) & 1) != 0;
    EXPECT_EQ(std::isnan(read_number<double>(made.descriptors.data() + 40)), said) << feature;
    return said;
  };
  for (const char* feature : {"normal_x", "eigenvalue_3", "planarity", "verticality", "facade_score", "ndvi"}) {
    EXPECT_TRUE(no_data(feature)) << feature;
  }
  for (const char* feature : {"neighbours", "density", "radius", "mean_distance", "z_range", "is_ground"}) {
    EXPECT_FALSE(no_data(feature)) << feature;
  }
}

TEST(LidarDimensions, ArePlainFeaturesWithoutBlanksAndEmptyNames) {
  EXPECT_EQ(FeatureSet::parse("planarity, linearity,").size(), 2u);
  EXPECT_EQ(FeatureSet::parse(",planarity,,").size(), 1u);
  EXPECT_THROW(static_cast<void>(FeatureSet::parse(" , ")), InvalidArgument);
  EXPECT_THROW(static_cast<void>(FeatureSet::parse("planar")), InvalidArgument);
}

}  // namespace
}  // namespace weir::lidar::test
