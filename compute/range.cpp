#include "compute/range.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <weir/errors.hpp>

namespace weir::compute {

std::string shortest(double value) {
  std::array<char, 32> digits{};  // enough for any
  char* const end = digits.data() + digits.size();
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return {digits.data(), std::to_chars(digits.data(), end, value, std::chars_format::fixed).ptr};
  }
  const bool fits = std::abs(value) <= double{std::numeric_limits<float>::max()};
  const float single = fits ? static_cast<float>(value) : 0;
  const bool is_float = fits && double{single} == value;
  return {digits.data(),
          (is_float ? std::to_chars(digits.data(), end, single) : std::to_chars(digits.data(), end, value)).ptr};
}

void require_range(std::string_view who, std::string_view what, std::string_view unit, double value, Range allowed) {
  if (value >= allowed.low && value <= allowed.high) return;
  std::string text(who);
  text.append(": the ").append(what).append(" is ").append(shortest(value)).append(unit);
  text.append(", and has to be from ").append(shortest(allowed.low)).append(" to ").append(shortest(allowed.high));
  throw InvalidArgument(text.append(unit), {.name = std::string(what)});
}

}  // namespace weir::compute
