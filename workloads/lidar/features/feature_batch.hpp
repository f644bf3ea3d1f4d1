// A batch of neighbourhoods in columns, and the features of it: loops over columns that compilers vectorize, each
// of one formula. Part of the kernels.
#pragma once

#include "workloads/lidar/features/formulas.hpp"
#include "workloads/lidar/features/neighbour_sums.hpp"

namespace weir::lidar {
namespace {

class FeatureBatch {
 public:
  static constexpr std::uint32_t capacity = 256;

  FeatureBatch(const FeatureTask& task, KernelResult& result) noexcept : task_(task), result_(result) {}

  /// Ranks come in order, without gaps between flushes.
  void add(std::uint32_t rank, const Neighbourhood& one) noexcept {
    if (count_ == 0) first_ = rank;
    const std::uint32_t i = count_++;
    n_[i] = one.count;
    xx_[i] = one.xx;
    xy_[i] = one.xy;
    xz_[i] = one.xz;
    yy_[i] = one.yy;
    yz_[i] = one.yz;
    zz_[i] = one.zz;
    reach_[i] = one.reach;
    if (count_ == capacity && !task_.needs_neighbours) flush();
  }
  /// After add, where neighbours are needed.
  template <class Coordinate>
  void add_more(Coordinate own_z, const MoreSums<Coordinate>& more) noexcept {
    const std::uint32_t i = count_ - 1;
    const auto n = static_cast<double>(more.count);
    z_above_[i] = static_cast<double>(static_cast<std::int64_t>(own_z) - more.z_low);
    z_range_[i] = static_cast<double>(static_cast<std::int64_t>(more.z_high) - more.z_low);
    mean_[i] = formulas::mean_of(static_cast<double>(more.distances), n, more.step());
    const Wide spread = static_cast<Wide>(more.count) * more.distances_squared - more.distances * more.distances;
    std_[i] = formulas::deviation_of(static_cast<double>(spread), n, more.step());
    for (int c = 0; c < 4 && task_.needs_colours; ++c) {
      const Wide wide =
          static_cast<Wide>(more.count) * more.colour_squared[c] - static_cast<Wide>(more.colour[c]) * more.colour[c];
      colour_[c][i] = formulas::mean_of(static_cast<double>(more.colour[c]), n, 65535.0);
      colour_std_[c][i] = formulas::deviation_of(static_cast<double>(wide), n, 65535.0);
      colour_range_[c][i] = (static_cast<double>(more.colour_high[c]) - more.colour_low[c]) / 65535.0;
    }
    if (count_ == capacity) flush();
  }

  void flush() noexcept {
    if (count_ == 0) return;
    solve();
    shapes();
    directions();
    if (few_ != 0) leave_out_few();
    distances();
    if (task_.needs_colours) colours();
    count_ = few_ = 0;
  }

 private:
  void solve() noexcept {
    const double square = task_.unit * task_.unit;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const formulas::Eigen e = formulas::eigen({xx_[i], xy_[i], xz_[i], yy_[i], yz_[i], zz_[i]});
      l1_[i] = e.l1;
      l2_[i] = e.l2;
      l3_[i] = e.l3;
      nx_[i] = e.nx;
      ny_[i] = e.ny;
      nz_[i] = e.nz;
    }
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (l1_[i] > 0 && l3_[i] < 1e-9 * l1_[i]) {
        l3_[i] = formulas::smallest_eigenvalue({xx_[i], xy_[i], xz_[i], yy_[i], yz_[i], zz_[i]}, l1_[i], l2_[i]);
      }
      if (n_[i] < least_neighbours) {
        ++few_;
      } else if (!(l1_[i] > 0)) {
        ++result_.coincident;
      }
    }
    for (std::uint32_t i = 0; i < count_; ++i) {
      const double scale = square / (n_[i] * n_[i]);
      l1_[i] *= scale;
      l2_[i] *= scale;
      l3_[i] *= scale;
    }
  }

  /// Fills the column of `feature`, if it is wanted, with what `formula` gives for each index.
  template <class Formula>
  void column(Feature feature, Formula formula) noexcept {
    float* const to = task_.columns[static_cast<std::size_t>(feature)];
    if (to == nullptr) return;
    float* const at = to + first_;  // an index of 32 bits that may wrap would keep the loop from being vectorized
    const std::uint32_t count = count_;
    for (std::uint32_t i = 0; i < count; ++i) at[i] = static_cast<float>(formula(i));
  }

  void shapes() noexcept {
    using namespace formulas;
    column(Feature::eigenvalue_1, [this](std::uint32_t i) { return l1_[i]; });
    column(Feature::eigenvalue_2, [this](std::uint32_t i) { return l2_[i]; });
    column(Feature::eigenvalue_3, [this](std::uint32_t i) { return l3_[i]; });
    column(Feature::eigenvalue_sum, [this](std::uint32_t i) { return l1_[i] + l2_[i] + l3_[i]; });
    column(Feature::linearity, [this](std::uint32_t i) { return linearity(l1_[i], l2_[i]); });
    column(Feature::planarity, [this](std::uint32_t i) { return planarity(l1_[i], l2_[i], l3_[i]); });
    column(Feature::sphericity, [this](std::uint32_t i) { return sphericity(l1_[i], l3_[i]); });
    column(Feature::anisotropy, [this](std::uint32_t i) { return anisotropy(l1_[i], l3_[i]); });
    column(Feature::omnivariance, [this](std::uint32_t i) { return omnivariance(l1_[i], l2_[i], l3_[i]); });
    column(Feature::eigenentropy, [this](std::uint32_t i) { return eigenentropy(l1_[i], l2_[i], l3_[i]); });
    column(Feature::surface_variation, [this](std::uint32_t i) { return surface_variation(l1_[i], l2_[i], l3_[i]); });
  }

