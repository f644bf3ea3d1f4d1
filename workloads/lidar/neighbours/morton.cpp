#include "workloads/lidar/neighbours/morton.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "workloads/lidar/neighbours/box.hpp"

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

template <class Coordinate>
std::make_unsigned_t<Coordinate> from_low(const Box<Coordinate>& box, Coordinate at, int axis) noexcept {
  using Unsigned = std::make_unsigned_t<Coordinate>;
  return static_cast<Unsigned>(at) - static_cast<Unsigned>(box.low[axis]);
}

template <class Coordinate>
Box<Coordinate> box_of(std::span<const BasicPoint<Coordinate>> points, compute::Team& team) {
  std::vector<Box<Coordinate>> parts(team.size());
  team.in_ranges(static_cast<std::uint32_t>(points.size()),
                 [&](std::size_t self, std::uint32_t first, std::uint32_t last) {
                   Box<Coordinate> box;  // the thread's own, as its neighbours in `parts` share cache lines
                   for (std::uint32_t i = first; i < last; ++i) box.add(points[i].x, points[i].y, points[i].z);
                   parts[self] = box;
                 });
  for (const Box<Coordinate>& part : parts) parts.front().add(part);
  return parts.front();
}

/// Points whose places agree but in some low bits of each coordinate's distance from the chunk's low corner; in the
/// order they came in, so queries come first.
struct SortedRun {
  std::uint32_t first, last;
  std::uint32_t rank, queries;  // the queries before it, and its own
  unsigned bits;                // of an axis, that may differ
};

/// The codes of a run's points, and words that sort as they do: what is left of a code without its bucket, and after it
/// the point's number. Many points have coarser cells, so that both fit.
template <class Coordinate>
class Coder {
 public:
  using Unsigned = std::make_unsigned_t<Coordinate>;

  /// Codes of a run without buckets are shorter, as all of them has to fit.
  Coder(const Box<Coordinate>& box, unsigned bits, unsigned number_bits, bool buckets)
      : box_(box), number_bits_(number_bits) {
    const unsigned digit = buckets ? bucket_bits : 0;
    const unsigned taken = std::min({bits, axis_bits, (word_bits - number_bits + digit) / 3});
    shift_ = bits - taken;
    mask_ = static_cast<Unsigned>(mask(bits));
    low_bits_ = 3 * taken - std::min(3 * taken, digit);
  }

  [[nodiscard]] std::uint64_t code(const BasicPoint<Coordinate>& point) const noexcept {
    return cell(point.x, 0) | cell(point.y, 1) << 1 | cell(point.z, 2) << 2;
  }
  [[nodiscard]] std::size_t bucket(std::uint64_t code) const noexcept { return code >> low_bits_; }
  [[nodiscard]] std::uint64_t word(std::uint64_t code, std::uint32_t number) const noexcept {
    return (code & mask(low_bits_)) << number_bits_ | number;
  }
  [[nodiscard]] std::uint32_t number(std::uint64_t word) const noexcept {
    return static_cast<std::uint32_t>(word & mask(number_bits_));
  }
  /// Whether words of one bucket are of one cell.
  [[nodiscard]] bool same_cell(std::uint64_t one, std::uint64_t other) const noexcept {
    return one >> number_bits_ == other >> number_bits_;
  }
  /// The bits of an axis that may differ within a cell.
  [[nodiscard]] unsigned shift() const noexcept { return shift_; }
  /// The bits of words that may differ within a bucket, and those of them that are the number.
  [[nodiscard]] unsigned word_length() const noexcept { return low_bits_ + number_bits_; }
  [[nodiscard]] unsigned number_bits() const noexcept { return number_bits_; }

 private:
  static constexpr unsigned word_bits = 64;
  static constexpr std::uint64_t mask(unsigned bits) noexcept { return (std::uint64_t{1} << bits) - 1; }
  [[nodiscard]] std::uint64_t cell(Coordinate at, int axis) const noexcept {
    return spread((from_low(box_, at, axis) & mask_) >> shift_);
  }

  Box<Coordinate> box_;
  Unsigned mask_ = 0;
  unsigned number_bits_ = 0, shift_ = 0, low_bits_ = 0;
};

