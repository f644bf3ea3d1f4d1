// Reports for people are made of lines.
#pragma once

#include <iterator>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace weir::tool {

/// Appends one line.
template <class... Values>
void line(std::string& text, fmt::format_string<Values...> format, Values&&... values) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Values>(values)...);
  text += '\n';
}

}  // namespace weir::tool
