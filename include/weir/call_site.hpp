// Where a call was made, in one register: passed by default arguments to
// functions whose hot path must not pay for it. Made by the compiler at the
// call; read only in reports.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

/// A file name and line. The name's address takes the lower 48 bits, the line the upper 16.
class CallSite {
 public:
  constexpr CallSite() = default;
  [[nodiscard]] static CallSite here(const char* file = __builtin_FILE(),
                                     std::uint32_t line = __builtin_LINE()) noexcept {
    return CallSite((reinterpret_cast<std::uintptr_t>(file) & file_mask) | (std::uint64_t{line} << line_shift));
  }

  [[nodiscard]] const char* file() const noexcept {
    return reinterpret_cast<const char*>(packed_ & file_mask);  // NOLINT(performance-no-int-to-ptr)
  }
  /// Lines past 65535 wrap.
  [[nodiscard]] std::uint32_t line() const noexcept { return static_cast<std::uint32_t>(packed_ >> line_shift); }
  /// "file:line", or an empty string for no call site.
  [[nodiscard]] std::string text() const {
    return packed_ == 0 ? "" : std::string(file()) + ":" + std::to_string(line());
  }

 private:
  static constexpr unsigned line_shift = 48;
  static constexpr std::uint64_t file_mask = (std::uint64_t{1} << line_shift) - 1;
  constexpr explicit CallSite(std::uint64_t packed) noexcept : packed_(packed) {}
  std::uint64_t packed_ = 0;
};

}  // namespace weir
