// Median and quartiles of a few measurements, the only statistics that the benches report: they need
// no distribution, and one disturbed round does not move them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace bench {

struct Spread {
  double low = std::numeric_limits<double>::quiet_NaN();  ///< lower quartile
  double median = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();  ///< upper quartile
};

/// The value at `fraction` (0 … 1) of sorted, non-empty values, interpolated between neighbours.
inline double quantile(const std::vector<double>& sorted, double fraction) {
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

/// All NaN where there are no values; NaN values are left out.
inline Spread spread(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

}  // namespace bench
