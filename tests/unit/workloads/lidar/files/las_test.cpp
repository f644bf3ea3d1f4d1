// Files: what is read is written again byte for byte beside the features, and hostile ones get an error that
// names the field.
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/workloads/lidar/clouds.hpp"
#include "workloads/lidar/files/las_writer.hpp"

namespace weir::lidar::test {
namespace {

using testing::HasSubstr;

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("weir-las-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator()(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::span<const std::byte> record_data(const LasFile& file, std::uint16_t id) {
  for (const auto* list : {&file.records(), &file.extended_records()}) {
    for (const LasRecord& record : *list) {
      if (record.is("LASF_Spec", id)) return record.data;
    }
  }
  return {};
}

/// Everything of `before` is in `after`, which has the features too.
void expect_kept(const LasFile& before, const LasFile& after, const FeatureSet& features) {
  const LasHeader &one = before.header(), &other = after.header();
  EXPECT_EQ(other.minor, 4);
  EXPECT_EQ(other.format, one.format);
  EXPECT_EQ(other.points, one.points);
  EXPECT_EQ(other.point_bytes, one.point_bytes + 4 * features.size());
  EXPECT_EQ(other.scale, one.scale);
  EXPECT_EQ(other.offset, one.offset);
  EXPECT_EQ(std::memcmp(before.bytes().data() + 4, after.bytes().data() + 4, 20), 0) << "source, encoding, GUID";
  for (std::uint64_t i = 0; i < one.points; ++i) {
    ASSERT_EQ(std::memcmp(before.point(i), after.point(i), one.point_bytes), 0) << "point " << i;
  }
  for (const auto list : {&LasFile::records, &LasFile::extended_records}) {
    std::size_t at = 0;
    for (const LasRecord& record : (before.*list)()) {
      if (record.is("LASF_Spec", 4)) continue;
      ASSERT_LT(at, (after.*list)().size());
      const LasRecord& kept = (after.*list)()[at++];
      EXPECT_EQ(kept.reserved, record.reserved);
      EXPECT_EQ(kept.user, record.user);
      EXPECT_EQ(kept.id, record.id);
      EXPECT_EQ(kept.text, record.text);
      EXPECT_TRUE(std::ranges::equal(kept.data, record.data));
    }
  }
  const auto described = record_data(after, 4), original = before.descriptors();
  ASSERT_GE(described.size(), original.size());
  EXPECT_TRUE(std::ranges::equal(described.first(original.size()), original));
  EXPECT_EQ(after.described_bytes(), other.point_bytes - point_layout(other.format).bytes)
      << "nothing is left undescribed";
  const auto last = described.subspan(described.size() - descriptor_bytes);
  EXPECT_EQ(read_number<std::uint8_t>(last.data() + 2), 9) << "float";
  EXPECT_STREQ(reinterpret_cast<const char*>(last.data() + 4),
               std::string(lidar::name(features.features().back())).c_str());
}

void expect_bounds_and_counts(const LasFile& file) {
  std::array<double, 3> low, high;
  low.fill(std::numeric_limits<double>::max());
  high.fill(std::numeric_limits<double>::lowest());
  std::array<std::uint64_t, 15> returns{};
  for (std::uint64_t i = 0; i < file.points(); ++i) {
    const auto at = file.position(i);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double value = at[axis] * file.header().scale[axis] + file.header().offset[axis];
      low[axis] = std::min(low[axis], value);
      high[axis] = std::max(high[axis], value);
    }
    if (file.return_number(i) != 0) ++returns[file.return_number(i) - 1u];
  }
  const std::byte* const header = file.bytes().data();
  for (std::size_t axis = 0; axis < 3 && file.points() != 0; ++axis) {
    EXPECT_EQ(read_number<double>(header + 179 + 16 * axis), high[axis]);
    EXPECT_EQ(read_number<double>(header + 187 + 16 * axis), low[axis]);
  }
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(read_number<std::uint64_t>(header + 255 + 8 * i), returns[i]);
  const bool legacy = file.header().format < 6;
  EXPECT_EQ(read_number<std::uint32_t>(header + 107), legacy ? file.points() : 0u);
}

void write_features(const Cloud& cloud, const RunSettings& settings, const std::string& path) {
  files::OutputFile file(path);
  LasWriter writer(cloud, settings.features, file);
  MemoryManager memory = open_memory(cloud, {.backend = "host"});
  static_cast<void>(run(cloud, settings, memory, writer));
  writer.commit();
}

class LasFiles : public testing::TestWithParam<const char*> {};

TEST_P(LasFiles, AreKeptAsTheyAreBesideTheFeatures) {
  const std::string path = data_file(GetParam());
  if (path.empty()) GTEST_SKIP() << "no " << GetParam();
  const Folder folder;
  RunSettings settings;
  settings.features = FeatureSet::parse("minimal,ndvi,mean_red");
  const Cloud cloud = Cloud::open({path});
  write_features(cloud, settings, folder("out.las"));
  const LasFile after(folder("out.las"));
  expect_kept(cloud.files().front(), after, settings.features);
  expect_bounds_and_counts(after);
  // The values are those of the run, behind the original bytes.
  const auto ran = run_kept(cloud, settings);
  for (std::uint32_t i = 0; i < cloud.points(); ++i) {
    const std::byte* at = after.point(i) + cloud.files().front().header().point_bytes;
    for (const auto& column : ran->rows.columns()) {
      ASSERT_EQ(std::memcmp(at, &column[i], 4), 0) << i;
      at += 4;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Data, LasFiles,
                         testing::Values("autzen_trim.las", "ign_lidarhd_77060_627755.las", "ign_rgbnir_crop60m.las",
                                         "jakteristics_test_0.02_seconde.las", "small/1.0_0.las", "small/1.0_1.las",
                                         "small/1.1_0.las", "small/1.1_1.las", "small/1.2-with-color.las",
                                         "small/1.2_0.las", "small/1.2_1.las", "small/1.2_2.las", "small/1.2_3.las",
                                         "small/extrabytes.las", "small/gps-time-nan.las", "small/interesting.las",
                                         "small/laspy_1_4_w_evlr.las", "small/laspy_simple1_3.las",
                                         "small/no-points.las", "small/simple.las", "small/synthetic_test.las",
                                         "small/test1_4.las"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& each : name)
                             each = std::isalnum(static_cast<unsigned char>(each)) != 0 ? each : '_';
                           return name;
                         });

/// What the reader says of these bytes.
std::string error_of(const std::vector<std::byte>& bytes) {
  try {
    const LasFile file("hostile", bytes);
  } catch (const ParseError& error) {
    EXPECT_FALSE(error.facts().name.empty());
    return error.message();
  } catch (const Unsupported& error) {
    return error.message();
  }
  return {};
}

template <class T>
std::vector<std::byte> with(std::size_t offset, T value,
                            std::vector<std::byte> bytes = las_bytes({{1, 2, 3}, {4, 5, 6}})) {
  write_number(bytes.data() + offset, value);
  return bytes;
}

TEST(LasHostile, ErrorsNameTheField) {
  EXPECT_EQ(error_of(las_bytes({{1, 2, 3}})), "");
  EXPECT_THAT(error_of({}), HasSubstr("file signature"));
  EXPECT_THAT(error_of(with<char>(0, 'X')), HasSubstr("file signature"));
  std::vector<std::byte> cut = las_bytes({});
  cut.resize(200);
  EXPECT_THAT(error_of(cut), HasSubstr("header"));
  EXPECT_THAT(error_of(with<std::uint8_t>(24, 2)), HasSubstr("version"));
  EXPECT_THAT(error_of(with<std::uint8_t>(25, 5)), HasSubstr("version"));
  EXPECT_THAT(error_of(with<std::uint16_t>(94, 226)), HasSubstr("header size"));
  EXPECT_THAT(error_of(with<std::uint16_t>(94, 65535)), HasSubstr("header size"));
  EXPECT_THAT(error_of(with<std::uint32_t>(96, 226)), HasSubstr("offset to point data"));
  EXPECT_THAT(error_of(with<std::uint32_t>(96, UINT32_MAX)), HasSubstr("offset to point data"));
  EXPECT_THAT(error_of(with<std::uint8_t>(104, 11)), HasSubstr("point data format"));
  EXPECT_THAT(error_of(with<std::uint8_t>(104, 128 + 3)), HasSubstr("laszip"));
  EXPECT_THAT(error_of(with<std::uint16_t>(105, 19)), HasSubstr("point data record length"));
  EXPECT_THAT(error_of(with<std::uint16_t>(105, 0)), HasSubstr("point data record length"));
  EXPECT_THAT(error_of(with<std::uint32_t>(107, 3)), HasSubstr("number of point records"));
  EXPECT_THAT(error_of(with<std::uint32_t>(107, UINT32_MAX)), HasSubstr("number of point records"));
  EXPECT_THAT(error_of(with<double>(131, 0.0)), HasSubstr("x scale factor"));
  EXPECT_THAT(error_of(with<double>(139, std::nan(""))), HasSubstr("y scale factor"));
  EXPECT_THAT(error_of(with<double>(171, INFINITY)), HasSubstr("z offset"));
}

TEST(LasHostile, EveryCutOfAFileIsAnErrorOrAFile) {
  const std::string path = data_file("small/extrabytes.las");
  if (path.empty()) GTEST_SKIP() << "no small/extrabytes.las";
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(stream), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 64) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(error_of(cut), "") << size;
  }
}

