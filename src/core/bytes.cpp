// Printing and reading byte counts; see weir/bytes.hpp. Integers throughout, so
// that what is written is read back exactly and no locale has a say.
#include <weir/bytes.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <optional>

#include <weir/errors.hpp>

namespace weir {

namespace {

constexpr std::array<std::string_view, 7> binary_units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
constexpr std::string_view unit_letters = "kmgtpe";

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

/// The bytes that a suffix stands for: "", "B", "k", "KiB", "kB" in any case.
std::optional<std::uint64_t> unit_bytes(std::string_view suffix) {
  if (suffix.empty() || (suffix.size() == 1 && lower(suffix[0]) == 'b')) return 1;
  const std::size_t power = unit_letters.find(lower(suffix[0]));
  if (power == std::string_view::npos) return std::nullopt;
  suffix.remove_prefix(1);
  const bool decimal = suffix.size() == 1 && lower(suffix[0]) == 'b';
  const bool binary = suffix.empty() || (lower(suffix[0]) == 'i' &&
                                         (suffix.size() == 1 || (suffix.size() == 2 && lower(suffix[1]) == 'b')));
  if (!decimal && !binary) return std::nullopt;
  std::uint64_t unit = 1;
  for (std::size_t i = 0; i <= power; ++i) unit *= decimal ? 1000 : 1024;
  return unit;
}

/// whole.fraction × unit, rounded down to bytes; nothing where it exceeds 64 bits.
std::optional<std::uint64_t> scale(std::string_view whole, std::string_view fraction, std::uint64_t unit) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t bytes = 0;
  for (const char c : whole) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (bytes > (most - digit) / 10) return std::nullopt;
    bytes = bytes * 10 + digit;
  }
  if (bytes > most / unit) return std::nullopt;
  bytes *= unit;
  // Digit by digit from the right: 9 × 1 EiB + 1 EiB still fits 64 bits.
  std::uint64_t part = 0;
  for (auto c = fraction.rbegin(); c != fraction.rend(); ++c) {
    part = (static_cast<std::uint64_t>(*c - '0') * unit + part) / 10;
  }
  if (part > most - bytes) return std::nullopt;
  return bytes + part;
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  std::size_t power = 0;
  while (power + 1 < binary_units.size() && bytes >> (10 * (power + 1)) != 0) ++power;
  if (power == 0) return std::to_string(bytes) + " B";

  std::uint64_t whole = bytes >> (10 * power);
  // The remainder in 1024ths, with ten more bits to round by, so that × 100 fits.
  const std::uint64_t rest = bytes & ((std::uint64_t{1} << (10 * power)) - 1);
  const std::uint64_t fine = power >= 2 ? rest >> (10 * (power - 2)) : rest << 10;
  std::uint64_t hundredths = (fine * 100 + (1U << 19)) >> 20;
  if (hundredths == 100) {
    hundredths = 0;
    ++whole;
  }
  if (whole == 1024 && power + 1 < binary_units.size()) {
    whole = 1;
    ++power;
  }
  std::string text = std::to_string(whole);
  text += '.';
  text += static_cast<char>('0' + hundredths / 10);
  text += static_cast<char>('0' + hundredths % 10);
  text += ' ';
  text += binary_units[power];
  return text;
}

std::uint64_t parse_bytes(std::string_view text) {
  std::string_view rest = trim(text);
  const std::string_view whole = take_digits(rest);
  std::string_view fraction;
  const bool dot = rest.starts_with('.');
  if (dot) {
    rest.remove_prefix(1);
    fraction = take_digits(rest);
  }
  const std::optional<std::uint64_t> unit = unit_bytes(trim(rest));
  const bool parts_of_bytes = dot && unit == std::uint64_t{1};
  std::optional<std::uint64_t> bytes;
  if (unit && !whole.empty() && dot == !fraction.empty() && !parts_of_bytes) {
    bytes = scale(whole, fraction, *unit);
  }
  if (!bytes) {
    throw InvalidArgument("'" + std::string(text.substr(0, 40)) +
                              "' is not a number of bytes below 16 EiB; write it like 4096, "
                              "24GiB, 1.5 GiB, 512k or 2GB (k, M, G, T, P, E and Ki, KiB ... are powers of 1024, "
                              "kB, MB ... of 1000)",
                          {.name = std::string(text)});
  }
  return *bytes;
}

}  // namespace weir
