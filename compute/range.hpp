// A range that a setting is held to, and the error of a value that is not in it. Used by the settings of workloads.
#pragma once

#include <string>
#include <string_view>

namespace weir::compute {

/// From and to.
struct Range {
  double low = 0, high = 0;
};

/// As few digits as bring back the number: of a float, where it is one; a whole number below 1e15 without an exponent.
[[nodiscard]] std::string shortest(double value);

/// Throws InvalidArgument, which names the value and the range, for what is not in it; not a number is in none. "WHO:
/// the WHAT is 3 UNIT, and has to be from 1 to 2 UNIT": `unit` begins with a space, or is empty.
void require_range(std::string_view who, std::string_view what, std::string_view unit, double value, Range allowed);

}  // namespace weir::compute
