// Numbers for machines to read: the shortest text that gives the same number again, whatever the locale.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace weir::monitor {

/// As Prometheus has it; JSON has no word for what is infinite or no number.
[[nodiscard]] inline std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

}  // namespace weir::monitor
