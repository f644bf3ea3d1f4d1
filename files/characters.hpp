// Characters of UTF-8 in text that may be none. Used by whatever shows text of files, or writes it to a format that
// takes UTF-8 only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::files {

/// Bytes of the character that `text` begins with, or 0 where that is no UTF-8. As the standard has it, surrogates and
/// longer forms than needed are none. `text` is not empty.
[[nodiscard]] inline std::size_t character_bytes(std::string_view text) noexcept {
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

[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace weir::files