TEST(LasHostile, OfTheDataFolder) {
  const std::string garbage = data_file("small/garbage_nVariableLength.las"), packed = data_file("autzen_trim.laz");
  if (garbage.empty() || packed.empty()) GTEST_SKIP() << "no small/garbage_nVariableLength.las";
  try {
    const LasFile file(garbage);
    ADD_FAILURE() << "was read";
  } catch (const ParseError& error) {
    EXPECT_THAT(error.message(), HasSubstr("number of point records"));
  }
  for (const char* name : {"autzen_trim.laz", "small/1.2-with-color.copc.laz", "small/laspy_fullwave.laz"}) {
    try {
      const LasFile file(data_file(name));
      ADD_FAILURE() << name << " was read";
    } catch (const Unsupported& error) {
      EXPECT_THAT(error.message(), HasSubstr("laszip -i"));
    }
  }
}

TEST(LasWriter, AFailedRunLeavesNoFile) {
  const std::vector<std::byte> bytes = las_bytes({{1, 2, 3}, {4, 5, 6}});
  const Folder folder;
  std::vector<LasFile> files;
  files.emplace_back("memory", std::span<const std::byte>(bytes));
  const Cloud cloud(std::move(files));
  {
    files::OutputFile file(folder("out.las"));
    const LasWriter writer(cloud, FeatureSet::parse("minimal"), file);
  }
  EXPECT_TRUE(std::filesystem::is_empty(std::filesystem::path(folder("out.las")).parent_path()));
}

