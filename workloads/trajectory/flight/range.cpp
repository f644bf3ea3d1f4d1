#include "workloads/trajectory/flight/range.hpp"

#include <array>
#include <charconv>

#include <weir/errors.hpp>

namespace weir::trajectory {

std::string shortest(double value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

void require_range(std::string_view who, std::string_view what, std::string_view unit, double value, Range allowed) {
  if (value >= allowed.low && value <= allowed.high) return;
  std::string text(who);
  text.append(": the ").append(what).append(" is ").append(shortest(value)).append(unit);
  text.append(", and has to be from ").append(shortest(allowed.low)).append(" to ").append(shortest(allowed.high));
  throw InvalidArgument(text.append(unit), {.name = std::string(what)});
}

}  // namespace weir::trajectory
