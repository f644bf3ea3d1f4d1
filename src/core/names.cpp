#include "core/names.hpp"

#include <weir/errors.hpp>

namespace weir::core {
namespace {

constexpr std::size_t longest_print = 80;

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

void check_name(std::string_view kind, std::string_view name, std::size_t most) {
  const auto refuse = [&](const std::string& why) {
    throw InvalidArgument("the " + std::string(kind) + " name \"" + printable(name) + "\" " + why,
                          {.name = printable(name)});
  };
  if (name.empty()) refuse("is empty; a name has 1 to " + std::to_string(most) + " bytes");
  if (name.size() > most) {
    refuse("has " + std::to_string(name.size()) + " bytes; a name has at most " + std::to_string(most));
  }
  for (std::string_view rest = name; !rest.empty();) {
    const std::size_t length = character(rest);
    if (length == 0) refuse("is not UTF-8");
    if (is_control(rest, length)) refuse("has a control character");
    rest.remove_prefix(length);
  }
}

}  // namespace weir::core