  void directions() noexcept {
    using namespace formulas;
    column(Feature::normal_x, [this](std::uint32_t i) { return nx_[i]; });
    column(Feature::normal_y, [this](std::uint32_t i) { return ny_[i]; });
    column(Feature::normal_z, [this](std::uint32_t i) { return nz_[i]; });
    column(Feature::verticality, [this](std::uint32_t i) { return verticality(l1_[i], nz_[i]); });
    column(Feature::horizontality, [this](std::uint32_t i) { return horizontality(l1_[i], nz_[i]); });
    column(Feature::wall_score, [this](std::uint32_t i) { return wall_score(l1_[i], l2_[i], l3_[i], nz_[i]); });
    column(Feature::roof_score, [this](std::uint32_t i) { return roof_score(l1_[i], l2_[i], l3_[i], nz_[i]); });
    column(Feature::facade_score,
           [this](std::uint32_t i) { return facade_score(verticality(l1_[i], nz_[i]), z_above_[i], z_range_[i]); });
  }

  /// Shapes of too few neighbours are no numbers. After the loops over all, which are to stay without this choice.
  void leave_out_few() noexcept {
    for (std::size_t feature = 0; feature <= static_cast<std::size_t>(Feature::facade_score); ++feature) {
      float* const to = task_.columns[feature];
      for (std::uint32_t i = 0; i < count_ && to != nullptr; ++i) {
        if (n_[i] < least_neighbours) to[first_ + i] = __builtin_nanf("");
      }
    }
  }

  void distances() noexcept {
    const double unit = task_.unit;
    // Within a given radius, that radius counts, not the farthest point found.
    const double given = task_.search.k == 0 ? task_.search.radius : 0.0;
    column(Feature::neighbours, [&](std::uint32_t i) { return n_[i]; });
    column(Feature::density, [&](std::uint32_t i) {
      const double radius = given > 0 ? given : std::sqrt(reach_[i]) * unit;
      return formulas::density(n_[i], radius);
    });
    column(Feature::radius, [&](std::uint32_t i) { return std::sqrt(reach_[i]) * unit; });
    column(Feature::mean_distance, [&](std::uint32_t i) { return mean_[i] * unit; });
    column(Feature::std_distance, [&](std::uint32_t i) { return std_[i] * unit; });
    column(Feature::z_range, [&](std::uint32_t i) { return z_range_[i] * unit; });
    column(Feature::z_std, [&](std::uint32_t i) { return formulas::deviation_of(zz_[i], n_[i], 1.0) * unit; });
  }

  void colours() noexcept {
    const double none = __builtin_nan("");
    const Feature mean[4] = {Feature::mean_red, Feature::mean_green, Feature::mean_blue, Feature::mean_nir};
    const Feature deviation[4] = {Feature::std_red, Feature::std_green, Feature::std_blue, Feature::std_nir};
    const Feature range[4] = {Feature::range_red, Feature::range_green, Feature::range_blue, Feature::range_nir};
    for (int c = 0; c < 4; ++c) {
      const bool there = c == 3 ? task_.has_nir : task_.has_rgb;
      column(mean[c], [=, this](std::uint32_t i) { return there ? colour_[c][i] : none; });
      column(deviation[c], [=, this](std::uint32_t i) { return there ? colour_std_[c][i] : none; });
      column(range[c], [=, this](std::uint32_t i) { return there ? colour_range_[c][i] : none; });
    }
    column(Feature::excess_green, [this, none](std::uint32_t i) {
      return task_.has_rgb ? formulas::excess_green(colour_[0][i], colour_[1][i], colour_[2][i]) : none;
    });
    column(Feature::ndvi, [this, none](std::uint32_t i) {
      const double sum = colour_[3][i] + colour_[0][i];
      return task_.has_nir && task_.has_rgb && sum > 0 ? formulas::ndvi(colour_[3][i], colour_[0][i]) : none;
    });
  }

  const FeatureTask& task_;
  KernelResult& result_;
  std::uint32_t first_ = 0, count_ = 0;
  std::uint32_t few_ = 0;  ///< of them, those with too few neighbours for a shape
  double n_[capacity], reach_[capacity];
  double xx_[capacity], xy_[capacity], xz_[capacity], yy_[capacity], yz_[capacity], zz_[capacity];
  double l1_[capacity], l2_[capacity], l3_[capacity], nx_[capacity], ny_[capacity], nz_[capacity];
  double z_above_[capacity], z_range_[capacity], mean_[capacity], std_[capacity];
  double colour_[4][capacity], colour_std_[4][capacity], colour_range_[4][capacity];
};

}  // namespace
}  // namespace weir::lidar
