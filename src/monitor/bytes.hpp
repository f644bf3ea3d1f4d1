// Numbers as a recording has them: little-endian, and of variable length, seven bits a byte
// with the lowest first (LEB128); numbers with a sign are folded first, so that small ones
// of either sign are short. The reader never reads past its end and takes no number that is
// longer than it need be at most: whatever the bytes, it gives a number or fails.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace weir::monitor {

inline constexpr std::size_t max_varint_bytes = 10;

[[nodiscard]] constexpr std::uint64_t fold(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unfold(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}
/// How far it is from one number to another, modulo 2^64.
[[nodiscard]] constexpr std::uint64_t fold_step(std::uint64_t from, std::uint64_t to) noexcept {
  return fold(static_cast<std::int64_t>(to - from));
}

/// Writes at `to`, where there is space, and returns the end.
inline char* put_varint(char* to, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}
/// The same for numbers of which nobody knows how long the next one is: takes no branch by it, which would be guessed
/// wrong. Writes 8 bytes where there is space, and returns the end of the number.
inline char* put_mixed_varint(char* to, std::uint64_t value) noexcept {
  constexpr unsigned most_bits = 56;  // which come to 8 bytes
  if constexpr (std::endian::native != std::endian::little) return put_varint(to, value);
  if (value >> most_bits != 0) [[unlikely]]
    return put_varint(to, value);
  const auto bytes = (static_cast<unsigned>(std::bit_width(value | 1)) + 6) / 7;
  // Seven bits to a byte, by halves.
  std::uint64_t spread = value;
  spread = (spread & 0x0000'0000'0fff'ffff) | (spread & 0x00ff'ffff'f000'0000) << 4;
  spread = (spread & 0x0000'3fff'0000'3fff) | (spread & 0x0fff'c000'0fff'c000) << 2;
  spread = (spread & 0x007f'007f'007f'007f) | (spread & 0x3f80'3f80'3f80'3f80) << 1;
  spread |= 0x8080'8080'8080'8080 & ((std::uint64_t{1} << (8 * (bytes - 1))) - 1);
  std::memcpy(to, &spread, sizeof spread);
  return to + bytes;
}
template <class Number>
char* put_fixed(char* to, Number value) noexcept {
  for (std::size_t i = 0; i < sizeof(Number); ++i) *to++ = static_cast<char>(value >> (8 * i));
  return to;
}

class ByteReader {
 public:
  explicit ByteReader(std::span<const char> bytes) noexcept : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  /// False from the first number on that was not there.
  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] bool done() const noexcept { return at_ == end_; }
  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

  std::uint8_t byte() noexcept { return fixed<std::uint8_t>(); }
  template <class Number>
  Number fixed() noexcept {
    if (left() < sizeof(Number)) return fail();
    Number value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      value = static_cast<Number>(
          value | static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(*at_++)) << (8 * i)));
    }
    return value;
  }
  std::uint64_t varint() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return fail();
      const auto next = static_cast<unsigned char>(*at_++);
      const std::uint64_t bits = next & 0x7fU;
      if (shift == 63 && bits > 1) return fail();
      value |= bits << shift;
      if ((next & 0x80U) == 0) return value;
    }
    return fail();
  }
  /// At most `most`.
  std::uint64_t varint(std::uint64_t most) noexcept {
    const std::uint64_t value = varint();
    return value <= most ? value : fail();
  }
  std::string_view text(std::size_t bytes) noexcept {
    if (bytes > left()) {
      fail();
      return {};
    }
    const std::string_view value(at_, bytes);
    at_ += bytes;
    return value;
  }
  std::uint8_t fail() noexcept {
    good_ = false;
    at_ = end_;
    return 0;
  }

 private:
  const char* at_;
  const char* end_;
  bool good_ = true;
};

}  // namespace weir::monitor
