// Coordinate systems of files: the units of what is usual, and nothing of what is not understood.
#include "workloads/lidar/files/crs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "unit/workloads/lidar/made_file.hpp"
#include "workloads/lidar/files/joint_crs.hpp"

namespace weir::lidar::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = LengthUnit::Kind;

constexpr const char* utm =
    R"wkt(PROJCS["WGS 84 / UTM zone 32N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],)wkt"
    R"wkt(PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],)wkt"
    R"wkt(PARAMETER["central_meridian",9],UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST]])wkt";
constexpr const char* feet =
    R"wkt(COMPD_CS["NAD83 / Oregon + NAVD88", PROJCS["NAD83 / Oregon", GEOGCS["NAD83", UNIT["degree",0.017453]],)wkt"
    R"wkt( UNIT["foot", 0.3048]], VERT_CS["NAVD88 height (ftUS)", UNIT["US survey foot",0.304800609601219]]])wkt";
constexpr const char* of_2019 =
    R"wkt(PROJCRS["ETRS89 / UTM 33N",BASEGEOGCRS["ETRS89",DATUM["x",ELLIPSOID["GRS",6378137,298.2,LENGTHUNIT["m",7]]]],)wkt"
    R"wkt(CONVERSION["utm",METHOD["tm"]],CS[Cartesian,2],AXIS["(E)",east,ORDER[1],LENGTHUNIT["metre",1]],)wkt"
    R"wkt(AXIS["(N)",north,ORDER[2],LENGTHUNIT["metre",1]],ID["EPSG",25833]])wkt";
constexpr const char* degrees =
    R"wkt(GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.25]],UNIT["degree",0.0174532925199433]])wkt";

TEST(LidarCrs, OfWkt) {
  const CoordinateSystem metric = from_wkt(utm);
  EXPECT_EQ(metric.name, "WGS 84 / UTM zone 32N");
  EXPECT_EQ(metric.horizontal.kind, Kind::length);
  EXPECT_EQ(metric.horizontal.metres, 1);
  EXPECT_EQ(metric.vertical.kind, Kind::unknown);
  const CoordinateSystem mixed = from_wkt(feet);
  EXPECT_EQ(mixed.horizontal.metres, 0.3048);
  EXPECT_NEAR(mixed.from_metres(15), 49.2126, 1e-4);
  EXPECT_EQ(mixed.vertical.name, "US survey foot");
  EXPECT_EQ(from_wkt(of_2019).horizontal.metres, 1);
  EXPECT_TRUE(from_wkt(degrees).geographic());
}

TEST(LidarCrs, OfWktThatIsNotUnderstood) {
  const std::string whole = utm;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(from_wkt(whole.substr(0, size)).horizontal.kind, Kind::unknown) << size;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "A[";
  EXPECT_TRUE(from_wkt(deep).name.empty());
  EXPECT_EQ(from_wkt(R"(PROJCS["x",UNIT["none",0]])").horizontal.kind, Kind::unknown);
  EXPECT_EQ(from_wkt(R"(PROJCS["x",UNIT["metre"]])").horizontal.kind, Kind::unknown);
}

TEST(LidarCrs, GeodeticSystemsAreAngles) {
  const std::string head = R"wkt(["WGS 84",DATUM["x",ELLIPSOID["WGS",6378137,298.2,LENGTHUNIT["metre",1]]],)wkt";
  const std::string axes =
      R"wkt(AXIS["lat",north,ANGLEUNIT["degree",0.0174]],AXIS["lon",east,ANGLEUNIT["degree",0.0174]],)wkt"
      R"wkt(AXIS["h",up,LENGTHUNIT["metre",1]]])wkt";
  for (const std::string keyword : {"GEODCRS", "GEODETICCRS", "geodcrs", "GEOGCRS", "GEOGRAPHICCRS"}) {
    for (const std::string& tail :
         {"CS[ellipsoidal,3]," + axes, axes, std::string("CS[ellipsoidal,2],ANGLEUNIT[\"degree\",0.0174]]")}) {
      std::string text = keyword;
      EXPECT_TRUE(from_wkt(text.append(head).append(tail)).geographic()) << text;
    }
  }
  const CoordinateSystem geocentric = from_wkt("GEODCRS" + head + R"wkt(CS[Cartesian,3],LENGTHUNIT["metre",1]])wkt");
  EXPECT_EQ(geocentric.horizontal.metres, 1);
}

