// Real clouds against oracles that were computed elsewhere, in 64-bit floats: the k-th distances are equal, and
// at every point whose neighbours are unique, all features are within 1e-5.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "clouds.hpp"

namespace weir::lidar::test {
namespace {

struct OracleFacts {
  std::int64_t distance;
  bool tied;
  float values[14];  // l1 l2 l3 nx ny nz linearity planarity sphericity anisotropy omnivariance surface verticality
                     // entropy
};

std::vector<OracleFacts> read_binary(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<OracleFacts> all;
  char record[65];
  while (file.read(record, sizeof(record))) {
    OracleFacts one{};
    std::memcpy(&one.distance, record, 8);
    one.tied = record[8] != 0;
    std::memcpy(one.values, record + 9, sizeof(one.values));
    all.push_back(one);
  }
  return all;
}

/// The text in a gzip file, one line a point.
std::vector<OracleFacts> read_text(const std::string& path) {
  std::vector<OracleFacts> all;
  FILE* const pipe = ::popen(("gzip -dc '" + path + "'").c_str(), "r");
  if (pipe == nullptr) return all;
  char line[1024];
  while (std::fgets(line, sizeof(line), pipe) != nullptr) {
    if (line[0] < '0' || line[0] > '9') continue;  // the names of the columns
    std::string text(line);
    for (char& each : text) each = each == ',' ? ' ' : each;
    std::istringstream words(text);
    OracleFacts one{};
    int tied = 0;
    words >> one.distance >> tied;
    one.tied = tied != 0;
    for (float& value : one.values) words >> value;
    if (words) all.push_back(one);
  }
  ::pclose(pipe);
  return all;
}

void compare(const std::string& name, const std::vector<OracleFacts>& expected) {
  const Cloud cloud = Cloud::open({data_file(name)});
  ASSERT_EQ(expected.size(), cloud.points());
  RunSettings settings;
  settings.features = FeatureSet::parse("geometry,radius");
  const auto ran = run_kept(cloud, settings);
  const std::vector<Feature> columns{Feature::eigenvalue_1, Feature::eigenvalue_2, Feature::eigenvalue_3,
                                     Feature::normal_x,     Feature::normal_y,     Feature::normal_z,
                                     Feature::linearity,    Feature::planarity,    Feature::sphericity,
                                     Feature::anisotropy,   Feature::omnivariance, Feature::surface_variation,
                                     Feature::verticality};
  std::size_t wrong_distances = 0, untied = 0;
  std::vector<double> worst(columns.size() + 1);
  for (std::uint32_t i = 0; i < cloud.points(); ++i) {
    const double exact = std::sqrt(static_cast<double>(expected[i].distance)) * cloud.unit();
    if (ran->rows[Feature::radius][i] != static_cast<float>(exact)) ++wrong_distances;
    EXPECT_EQ(ran->rows.taken()[i], 1u);
    if (expected[i].tied) continue;
    ++untied;
    // The two ends of a normal that lies flat are one.
    const float* const n = expected[i].values + 3;
    const double along = ran->rows[Feature::normal_x][i] * n[0] + ran->rows[Feature::normal_y][i] * n[1] +
                         ran->rows[Feature::normal_z][i] * n[2];
    const bool turned = std::fabs(n[2]) < 1e-5 && along < 0;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const bool normal = c >= 3 && c < 6;
      const double found = ran->rows[columns[c]][i] * (normal && turned ? -1.0 : 1.0);
      // Of the value itself where that is above 1: eigenvalues are in square metres.
      const double size = std::max(1.0, std::fabs(double{expected[i].values[c]}));
      worst[c] = std::max(worst[c], std::fabs(found - expected[i].values[c]) / size);
    }
    const double entropy = ran->rows[Feature::eigenentropy][i] - expected[i].values[13];
    worst.back() = std::max(worst.back(), std::fabs(entropy));
  }
  EXPECT_EQ(wrong_distances, 0u);
  EXPECT_GT(untied, cloud.points() / 2);
  for (std::size_t c = 0; c < columns.size(); ++c) EXPECT_LE(worst[c], 1e-5) << lidar::name(columns[c]);
  EXPECT_LE(worst.back(), 1e-5) << "eigenentropy";
}

TEST(LidarOracle, IgnTile) {
  const std::string oracle = data_file("oracle/ign_77055_627755_k20_f64oracle.bin");
  if (oracle.empty()) GTEST_SKIP() << "no oracle/ign_77055_627755_k20_f64oracle.bin";
  compare("ign_lidarhd_77055_627755.las", read_binary(oracle));
}

TEST(LidarOracle, Jakteristics) {
  const std::string oracle = data_file("oracle/jakteristics_test_k20_f64oracle.csv.gz");
  if (oracle.empty()) GTEST_SKIP() << "no oracle/jakteristics_test_k20_f64oracle.csv.gz";
  compare("jakteristics_test_0.02_seconde.las", read_text(oracle));
}

}  // namespace
}  // namespace weir::lidar::test
