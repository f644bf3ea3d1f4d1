// By how much the events of late devices are late: what WEIR_LATE says, else what a GPU's
// are at least.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace weir {

/// "5ms", "50us" or "5us"; throws std::invalid_argument for other texts.
[[nodiscard]] inline std::chrono::nanoseconds lateness_of(const std::string& text) {
  std::size_t digits = 0;
  const auto number = static_cast<std::int64_t>(std::stoul(text, &digits));
  const std::string unit = text.substr(digits);
  if (unit == "us") return std::chrono::microseconds(number);
  if (unit == "ms") return std::chrono::milliseconds(number);
  throw std::invalid_argument("WEIR_LATE=" + text + ": write a number and us or ms, as 5ms");
}

[[nodiscard]] inline std::chrono::nanoseconds lateness_asked() {
  constexpr std::chrono::microseconds a_real_event{5};  // of an idle GPU, from its record to a query that says so
  const char* text = std::getenv("WEIR_LATE");
  return text == nullptr || *text == '\0' ? a_real_event : lateness_of(text);
}

}  // namespace weir
