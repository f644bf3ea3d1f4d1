#include "manager/names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

#include <weir/errors.hpp>

namespace weir::manager {
namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_print = 80;
constexpr std::size_t most_suggestions = 3;

// The length of the UTF-8 character at the front, 0 if there is none. Overlong forms, surrogates and values
// past U+10FFFF are none (RFC 3629).
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool beyond = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return overlong || beyond ? 0 : length;
}

bool is_control(std::string_view text, std::size_t length) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (length == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;  // U+0080 to U+009F
}

// Levenshtein's distance, with one row. `other` is a name.
std::size_t distance(std::string_view one, std::string_view other) {
  std::array<std::size_t, longest_name + 1> row{};
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row[other.size()];
}

}  // namespace

std::string printable(std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  while (!name.empty() && text.size() < longest_print) {
    const std::size_t length = character(name);
    if (length != 0 && !is_control(name, length)) {
      text += name.substr(0, length);
      name.remove_prefix(length);
      continue;
    }
    const auto byte = static_cast<unsigned char>(name[0]);
    text += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    name.remove_prefix(1);
  }
  return name.empty() ? text : text + "…";
}

void check_name(std::string_view name) {
  const auto refuse = [&](const std::string& why) {
    throw InvalidArgument("the buffer name \"" + printable(name) + "\" " + why, {.name = printable(name)});
  };
  if (name.empty()) refuse("is empty; a name has 1 to 255 bytes");
  if (name.size() > longest_name) refuse("has " + std::to_string(name.size()) + " bytes, of at most 255");
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t length = character(rest);
    if (length == 0) refuse("is not UTF-8");
    if (is_control(rest, length)) refuse("has a control character");
    rest.remove_prefix(length);
  }
}

std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names) {
  if (name.size() > longest_name) return {};
  const std::size_t far = std::max<std::size_t>(2, name.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& each : names) {
    if (const std::size_t steps = distance(name, each); steps <= far) near.emplace_back(steps, each);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> found;
  for (std::size_t i = 0; i < std::min(near.size(), most_suggestions); ++i) found.push_back(near[i].second);
  return found;
}

}  // namespace weir::manager