/// Points of a run whose codes agree but in some low bits; queries come first.
template <class Coordinate>
struct Bucket {
  Coder<Coordinate> coder;
  bool has_words;  // else they are still to be made
  std::uint32_t first, last;
  std::uint32_t rank, queries;  // the queries before it, and its own
  unsigned bits;                // its words agree but in so many low ones
};

/// Brings a bucket's points into smaller ones by a digit, stably: each thread has a range of the queries and one of the
/// others. `put(i, at)` brings a point to its place.
template <class Coordinate, class DigitOf, class Put>
std::vector<Bucket<Coordinate>> distribute(const Bucket<Coordinate>& whole, compute::Team& team,
                                           const DigitOf& digit_of, const Put& put) {
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
  std::vector<Bucket<Coordinate>> found;
  Bucket<Coordinate> next = whole;
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

/// Brings points into order: cell by cell, and those of crowded cells by cells within them, as often as it takes. So a
/// point far off, for which cells are large, costs the others little.
template <class Coordinate>
class Order {
 public:
  using Point = BasicPoint<Coordinate>;
  using Box = lidar::Box<Coordinate>;
  using Coder = lidar::Coder<Coordinate>;
  using Bucket = lidar::Bucket<Coordinate>;

  Order(std::span<const Point> points, std::size_t queries, compute::Team& team,
        const BasicTreeMemory<Coordinate>& memory)
      : points_(points),
        known_(static_cast<std::uint32_t>(queries)),
        team_(team),
        memory_(memory),
        box_(box_of(points, team)),
        number_bits_(width(points.size() - std::min<std::size_t>(points.size(), 1))),
        crowded_(team.size()) {}

  void run() {
    const auto count = static_cast<std::uint32_t>(points_.size());
    team_.in_ranges(count, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
      std::iota(memory_.input + first, memory_.input + last, first);
    });
    std::make_unsigned_t<Coordinate> extent = 1;
    for (int axis = 0; axis < 3; ++axis) extent = std::max(extent, from_low(box_, box_.high[axis], axis));
    std::vector<SortedRun> runs{{.first = 0, .last = count, .rank = 0, .queries = known_, .bits = width(extent)}};
    while (!runs.empty()) runs = order(runs);
    memory_.rank[count] = known_;
  }

  [[nodiscard]] const Box& box() const noexcept { return box_; }

 private:
  static unsigned width(std::uint64_t value) noexcept { return static_cast<unsigned>(std::bit_width(value)); }

  /// Gives the runs that are still to be ordered: the cells with more points than a leaf may have.
  std::vector<SortedRun> order(const std::vector<SortedRun>& runs) {
    std::vector<Bucket> buckets;
    for (const SortedRun& run : runs) {
      if (run.last - run.first > few_points) {
        bring_into_buckets(run, buckets);
      } else {
        const Coder coder(box_, run.bits, number_bits_, false);
        buckets.push_back({coder, false, run.first, run.last, run.rank, run.queries, coder.word_length()});
      }
    }
    team_.in_turn(buckets.size(), [&](std::size_t self, std::size_t i) { order(buckets[i], crowded_[self]); });
    std::vector<SortedRun> crowded;
    for (std::vector<SortedRun>& own : crowded_) {
      crowded.insert(crowded.end(), own.begin(), own.end());
      own.clear();
    }
    return crowded;
  }

  /// By the codes' highest digit, and where it is crowded by the next ones, so that all threads sort where most points
  /// are in one place.
  void bring_into_buckets(const SortedRun& run, std::vector<Bucket>& buckets) {
    const Coder coder(box_, run.bits, number_bits_, true);
    team_.in_ranges(run.last - run.first, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
      for (std::uint32_t i = run.first + first; i < run.first + last; ++i) {
        memory_.codes[i] = coder.code(points_[memory_.input[i]]);
      }
    });
    const Bucket all{coder, true, run.first, run.last, run.rank, run.queries, coder.word_length()};
    std::vector<Bucket> own = distribute(
        all, team_, [&](std::uint32_t i) { return coder.bucket(memory_.codes[i]); },
        [&](std::uint32_t i, std::uint32_t at) { memory_.words[at] = coder.word(memory_.codes[i], memory_.input[i]); });
    for (std::size_t i = 0; i < own.size(); ++i) {
      while (own[i].last - own[i].first > few_points && own[i].bits > number_bits_) {
        Bucket whole = own[i];
        whole.bits = std::max(number_bits_, whole.bits - std::min(whole.bits, bucket_bits));
        std::vector<Bucket> smaller = distribute(
            whole, team_, [&](std::uint32_t p) { return memory_.words[p] >> whole.bits & (all_buckets - 1); },
            [&](std::uint32_t p, std::uint32_t at) { memory_.codes[at] = memory_.words[p]; });
        team_.in_ranges(whole.last - whole.first, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
          std::copy(memory_.codes + whole.first + first, memory_.codes + whole.first + last,
                    memory_.words + whole.first + first);
        });
        own[i] = smaller.front();
        own.insert(own.end(), smaller.begin() + 1, smaller.end());
      }
    }
    buckets.insert(buckets.end(), own.begin(), own.end());
  }

  void order(const Bucket& bucket, std::vector<SortedRun>& crowded) const {
    const Coder& coder = bucket.coder;
    for (std::uint32_t i = bucket.first; !bucket.has_words && i < bucket.last; ++i) {
      memory_.words[i] = coder.word(coder.code(points_[memory_.input[i]]), memory_.input[i]);
    }
    sort(memory_.words + bucket.first, memory_.codes + bucket.first, bucket.last - bucket.first, bucket.bits,
         number_bits_);
    SortedRun cell{.first = bucket.first, .last = 0, .rank = bucket.rank, .queries = 0, .bits = coder.shift()};
    for (std::uint32_t at = bucket.first; at < bucket.last; ++at) {
      if (!coder.same_cell(memory_.codes[cell.first], memory_.codes[at])) cell = closed(cell, at, crowded);
      put(at, coder.number(memory_.codes[at]), cell.rank + cell.queries);
      if (memory_.input[at] < known_) ++cell.queries;
    }
    static_cast<void>(closed(cell, bucket.last, crowded));
  }

  /// Gives the cell after it.
  static SortedRun closed(SortedRun cell, std::uint32_t last, std::vector<SortedRun>& crowded) {
    cell.last = last;
    if (cell.last - cell.first > Tree::leaf_points && cell.bits > 0) crowded.push_back(cell);
    return {.first = last, .last = 0, .rank = cell.rank + cell.queries, .queries = 0, .bits = cell.bits};
  }

  void put(std::uint32_t at, std::uint32_t input, std::uint32_t rank) const noexcept {
    const Point& point = points_[input];
    memory_.input[at] = input;
    memory_.x[at] = point.x;
    memory_.y[at] = point.y;
    memory_.z[at] = point.z;
    memory_.id[at] = point.id;
    memory_.rank[at] = rank;
  }

  static constexpr std::uint32_t few_points = 32'768;  // that one thread sorts
  std::span<const Point> points_;
  const std::uint32_t known_;
  compute::Team& team_;
  const BasicTreeMemory<Coordinate>& memory_;
  const Box box_;
  const unsigned number_bits_;
  std::vector<std::vector<SortedRun>> crowded_;  // each thread's own
};

template <class Coordinate>
Box<Coordinate> ordered(std::span<const BasicPoint<Coordinate>> points, std::size_t queries, compute::Team& team,
                        const BasicTreeMemory<Coordinate>& memory) {
  Order<Coordinate> order(points, queries, team, memory);
  order.run();
  return order.box();
}

}  // namespace

Box<std::int32_t> order_points(std::span<const Point> points, std::size_t queries, compute::Team& team,
                               const TreeMemory& memory) {
  return ordered(points, queries, team, memory);
}

Box<std::int64_t> order_points(std::span<const WidePoint> points, std::size_t queries, compute::Team& team,
                               const WideTreeMemory& memory) {
  return ordered(points, queries, team, memory);
}

}  // namespace weir::lidar
