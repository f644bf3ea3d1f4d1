#include "morton.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "box.hpp"

namespace weir::lidar {
namespace {

constexpr unsigned axis_bits = 16;    // finer cells than 1/65536 of the chunk seldom help
constexpr unsigned bucket_bits = 12;  // of the code's highest: some thousand points a bucket, which a cache holds
constexpr unsigned digit_bits = 8;
constexpr std::size_t all_buckets = std::size_t{1} << bucket_bits;
using Places = std::array<std::uint32_t, all_buckets>;

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

Box box_of(std::span<const Point> points, Team& team) {
  std::vector<Box> parts(team.size());
  team.in_ranges(static_cast<std::uint32_t>(points.size()),
                 [&](std::size_t self, std::uint32_t first, std::uint32_t last) {
                   Box box;  // the thread's own, as its neighbours in `parts` share cache lines
                   for (std::uint32_t i = first; i < last; ++i) box.add(points[i].x, points[i].y, points[i].z);
                   parts[self] = box;
                 });
  for (const Box& part : parts) parts.front().add(part);
  return parts.front();
}

/// The codes of points in a box, and words that sort as they do: of one bucket, what is left of a code, and after it
/// the point's number. Many points have coarser cells, so that both fit.
class Coder {
 public:
  Coder(const Box& box, std::size_t points)
      : box_(box), number_bits_(width(points - std::min<std::size_t>(points, 1))) {
    std::uint32_t extent = 1;
    for (int axis = 0; axis < 3; ++axis) extent = std::max(extent, from_low(box.high[axis], axis));
    const unsigned most = std::min(axis_bits, (word_bits - number_bits_ + bucket_bits) / 3);
    shift_ = width(extent) - std::min(width(extent), most);
    const unsigned bits = 3 * (width(extent) - shift_);
    low_bits_ = bits - std::min(bits, bucket_bits);
  }

  [[nodiscard]] std::uint64_t code(const Point& point) const noexcept {
    return spread(from_low(point.x, 0) >> shift_) | spread(from_low(point.y, 1) >> shift_) << 1 |
           spread(from_low(point.z, 2) >> shift_) << 2;
  }
  [[nodiscard]] std::size_t bucket(std::uint64_t code) const noexcept { return code >> low_bits_; }
  [[nodiscard]] std::uint64_t word(std::uint64_t code, std::uint32_t number) const noexcept {
    return (code & mask(low_bits_)) << number_bits_ | number;
  }
  [[nodiscard]] std::uint64_t code(std::size_t bucket, std::uint64_t word) const noexcept {
    return std::uint64_t{bucket} << low_bits_ | word >> number_bits_;
  }
  [[nodiscard]] std::uint32_t number(std::uint64_t word) const noexcept {
    return static_cast<std::uint32_t>(word & mask(number_bits_));
  }
  /// Where the code begins in a word, and how long it is.
  [[nodiscard]] unsigned number_bits() const noexcept { return number_bits_; }
  [[nodiscard]] unsigned low_bits() const noexcept { return low_bits_; }

 private:
  static constexpr unsigned word_bits = 64;
  static constexpr unsigned width(std::uint64_t value) noexcept { return static_cast<unsigned>(std::bit_width(value)); }
  static constexpr std::uint64_t mask(unsigned bits) noexcept { return (std::uint64_t{1} << bits) - 1; }
  [[nodiscard]] std::uint32_t from_low(std::int32_t at, int axis) const noexcept {
    return static_cast<std::uint32_t>(at) - static_cast<std::uint32_t>(box_.low[axis]);
  }

