#include "workloads/lidar/files/printable.hpp"

#include <cstdint>

#include "files/characters.hpp"

namespace weir::lidar {
namespace {

bool is_control(std::string_view character) noexcept {
  const auto first = static_cast<std::uint8_t>(character.front());
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<std::uint8_t>(character[1]) < 0xa0;  // U+0080 to U+009F
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t bytes = files::character_bytes(text);
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