TEST(LidarCrs, HugeWktIsNotUnderstood) {
  const std::string start = R"(PROJCS["x",UNIT["metre",1])";
  const auto filled = [&](const std::string& with, std::size_t count) {
    std::string text = start;
    for (std::size_t i = 0; i < count; ++i) text += with;
    return from_wkt(text + "]").horizontal.kind;
  };
  EXPECT_EQ(filled(",A[1]", 9'990), Kind::length);
  EXPECT_EQ(filled(",A[1]", 10'001), Kind::unknown);
  EXPECT_EQ(filled(",1", 32'000), Kind::length);
  EXPECT_EQ(filled(",1", 40'000), Kind::unknown);
}

TEST(LidarCrs, AbsurdUnitsAreUnknown) {
  for (const char* metres : {"1e-310", "1e-7", "1e7", "1e300"}) {
    EXPECT_EQ(from_wkt(std::string("PROJCS[\"x\",UNIT[\"y\",") + metres + "]]").horizontal.kind, Kind::unknown);
  }
  EXPECT_EQ(from_wkt(R"(PROJCS["x",UNIT["kilometre",1000]])").horizontal.metres, 1000);
}

std::vector<std::byte> keys(std::initializer_list<std::array<std::uint16_t, 4>> all) {
  std::vector<std::byte> bytes(8 + 8 * all.size());
  std::memcpy(bytes.data() + 8, all.begin(), 8 * all.size());
  return bytes;
}

TEST(LidarCrs, OfGeoTiffKeys) {
  const CoordinateSystem survey =
      from_geotiff(keys({{1024, 0, 1, 1}, {1026, 34737, 6, 0}, {3076, 0, 1, 9003}}), {}, "State|more|");
  EXPECT_EQ(survey.name, "State");
  EXPECT_NEAR(survey.horizontal.metres, 0.3048006, 1e-7);
  EXPECT_EQ(from_geotiff(keys({{1024, 0, 1, 1}, {3072, 0, 1, 32632}}), {}, "").horizontal.metres, 1);
  EXPECT_EQ(from_geotiff(keys({{1024, 0, 1, 1}, {3072, 0, 1, 32632}}), {}, "").name, "EPSG:32632");
  EXPECT_EQ(from_geotiff(keys({{1024, 0, 1, 1}, {3072, 0, 1, 2994}}), {}, "").horizontal.kind, Kind::unknown);
  EXPECT_TRUE(from_geotiff(keys({{1024, 0, 1, 2}, {2048, 0, 1, 4326}}), {}, "").geographic());
  EXPECT_TRUE(from_geotiff(keys({{2048, 0, 1, 4326}}), {}, "").geographic()) << "without a model";
  EXPECT_FALSE(from_geotiff(keys({{2048, 0, 1, 4326}, {3072, 0, 1, 32632}}), {}, "").geographic());
  EXPECT_FALSE(from_geotiff(keys({{2048, 0, 1, 4326}, {3076, 0, 1, 9001}}), {}, "").geographic());
  std::vector<std::byte> size(16);
  write_number(size.data() + 8, 0.5);
  const auto own = keys({{3076, 0, 1, 32767}, {3077, 34736, 1, 1}});
  EXPECT_EQ(from_geotiff(own, size, "").horizontal.metres, 0.5);
  EXPECT_EQ(from_geotiff(own, std::span(size).first(15), "").horizontal.kind, Kind::unknown);
  EXPECT_TRUE(from_geotiff(keys({{1026, 34737, 60000, 60000}}), {}, "short").name.empty());
}

TEST(LidarCrs, OfFiles) {
  const auto directory = keys({{1024, 0, 1, 1}, {3076, 0, 1, 9002}});
  const MadeFile made{
      .records = {{"LASF_Projection", 34735, directory}, {"LASF_Projection", 2112, bytes_of_text(utm)}}};
  std::vector<std::byte> bytes = made.bytes();
  EXPECT_EQ(coordinate_system(LasFile("keys", bytes)).horizontal.name, "foot");
  write_number<std::uint16_t>(bytes.data() + 6, 1U << 4);
  EXPECT_EQ(coordinate_system(LasFile("wkt", bytes)).horizontal.name, "metre");
  bytes = MadeFile{}.bytes();
  const CoordinateSystem none = coordinate_system(LasFile("none", bytes));
  EXPECT_TRUE(none.name.empty());
  EXPECT_EQ(none.from_metres(15), 15);
}

TEST(LidarCrs, ContradictionsOfAFileAreTold) {
  const auto told = [](std::vector<MadeRecord> records) {
    const std::vector<std::byte> bytes = MadeFile{.records = std::move(records)}.bytes();
    return coordinate_system(LasFile("one", bytes)).told;
  };
  const MadeRecord metric{"LASF_Projection", 2112, bytes_of_text(utm)},
      angular{"LASF_Projection", 2112, bytes_of_text(degrees)},
      in_feet{"LASF_Projection", 34735, keys({{1024, 0, 1, 1}, {3076, 0, 1, 9002}})},
      in_metres{"LASF_Projection", 34735, keys({{1024, 0, 1, 1}, {3076, 0, 1, 9001}})};
  EXPECT_THAT(told({metric, in_metres}), IsEmpty());
  EXPECT_THAT(told({metric, metric}), IsEmpty());
  EXPECT_THAT(told({metric, angular}), ElementsAre(HasSubstr("LASF_Projection 2112: WKT occurs more than once")));
  EXPECT_THAT(told({metric, in_feet}), ElementsAre(HasSubstr("\"metre\" by WKT and in \"foot\" by GeoTIFF keys")));
  EXPECT_THAT(told({{"LASF_Projection", 2112, bytes_of_text("none at all")}}), ElementsAre(HasSubstr("cannot read")));
}

/// What joining files with these records throws, or tells.
std::string joined(const std::vector<std::vector<MadeRecord>>& records) {
  std::vector<std::vector<std::byte>> bytes;
  bytes.reserve(records.size());
  for (const auto& each : records) bytes.push_back(MadeFile{.records = each}.bytes());
  std::vector<LasFile> files;
  for (std::size_t f = 0; f < bytes.size(); ++f) files.emplace_back("tile" + std::to_string(f), std::span(bytes[f]));
  try {
    const JointSystem joint = join_systems(files);
    std::string all = joint.path + "\n";
    for (const std::string& each : joint.told) all += each + "\n";
    return all;
  } catch (const InvalidArgument& error) {
    return error.message();
  }
}

TEST(LidarCrs, OfSeveralFilesAreOne) {
  const MadeRecord metric{"LASF_Projection", 2112, bytes_of_text(utm)},
      angular{"LASF_Projection", 2112, bytes_of_text(degrees)},
      in_feet{"LASF_Projection", 34735, keys({{1024, 0, 1, 1}, {3076, 0, 1, 9002}})},
      in_metres{"LASF_Projection", 34735, keys({{1024, 0, 1, 1}, {3072, 0, 1, 32633}, {3076, 0, 1, 9001}})};
  EXPECT_EQ(joined({{metric}, {metric}}), "tile0\n");
  EXPECT_EQ(joined({{}, {}}), "tile0\n");
  const std::string units = joined({{metric}, {in_feet}});
  EXPECT_THAT(units, HasSubstr("tile1: coordinate system: coordinates are in \"foot\""));
  EXPECT_THAT(units, HasSubstr("\"metre\" (WGS 84 / UTM zone 32N) in tile0"));
  EXPECT_THAT(units, HasSubstr("reprojection"));
  EXPECT_THAT(joined({{}, {angular}, {in_metres}}), HasSubstr("tile2: coordinate system"));
  EXPECT_THAT(joined({{metric}, {angular}}), HasSubstr("LASF_Projection 2112 differs from that of tile0"));
  const std::string some = joined({{}, {metric}, {}});
  EXPECT_THAT(some, HasSubstr("tile1\ntile0 and 1 more: no coordinate system is given; weir uses \"WGS 84"));
  EXPECT_THAT(joined({{metric}, {in_metres}}), HasSubstr("tile1: the coordinate system differs"));
}

TEST(LidarCrs, OfExtendedRecordsCountsToo) {
  // One file has its system before the points, the other behind.
  std::vector<std::byte> before =
      MadeFile{.minor = 4, .records = {{"LASF_Projection", 2112, bytes_of_text(utm)}}}.bytes();
  std::vector<std::byte> behind = MadeFile{.minor = 4}.bytes();
  write_number<std::uint64_t>(behind.data() + 235, behind.size());
  write_number<std::uint32_t>(behind.data() + 243, 1);
  std::vector<std::byte> head(60);
  std::memcpy(head.data() + 2, "LASF_Projection", 15);
  write_number<std::uint16_t>(head.data() + 18, 2112);
  write_number<std::uint64_t>(head.data() + 20, std::string_view(degrees).size());
  behind.insert(behind.end(), head.begin(), head.end());
  const std::vector<std::byte> text = bytes_of_text(degrees);
  behind.insert(behind.end(), text.begin(), text.end());
  std::vector<LasFile> files;
  files.emplace_back("before", std::span<const std::byte>(before));
  files.emplace_back("behind", std::span<const std::byte>(behind));
  EXPECT_TRUE(coordinate_system(files[1]).geographic());
  EXPECT_THROW(static_cast<void>(join_systems(files)), InvalidArgument);
}

}  // namespace
}  // namespace weir::lidar::test
