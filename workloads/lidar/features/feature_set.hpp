// The features by name, and the named sets of them. A FeatureSet keeps the order in which features were
// asked for, each once; what a set needs of the points follows from it. Read by the command line, the
// kernels' tables and the writer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::lidar {

enum class Feature : std::uint8_t {
  normal_x,
  normal_y,
  normal_z,
  eigenvalue_1,
  eigenvalue_2,
  eigenvalue_3,
  eigenvalue_sum,
  linearity,
  planarity,
  sphericity,
  anisotropy,
  omnivariance,
  eigenentropy,
  surface_variation,
  verticality,
  horizontality,
  wall_score,
  roof_score,
  facade_score,
  neighbours,
  density,
  mean_distance,
  std_distance,
  radius,
  z_range,
  z_std,
  height_above_ground,
  is_ground,
  mean_red,
  mean_green,
  mean_blue,
  mean_nir,
  std_red,
  std_green,
  std_blue,
  std_nir,
  range_red,
  range_green,
  range_blue,
  range_nir,
  excess_green,
  ndvi,
};
inline constexpr std::size_t feature_count = static_cast<std::size_t>(Feature::ndvi) + 1;

/// As in the output's extra dimensions.
[[nodiscard]] std::string_view name(Feature feature) noexcept;
/// At most 32 bytes: what the output's descriptor says of it.
[[nodiscard]] std::string_view description(Feature feature) noexcept;

/// The sets and the features, with commas between them.
[[nodiscard]] std::string feature_names();
/// Whether the size of the neighbourhood changes it.
[[nodiscard]] bool depends_on_scale(Feature feature) noexcept;
/// Whether it is in units of length, or of its powers.
[[nodiscard]] bool is_metric(Feature feature) noexcept;
/// Whether it is made of the neighbourhood's covariance: eigenvalues, normals, their ratios and scores. Defined from
/// `least_neighbours` on.
[[nodiscard]] constexpr bool is_shape(Feature feature) noexcept { return feature <= Feature::facade_score; }
/// Neighbours that a shape needs, the point itself included: fewer have no plane. Below it, shapes are NaN.
inline constexpr std::uint32_t least_neighbours = 3;
/// Whether it may be no number: where there are too few neighbours, no ground, or no colour.
[[nodiscard]] bool may_be_nan(Feature feature) noexcept;

class FeatureSet {
 public:
  /// `text` is the name of a set (minimal, lod2, lod3, geometry, full) or names of features and sets with
  /// commas between them; blanks and empty names count for nothing. Throws InvalidArgument, which lists what there is.
  [[nodiscard]] static FeatureSet parse(std::string_view text);

  [[nodiscard]] std::span<const Feature> features() const noexcept { return features_; }
  [[nodiscard]] std::size_t size() const noexcept { return features_.size(); }
  [[nodiscard]] bool has(Feature feature) const noexcept;
  /// Those of its features that depend on the size of the neighbourhood.
  [[nodiscard]] FeatureSet scaled() const;
  /// The same with one more, behind the others.
  [[nodiscard]] FeatureSet with(Feature feature) const;
  /// The column of a feature that it has.
  [[nodiscard]] std::size_t column(Feature feature) const noexcept;

  /// Whether some feature needs more of each neighbour than the sums of its coordinates.
  [[nodiscard]] bool needs_neighbours() const noexcept;
  [[nodiscard]] bool needs_colours() const noexcept;
  [[nodiscard]] bool needs_classes() const noexcept;
  [[nodiscard]] bool needs_height() const noexcept { return has(Feature::height_above_ground); }

 private:
  void add(Feature feature);
  [[nodiscard]] bool any(Feature first, Feature last) const noexcept;
  std::vector<Feature> features_;
};

}  // namespace weir::lidar
