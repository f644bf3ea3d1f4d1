// Codes of sixteen nodes side by side, and the whole sort by them at once, on the calling thread: what all passes of
// the plan give on the side that they begin and end on. Included by loops.hpp.

/// Hilbert's curve for many cells at a time.
namespace wide {
using uint = std::uint32_t __attribute__((vector_size(4 * lanes)));
#include "workloads/graph/forces/curve_steps.hpp"
}  // namespace wide

inline void make_codes(Bodies bodies, Share share) {
  uint i = share.first;
  for (; i + lanes <= share.last; i += lanes) {
    uint cells[3][lanes], codes[2][lanes];
    for (uint l = 0; l < lanes; ++l) {
      const Cell cell = bodies.cell_at(i + l);
      cells[0][l] = cell.x;
      cells[1][l] = cell.y;
      cells[2][l] = cell.z;
    }
    wide::Cell all;
    __builtin_memcpy(&all, cells, sizeof(all));
    const wide::Code code = bodies.dimensions == 3 ? wide::curve_in_space(all) : wide::curve_in_plane(all);
    __builtin_memcpy(codes, &code, sizeof(code));
    for (uint l = 0; l < lanes; ++l) bodies.put_code(i + l, codes[0][l], codes[1][l]);
  }
  for (; i < share.last; ++i) bodies.make_code(i);
}

/// By so many bits a pass, and so many passes; an even number of them.
template <uint digit_bits, uint digits>
void sort_by_digits(const Buffers& buffers, uint count) {
  static_assert(digits % 2 == 0);
  constexpr uint values = 1U << digit_bits;
  using Code64 = std::uint64_t __attribute__((may_alias));  // a code's two words
  const auto digit_of = [](std::uint64_t code, uint digit) {
    return static_cast<uint>(code >> (digit_bits * digit)) & (values - 1);
  };
  uint places[digits][values] = {};
  const auto* const codes = reinterpret_cast<const Code64*>(buffers.codes);
  for (uint i = 0; i < count; ++i) {
    for (uint digit = 0; digit < digits; ++digit) ++places[digit][digit_of(codes[i], digit)];
  }
  for (uint digit = 0; digit < digits; ++digit) {
    uint before = 0;
    for (uint value = 0; value < values; ++value) {
      const uint found = places[digit][value];
      places[digit][value] = before;
      before += found;
    }
    const uint from = digit % 2 * count, to = count - from;
    const auto* const old_codes = reinterpret_cast<const Code64*>(buffers.codes) + from;
    auto* const new_codes = reinterpret_cast<Code64*>(buffers.codes) + to;
    for (uint i = 0; i < count; ++i) {
      const uint place = places[digit][digit_of(old_codes[i], digit)]++;
      new_codes[place] = old_codes[i];
      buffers.order[to + place] = buffers.order[from + i];
    }
  }
}

inline void sort_codes(const Buffers& buffers, const Parameters& told) {
  static_assert(2 * code_bits_2d <= 4 * 12 && 3 * code_bits_3d <= 6 * 11);
  if (told.dimensions == 3) return sort_by_digits<11, 6>(buffers, told.count);
  sort_by_digits<12, 4>(buffers, told.count);
}
