// A range that a value is held to, and the error of one that is not in it. Used by all settings of the workload.
#pragma once

#include <string>
#include <string_view>

namespace weir::trajectory {

/// From and to.
struct Range {
  double low = 0, high = 0;
};

/// As few digits as tell it from every other number.
[[nodiscard]] std::string shortest(double value);

/// Throws InvalidArgument, which names the value and the range, for what is not in it; not a number is in none.
void require_range(std::string_view who, std::string_view what, std::string_view unit, double value, Range allowed);

}  // namespace weir::trajectory
