// The whole sort of the codes at once, by twelve bits a pass, on the calling thread: what all passes of the plan give
// on the side that they begin and end on. Included by loops.hpp.
inline void sort_codes(const Buffers& buffers, uint count) {
  constexpr uint digits = 4, digit_bits = 12, digit_values = 1U << digit_bits;
  static_assert(digit_bits * digits == 8 * digits_of_word);
  using Pair = std::uint64_t __attribute__((may_alias));  // of a code's words
  const auto digit_of = [](std::uint64_t code, uint digit) {
    return static_cast<uint>(code >> (digit < 2 ? digit_bits * digit : 32 + digit_bits * (digit - 2))) &
           (digit_values - 1);
  };
  static thread_local uint places[digits][digit_values];
  __builtin_memset(places, 0, sizeof(places));
  const auto* const codes = reinterpret_cast<const Pair*>(buffers.codes);
  for (uint i = 0; i < count; ++i) {
    for (uint digit = 0; digit < digits; ++digit) ++places[digit][digit_of(codes[i], digit)];
  }
  for (uint digit = 0; digit < digits; ++digit) {
    uint before = 0;
    for (uint value = 0; value < digit_values; ++value) {
      const uint found = places[digit][value];
      places[digit][value] = before;
      before += found;
    }
    const uint from = digit % 2 * count, to = count - from;
    const auto* const old_codes = reinterpret_cast<const Pair*>(buffers.codes) + from;
    auto* const new_codes = reinterpret_cast<Pair*>(buffers.codes) + to;
    for (uint i = 0; i < count; ++i) {
      const uint place = places[digit][digit_of(old_codes[i], digit)]++;
      new_codes[place] = old_codes[i];
      buffers.order[to + place] = buffers.order[from + i];
    }
  }
}
