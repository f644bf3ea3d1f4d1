// A pattern that tells one block's bytes from every other's: filled in whole,
// checked in whole. For devices whose memory the host can touch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir::contract {

/// The 8 bytes at `index` of the pattern of `seed`.
[[nodiscard]] inline std::uint64_t pattern_word(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t word = seed * 0x9e3779b97f4a7c15u + index * 0xd1b54a32d192ed03u;
  word ^= word >> 29;
  return word * 0xbf58476d1ce4e5b9u;
}

/// Writes every byte of the block.
inline void fill_pattern(void* block, std::size_t bytes, std::uint64_t seed) {
  auto* to = static_cast<unsigned char*>(block);
  const std::size_t words = bytes / 8;
  for (std::size_t i = 0; i < words; ++i) {
    const std::uint64_t word = pattern_word(seed, i);
    std::memcpy(to + 8 * i, &word, 8);
  }
  if (bytes % 8 == 0) return;
  const std::uint64_t last = pattern_word(seed, words);
  std::memcpy(to + 8 * words, &last, bytes % 8);
}

/// Reads every byte of the block.
[[nodiscard]] inline bool has_pattern(const void* block, std::size_t bytes, std::uint64_t seed) {
  const auto* from = static_cast<const unsigned char*>(block);
  const std::size_t words = bytes / 8;
  for (std::size_t i = 0; i < words; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + 8 * i, 8);
    if (word != pattern_word(seed, i)) return false;
  }
  if (bytes % 8 == 0) return true;
  const std::uint64_t last = pattern_word(seed, words);
  return std::memcmp(from + 8 * words, &last, bytes % 8) == 0;
}

}  // namespace weir::contract
