// Byte counts: literals to write them and two functions to read and print them.
// Used by every program that sets a limit; all units are binary (1 KiB = 1024 B).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

inline namespace literals {
consteval std::uint64_t operator""_B(unsigned long long n) { return n; }
consteval std::uint64_t operator""_KiB(unsigned long long n) { return n << 10; }
consteval std::uint64_t operator""_MiB(unsigned long long n) { return n << 20; }
consteval std::uint64_t operator""_GiB(unsigned long long n) { return n << 30; }
consteval std::uint64_t operator""_TiB(unsigned long long n) { return n << 40; }
}  // namespace literals

/// Bytes in the largest unit that keeps the number at 1 or more, e.g. "1.50 GiB", "512 B".
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

/// Reads "4096", "24GiB", "1.5 GiB", "512k", "2GB" (decimal units where the `i` is absent and a
/// `B` follows, binary otherwise). Throws InvalidArgument that names the text and the accepted forms.
[[nodiscard]] std::uint64_t parse_bytes(std::string_view text);

}  // namespace weir
