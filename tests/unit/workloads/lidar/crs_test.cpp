// Coordinate systems of files: the units of what is usual, and nothing of what is not understood.
#include "workloads/lidar/crs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "made_file.hpp"

namespace weir::lidar::test {
namespace {

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

}  // namespace
}  // namespace weir::lidar::test
