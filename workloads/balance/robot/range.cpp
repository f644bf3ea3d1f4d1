#include "workloads/balance/robot/range.hpp"

#include <array>
#include <cstdio>
#include <string>

#include <weir/errors.hpp>

namespace weir::balance {
namespace {

std::string text_of(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.7g", number);
  return text.data();
}

}  // namespace

void require_range(const char* whose, const char* what, double value, double low, double high) {
  if (value >= low && value <= high) return;
  throw InvalidArgument(std::string(whose) + ": " + what + " is " + text_of(value) + "; it must be from " +
                            text_of(low) + " to " + text_of(high),
                        {.name = what});
}

}  // namespace weir::balance
