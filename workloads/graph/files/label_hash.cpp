#include "workloads/graph/files/label_hash.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <random>

namespace weir::graph {
namespace {

using State = std::array<std::uint64_t, 4>;

void mix(State& v, int rounds) noexcept {
  for (int i = 0; i < rounds; ++i) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] = std::rotl(v[2], 32);
  }
}

/// The first bytes, up to eight, the first one lowest.
std::uint64_t word_of(std::string_view text) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < text.size() && i < 8; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  }
  return word;
}

}  // namespace

const HashKey& key_of_process() {
  static const HashKey key = [] {
    std::random_device draw;
    const auto word = [&] { return std::uint64_t{draw()} << 32U | draw(); };
    return HashKey{word(), word()};
  }();
  return key;
}

std::uint64_t label_hash(std::string_view label, const HashKey& key) noexcept {
  State v{key.low ^ 0x736f6d6570736575U, key.high ^ 0x646f72616e646f6dU, key.low ^ 0x6c7967656e657261U,
          key.high ^ 0x7465646279746573U};
  const auto take = [&](std::uint64_t word) {
    v[3] ^= word;
    mix(v, 2);
    v[0] ^= word;
  };
  const std::uint64_t length = label.size();
  for (; label.size() >= 8; label.remove_prefix(8)) take(word_of(label));
  take(length << 56U | word_of(label));
  v[2] ^= 0xff;
  mix(v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace weir::graph
