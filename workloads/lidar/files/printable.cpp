#include "workloads/lidar/files/printable.hpp"

#include <cstdint>

namespace weir::lidar {
namespace {

/// Bytes of the character that `text` begins with, or 0 where that is no UTF-8. As the standard has it, surrogates
/// and longer forms than needed are none.
std::size_t character_bytes(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return 0;
  }
  const bool longer = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool none = (first == 0xed && byte(1) >= 0xa0) || (first == 0xf4 && byte(1) >= 0x90);
  return longer || none ? 0 : bytes;
}

bool is_control(std::string_view character) noexcept {
  const auto first = static_cast<std::uint8_t>(character.front());
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<std::uint8_t>(character[1]) < 0xa0;  // U+0080 to U+009F
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    const std::string_view character = text.substr(0, bytes == 0 ? 1 : bytes);
    text.remove_prefix(character.size());
    const bool plain = bytes != 0 && !is_control(character);
    if (shown.size() + (plain ? bytes : 1) > max_bytes) return shown + "...";
    shown += plain ? character : "?";
  }
  return shown;
}

std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }

}  // namespace weir::lidar
