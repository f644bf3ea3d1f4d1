#include "morton.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "box.hpp"
#include "by_threads.hpp"

namespace weir::lidar {
namespace {

constexpr unsigned digit_bits = 12;
constexpr std::size_t digits = std::size_t{1} << digit_bits;
using Places = std::array<std::uint32_t, digits>;

/// The low 21 bits, two apart.
std::uint64_t spread(std::uint64_t bits) noexcept {
  bits &= 0x1fffff;
  bits = (bits | bits << 32) & 0x1f00000000ffff;
  bits = (bits | bits << 16) & 0x1f0000ff0000ff;
  bits = (bits | bits << 8) & 0x100f00f00f00f00f;
  bits = (bits | bits << 4) & 0x10c30c30c30c30c3;
  bits = (bits | bits << 2) & 0x1249249249249249;
  return bits;
}

Box box_of(std::span<const Point> points, std::size_t threads) {
  std::vector<Box> parts(threads);
  in_ranges(static_cast<std::uint32_t>(points.size()), threads,
            [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
              Box box;  // the thread's own, as its neighbours in `parts` share cache lines
              for (std::uint32_t i = first; i < last; ++i) box.add(points[i].x, points[i].y, points[i].z);
              parts[part] = box;
            });
  for (const Box& part : parts) parts.front().add(part);
  return parts.front();
}

/// Codes of all points, and the points' numbers beside them; gives the number of bits they have.
unsigned encode(std::span<const Point> points, std::size_t threads, const TreeMemory& memory) {
  const Box box = box_of(points, threads);
  std::uint32_t extent = 1;
  for (int axis = 0; axis < 3; ++axis) {
    extent = std::max(extent, static_cast<std::uint32_t>(box.high[axis]) - static_cast<std::uint32_t>(box.low[axis]));
  }
  constexpr int most_bits = 16;  // an axis: finer cells than 1/65536 of the chunk seldom help
  const int bits = static_cast<int>(std::bit_width(extent));
  const int shift = std::max(0, bits - most_bits);
  const auto cell = [&](std::int32_t at, std::int32_t low) {
    return spread((static_cast<std::uint32_t>(at) - static_cast<std::uint32_t>(low)) >> shift);
  };
  in_ranges(
      static_cast<std::uint32_t>(points.size()), threads, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
        for (std::uint32_t i = first; i < last; ++i) {
          memory.codes[i] =
              cell(points[i].x, box.low[0]) | cell(points[i].y, box.low[1]) << 1 | cell(points[i].z, box.low[2]) << 2;
          memory.input[i] = i;
        }
      });
  return static_cast<unsigned>(3 * (bits - shift));
}

/// From how often each part has each digit to where its first goes: lower digits first, and of one digit lower parts.
void place(std::vector<Places>& parts) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t digit = 0; digit < digits; ++digit) {
    for (Places& part : parts) sum += std::exchange(part[digit], sum);
  }
}

/// Sorts codes and the inputs beside them, stably, by digits from the lowest; both end in `codes`, `input`.
void sort(std::uint32_t count, unsigned bits, std::size_t threads, const TreeMemory& memory) {
  std::uint64_t *from = memory.codes, *to = memory.codes_before;
  std::uint32_t *input_from = memory.input, *input_to = memory.input_before;
  std::vector<Places> places(threads);
  for (unsigned shift = 0; shift < bits; shift += digit_bits) {
    in_ranges(count, threads, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
      Places& own = places[part];
      own.fill(0);
      for (std::uint32_t i = first; i < last; ++i) ++own[from[i] >> shift & (digits - 1)];
    });
    place(places);
    in_ranges(count, threads, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
      Places& own = places[part];
      for (std::uint32_t i = first; i < last; ++i) {
        const std::uint32_t at = own[from[i] >> shift & (digits - 1)]++;
        to[at] = from[i];
        input_to[at] = input_from[i];
      }
    });
    std::swap(from, to);
    std::swap(input_from, input_to);
  }
  if (from == memory.codes) return;
  in_ranges(count, threads, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
    std::copy(from + first, from + last, memory.codes + first);
    std::copy(input_from + first, input_from + last, memory.input + first);
  });
}

}  // namespace

void order_points(std::span<const Point> points, std::size_t threads, const TreeMemory& memory) {
  const unsigned bits = encode(points, threads, memory);
  sort(static_cast<std::uint32_t>(points.size()), bits, threads, memory);
}

}  // namespace weir::lidar