  Box box_;
  unsigned number_bits_ = 0, shift_ = 0, low_bits_ = 0;
};

/// Points whose codes agree but in some low bits; queries come first.
struct Bucket {
  std::size_t number;  // the codes' highest digit
  std::uint32_t first, last;
  std::uint32_t rank, queries;  // the queries before it, and its own
  unsigned bits;                // its words agree but in so many low ones
};

/// Brings a bucket's points into smaller ones by a digit, stably: each thread has a range of the queries and one of the
/// others. `put(i, at)` brings a point to its place.
template <class DigitOf, class Put>
std::vector<Bucket> distribute(const Bucket& whole, Team& team, const DigitOf& digit_of, const Put& put) {
  const std::size_t threads = team.size();
  std::vector<Places> places(2 * threads);  // how often a range has each digit, then where its first goes
  const auto visit = [&](std::size_t self, const auto& each) {
    const auto part = [&](std::size_t from, std::size_t count, Places& own) {
      const std::size_t end = from + count * (self + 1) / threads;
      for (std::size_t i = from + count * self / threads; i < end; ++i) each(static_cast<std::uint32_t>(i), own);
    };
    part(whole.first, whole.queries, places[self]);
    part(whole.first + whole.queries, whole.last - whole.first - whole.queries, places[threads + self]);
  };
  team.each([&](std::size_t self) { visit(self, [&](std::uint32_t i, Places& own) { ++own[digit_of(i)]; }); });
  std::vector<Bucket> found;
  Bucket next = whole;
  next.last = whole.first;
  next.queries = 0;
  for (std::size_t digit = 0; digit < all_buckets; ++digit) {
    next.first = next.last;
    next.rank += std::exchange(next.queries, 0);
    for (std::size_t range = 0; range < places.size(); ++range) {
      const std::uint32_t count = std::exchange(places[range][digit], next.last);
      next.last += count;
      if (range < threads) next.queries += count;
    }
    next.number = digit;
    if (next.last != next.first) found.push_back(next);
  }
  team.each([&](std::size_t self) { visit(self, [&](std::uint32_t i, Places& own) { put(i, own[digit_of(i)]++); }); });
  return found;
}

void sort_few(const std::uint64_t* from, std::uint64_t* to, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t at = i;
    for (; at > 0 && to[at - 1] > from[i]; --at) to[at] = to[at - 1];
    to[at] = from[i];
  }
}

/// Sorts words that agree but in their lowest `bits` and are in order where only the lowest `number_bits` differ; what
/// was in `from` is in `to` then, and `from` holds nothing. Two digits at a time bring all but few words into place,
/// and bits run out where words crowd, so the time grows with their count alone.
void sort(std::uint64_t* from, std::uint64_t* to, std::size_t count, unsigned bits, unsigned number_bits) noexcept {
  constexpr std::size_t few = 24, values = std::size_t{1} << digit_bits;
  if (count <= few) {
    sort_few(from, to, count);
    return;
  }
  if (bits <= number_bits) {
    std::copy_n(from, count, to);
    return;
  }
  const unsigned high = bits - std::min(bits, digit_bits), low = high - std::min(high, digit_bits);
  std::uint32_t low_places[values] = {}, high_places[values] = {};
  const auto low_digit = [&](std::uint64_t word) { return word >> low & (values - 1); };
  const auto high_digit = [&](std::uint64_t word) { return word >> high & (values - 1); };
  for (std::size_t i = 0; i < count; ++i) {
    ++low_places[low_digit(from[i])];
    ++high_places[high_digit(from[i])];
  }
  std::uint32_t low_sum = 0, high_sum = 0;
  for (std::size_t value = 0; value < values; ++value) {
    low_sum += std::exchange(low_places[value], low_sum);
    high_sum += std::exchange(high_places[value], high_sum);
  }
  for (std::size_t i = 0; i < count; ++i) to[low_places[low_digit(from[i])]++] = from[i];
  for (std::size_t i = 0; i < count; ++i) from[high_places[high_digit(to[i])]++] = to[i];
  for (std::size_t first = 0, last = 1; first < count; first = last++) {
    while (last < count && from[last] >> low == from[first] >> low) ++last;
    sort(from + first, to + first, last - first, low, number_bits);
  }
}

/// Brings the points' words into buckets: by the codes' highest digit, and those that are crowded by the next ones,
/// so that all threads sort where most points are in one place.
std::vector<Bucket> bring_into_buckets(std::span<const Point> points, std::uint32_t queries, const Coder& coder,
                                       Team& team, const TreeMemory& memory) {
  constexpr std::uint32_t crowded = 32'768;
  const auto count = static_cast<std::uint32_t>(points.size());
  team.in_ranges(count, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t i = first; i < last; ++i) memory.codes[i] = coder.code(points[i]);
  });
  const Bucket all{.number = 0,
                   .first = 0,
                   .last = count,
                   .rank = 0,
                   .queries = queries,
                   .bits = coder.low_bits() + coder.number_bits()};
  std::vector<Bucket> buckets = distribute(
      all, team, [&](std::uint32_t i) { return coder.bucket(memory.codes[i]); },
      [&](std::uint32_t i, std::uint32_t at) { memory.words[at] = coder.word(memory.codes[i], i); });
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    while (buckets[i].last - buckets[i].first > crowded && buckets[i].bits > coder.number_bits()) {
      Bucket whole = buckets[i];
      whole.bits = std::max(coder.number_bits(), whole.bits - std::min(whole.bits, bucket_bits));
      std::vector<Bucket> smaller = distribute(
          whole, team, [&](std::uint32_t p) { return memory.words[p] >> whole.bits & (all_buckets - 1); },
          [&](std::uint32_t p, std::uint32_t at) { memory.codes[at] = memory.words[p]; });
      for (Bucket& each : smaller) each.number = whole.number;
      team.in_ranges(whole.last - whole.first, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
        std::copy(memory.codes + whole.first + first, memory.codes + whole.first + last,
                  memory.words + whole.first + first);
      });
      buckets[i] = smaller.front();
      buckets.insert(buckets.end(), smaller.begin() + 1, smaller.end());
    }
  }
  return buckets;
}

}  // namespace

void order_points(std::span<const Point> points, std::size_t queries, Team& team, const TreeMemory& memory) {
  const Coder coder(box_of(points, team), points.size());
  const auto known = static_cast<std::uint32_t>(queries);
  const std::vector<Bucket> buckets = bring_into_buckets(points, known, coder, team, memory);
  team.in_turn(buckets.size(), [&](std::size_t, std::size_t i) {
    const Bucket& bucket = buckets[i];
    sort(memory.words + bucket.first, memory.codes + bucket.first, bucket.last - bucket.first, bucket.bits,
         coder.number_bits());
    std::uint32_t rank = bucket.rank;
    for (std::uint32_t at = bucket.first; at < bucket.last; ++at) {
      const std::uint64_t word = memory.codes[at];
      const std::uint32_t input = coder.number(word);
      const Point& point = points[input];
      memory.codes[at] = coder.code(bucket.number, word);
      memory.input[at] = input;
      memory.x[at] = point.x;
      memory.y[at] = point.y;
      memory.z[at] = point.z;
      memory.id[at] = point.id;
      memory.rank[at] = rank;
      if (input < known) ++rank;
    }
  });
  memory.rank[points.size()] = known;
}

}  // namespace weir::lidar
