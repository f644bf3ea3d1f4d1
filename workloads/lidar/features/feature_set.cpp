#include "workloads/lidar/features/feature_set.hpp"

#include <algorithm>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

using enum Feature;

struct Named {
  std::string_view name;
  std::string_view description;
};

constexpr std::array<Named, feature_count> table{{
    {"normal_x", "unit normal, x"},
    {"normal_y", "unit normal, y"},
    {"normal_z", "unit normal, z, at least 0"},
    {"eigenvalue_1", "largest, square units"},
    {"eigenvalue_2", "second, square units"},
    {"eigenvalue_3", "smallest, square units"},
    {"eigenvalue_sum", "sum, square units"},
    {"linearity", "(l1-l2)/l1"},
    {"planarity", "(l2-l3)/l1"},
    {"sphericity", "l3/l1"},
    {"anisotropy", "(l1-l3)/l1"},
    {"omnivariance", "cube root of l1 l2 l3"},
    {"eigenentropy", "-sum e ln e, e = l/sum"},
    {"surface_variation", "l3/(l1+l2+l3)"},
    {"verticality", "1-|nz|"},
    {"horizontality", "|nz|"},
    {"wall_score", "sqrt(verticality planarity)"},
    {"roof_score", "sqrt(horizontality planarity)"},
    {"facade_score", "verticality, upper half"},
    {"neighbours", "number, the point included"},
    {"density", "neighbours per cubic unit"},
    {"mean_distance", "mean distance of neighbours"},
    {"std_distance", "their standard deviation"},
    {"radius", "distance of the farthest"},
    {"z_range", "z range of neighbours"},
    {"z_std", "standard deviation of z"},
    {"height_above_ground", "z above the ground"},
    {"is_ground", "1 where class is 2"},
    {"mean_red", "mean of neighbours, 0 to 1"},
    {"mean_green", "mean of neighbours, 0 to 1"},
    {"mean_blue", "mean of neighbours, 0 to 1"},
    {"mean_nir", "mean of neighbours, 0 to 1"},
    {"std_red", "standard deviation"},
    {"std_green", "standard deviation"},
    {"std_blue", "standard deviation"},
    {"std_nir", "standard deviation"},
    {"range_red", "largest less smallest"},
    {"range_green", "largest less smallest"},
    {"range_blue", "largest less smallest"},
    {"range_nir", "largest less smallest"},
    {"excess_green", "2G-R-B"},
    {"ndvi", "(NIR-R)/(NIR+R)"},
}};

constexpr std::array geometry{normal_x,       normal_y,          normal_z,    eigenvalue_1, eigenvalue_2, eigenvalue_3,
                              eigenvalue_sum, linearity,         planarity,   sphericity,   anisotropy,   omnivariance,
                              eigenentropy,   surface_variation, verticality, density};
constexpr std::array minimal{normal_z, planarity, height_above_ground, density};
constexpr std::array lod2{normal_z,    planarity,     linearity,  anisotropy, height_above_ground,
                          verticality, horizontality, wall_score, roof_score, facade_score,
                          mean_red,    mean_green,    mean_blue,  ndvi};
constexpr std::array lod3_more{normal_x,       normal_y,      eigenvalue_1, eigenvalue_2, eigenvalue_3,
                               eigenvalue_sum, sphericity,    omnivariance, eigenentropy, surface_variation,
                               density,        mean_distance, std_distance, radius,       z_range,
                               z_std,          mean_nir};

std::string_view trimmed(std::string_view word) noexcept {
  constexpr std::string_view blanks = " \t";
  const std::size_t first = std::min(word.find_first_not_of(blanks), word.size());
  word.remove_prefix(first);
  return word.substr(0, word.find_last_not_of(blanks) + 1);
}

}  // namespace

std::string feature_names() {
  std::string text = "minimal, lod2, lod3, geometry, full";
  for (const Named& each : table) text.append(", ").append(each.name);
  return text;
}

namespace {

std::vector<Feature> members(std::string_view word) {
  const auto list = [](const auto& array) { return std::vector<Feature>(array.begin(), array.end()); };
  if (word == "geometry") return list(geometry);
  if (word == "minimal") return list(minimal);
  if (word == "lod2") return list(lod2);
  if (word == "lod3") {
    std::vector<Feature> all = list(lod2);
    all.insert(all.end(), lod3_more.begin(), lod3_more.end());
    return all;
  }
  std::vector<Feature> found;
  for (std::size_t i = 0; i < feature_count; ++i) {
    if (word == "full" || word == table[i].name) found.push_back(static_cast<Feature>(i));
  }
  if (found.empty()) {
    throw InvalidArgument("no feature \"" + std::string(word) + "\"; there are: " + feature_names(),
                          {.name = std::string(word)});
  }
  return found;
}

}  // namespace

std::string_view name(Feature feature) noexcept { return table[static_cast<std::size_t>(feature)].name; }
std::string_view description(Feature feature) noexcept { return table[static_cast<std::size_t>(feature)].description; }

bool depends_on_scale(Feature feature) noexcept { return feature != height_above_ground && feature != is_ground; }
bool is_metric(Feature feature) noexcept {
  constexpr std::array metric{eigenvalue_1, eigenvalue_2, eigenvalue_3,  eigenvalue_sum,
                              omnivariance, density,      mean_distance, std_distance,
                              radius,       z_range,      z_std,         height_above_ground};
  return std::ranges::find(metric, feature) != metric.end();
}
bool may_be_nan(Feature feature) noexcept {
  return is_shape(feature) || feature == height_above_ground || feature >= mean_red;
}

FeatureSet FeatureSet::parse(std::string_view text) {
  FeatureSet set;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string_view word = trimmed(text.substr(at, comma - at));
    at = comma + 1;
    if (word.empty()) continue;
    for (const Feature each : members(word)) set.add(each);
  }
  if (set.size() == 0)
    throw InvalidArgument("no feature is chosen; there are: " + feature_names(), {.name = "features"});
  return set;
}

FeatureSet FeatureSet::scaled() const {
  FeatureSet set;
  for (const Feature each : features_) {
    if (depends_on_scale(each)) set.add(each);
  }
  return set;
}

FeatureSet FeatureSet::with(Feature feature) const {
  FeatureSet set = *this;
  set.add(feature);
  return set;
}

void FeatureSet::add(Feature feature) {
  if (!has(feature)) features_.push_back(feature);
}

bool FeatureSet::has(Feature feature) const noexcept {
  return std::find(features_.begin(), features_.end(), feature) != features_.end();
}

std::size_t FeatureSet::column(Feature feature) const noexcept {
  return static_cast<std::size_t>(std::find(features_.begin(), features_.end(), feature) - features_.begin());
}

bool FeatureSet::any(Feature first, Feature last) const noexcept {
  return std::any_of(features_.begin(), features_.end(), [&](Feature each) { return each >= first && each <= last; });
}

bool FeatureSet::needs_colours() const noexcept { return any(mean_red, ndvi); }
bool FeatureSet::needs_neighbours() const noexcept {
  return needs_colours() || has(facade_score) || has(mean_distance) || has(std_distance) || has(z_range);
}
bool FeatureSet::needs_classes() const noexcept { return has(is_ground) || has(height_above_ground); }

}  // namespace weir::lidar