/// The value of a point's float dimension.
float value_of(const LasFile& file, std::uint64_t point, std::string_view wanted) {
  std::size_t at = point_layout(file.header().format).bytes;
  for (std::size_t i = 0; i < file.descriptors().size(); i += descriptor_bytes) {
    const std::byte* const descriptor = file.descriptors().data() + i;
    if (dimension_name(descriptor) == wanted) return read_number<float>(file.point(point) + at);
    at += dimension_bytes(descriptor);
  }
  ADD_FAILURE() << "no dimension " << wanted;
  return -1;
}

/// Writes all scales as the command line does.
void write_scales(const Cloud& cloud, std::span<const std::uint32_t> ks, const FeatureSet& features,
                  const Naming& naming, const std::string& path) {
  std::vector<Scale> scales;
  for (const std::uint32_t k : ks) {
    scales.push_back({scales.empty() ? features : features.scaled(), ks.size() > 1 ? "_k" + std::to_string(k) : ""});
  }
  files::OutputFile file(path);
  LasWriter writer(cloud, scales, naming, file);
  MemoryManager memory = open_memory(cloud, {.backend = "host"});
  for (std::size_t i = 0; i < ks.size(); ++i) {
    writer.begin_scale(i);
    static_cast<void>(run(cloud, {.features = scales[i].features, .k = ks[i], .chunk = 300}, memory, writer));
  }
  writer.commit();
}

TEST(LasWriter, ScalesAreBesideEachOtherOrInEachOthersPlace) {
  const Memory made(mixed_points(2'000));
  const Folder folder;
  const FeatureSet features = FeatureSet::parse("planarity,height_above_ground,density");
  const std::array<std::uint32_t, 1> ten{10}, forty{40};
  const std::array<std::uint32_t, 2> both{10, 40};
  write_scales(made.cloud, ten, features, {}, folder("10.las"));
  write_scales(made.cloud, forty, features, {}, folder("40.las"));
  write_scales(made.cloud, both, features, {}, folder("both.las"));
  const Cloud written = Cloud::open({folder("10.las")});
  EXPECT_THROW(write_scales(written, forty, features, {}, folder("refused.las")), InvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(folder("refused.las")));
  write_scales(written, forty, features, {.suffix = "_40"}, folder("added.las"));
  write_scales(written, forty, features, {.overwrite = true}, folder("over.las"));
  const LasFile one(folder("10.las")), other(folder("40.las")), beside(folder("both.las")), added(folder("added.las")),
      over(folder("over.las"));
  EXPECT_EQ(beside.header().point_bytes, 20 + 5 * 4) << "the height is there once";
  EXPECT_EQ(over.header().point_bytes, one.header().point_bytes);
  for (std::uint64_t i = 0; i < one.points(); ++i) {
    ASSERT_EQ(std::memcmp(over.point(i), other.point(i), other.header().point_bytes), 0) << i;
    ASSERT_EQ(std::memcmp(added.point(i), one.point(i), one.header().point_bytes), 0) << i;
    for (const char* name : {"planarity", "density"}) {
      ASSERT_EQ(value_of(beside, i, std::string(name) + "_k10"), value_of(one, i, name)) << i;
      ASSERT_EQ(value_of(beside, i, std::string(name) + "_k40"), value_of(other, i, name)) << i;
      ASSERT_EQ(value_of(added, i, std::string(name) + "_40"), value_of(other, i, name)) << i;
    }
    const float height = value_of(one, i, "height_above_ground"), again = value_of(beside, i, "height_above_ground");
    ASSERT_TRUE(height == again || (std::isnan(height) && std::isnan(again))) << i;
  }
}

}  // namespace
}  // namespace weir::lidar::test
