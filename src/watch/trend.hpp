// Whether a row of numbers rises, and how fast, by methods that need no distribution and that a few outliers do not
// move. Used by what looks for leaks and by the forecast.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace weir::watch {

/// Pairs that rise less pairs that fall (Mann-Kendall's S): n(n−1)/2 for a row that only rises.
[[nodiscard]] inline int rising_pairs(std::span<const double> row) noexcept {
  int sum = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (std::size_t j = i + 1; j < row.size(); ++j) sum += static_cast<int>(row[j] > row[i]) - (row[j] < row[i]);
  }
  return sum;
}

/// The value at a part of the sorted values. They are reordered, and must be some.
[[nodiscard]] inline double quantile(std::vector<double>& values, double part) {
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(std::lround(part * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// The median of the slopes between all pairs (Theil-Sen); `at` rises, and there are two values at least.
[[nodiscard]] inline double median_slope(std::span<const double> at, std::span<const double> row) {
  std::vector<double> slopes;
  slopes.reserve(row.size() * (row.size() - 1) / 2);
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (std::size_t j = i + 1; j < row.size(); ++j) slopes.push_back((row[j] - row[i]) / (at[j] - at[i]));
  }
  return quantile(slopes, 0.5);
}

}  // namespace weir::watch
