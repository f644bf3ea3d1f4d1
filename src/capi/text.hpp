// A text of bounded length that ends with a zero byte, as C takes it. Allocates
// nothing and needs no destructor, so it works while memory is short and at exit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace weir::capi {

template <std::size_t Size>
class Text {
 public:
  /// Cut where it is too long, before a character that would not be whole (UTF-8).
  void set(std::string_view text) noexcept {
    std::size_t length = std::min(text.size(), Size - 1);
    while (length < text.size() && length > 0 && is_continuation(text[length])) --length;
    std::copy_n(text.data(), length, characters_);
    characters_[length] = '\0';
  }
  [[nodiscard]] const char* data() const noexcept { return characters_; }

 private:
  static bool is_continuation(char byte) noexcept { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }
  char characters_[Size];  // left as it is: set() comes first
};

}  // namespace weir::capi
