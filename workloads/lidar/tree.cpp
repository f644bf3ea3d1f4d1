#include "tree.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

namespace weir::lidar {
namespace {

constexpr unsigned digit_bits = 12;
constexpr std::size_t digits = std::size_t{1} << digit_bits;

struct Box {
  std::int32_t low[3] = {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max(),
                         std::numeric_limits<std::int32_t>::max()};
  std::int32_t high[3] = {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min(),
                          std::numeric_limits<std::int32_t>::min()};

  void add(std::int32_t x, std::int32_t y, std::int32_t z) noexcept {
    const std::int32_t at[3] = {x, y, z};
    for (int axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], at[axis]);
      high[axis] = std::max(high[axis], at[axis]);
    }
  }
};

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

/// Codes of all points; gives the number of bits they have.
unsigned encode(std::span<const Point> points, std::uint64_t* codes) {
  Box box;
  for (const Point& point : points) box.add(point.x, point.y, point.z);
  std::uint32_t extent = 1;
  for (int axis = 0; axis < 3; ++axis) {
    extent = std::max(extent, static_cast<std::uint32_t>(box.high[axis]) - static_cast<std::uint32_t>(box.low[axis]));
  }
  constexpr int most_bits = 16;  // an axis: finer cells than 1/65536 of the chunk seldom help
  const int bits = static_cast<int>(std::bit_width(extent));
  const int shift = std::max(0, bits - most_bits);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto cell = [&](std::int32_t at, std::int32_t low) {
      return spread((static_cast<std::uint32_t>(at) - static_cast<std::uint32_t>(low)) >> shift);
    };
    codes[i] = cell(points[i].x, box.low[0]) | cell(points[i].y, box.low[1]) << 1 | cell(points[i].z, box.low[2]) << 2;
  }
  return static_cast<unsigned>(3 * (bits - shift));
}

/// Sorts codes and the inputs beside them, stably, by digits from the lowest; both end in `codes`, `input`.
void sort(std::size_t count, unsigned bits, const TreeMemory& memory) {
  std::uint64_t *from = memory.codes, *to = memory.codes_before;
  std::uint32_t *input_from = memory.input, *input_to = memory.input_before;
  for (unsigned shift = 0; shift < bits; shift += digit_bits) {
    std::array<std::uint32_t, digits> place{};
    for (std::size_t i = 0; i < count; ++i) ++place[from[i] >> shift & (digits - 1)];
    std::uint32_t sum = 0;
    for (std::uint32_t& each : place) sum += std::exchange(each, sum);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t at = place[from[i] >> shift & (digits - 1)]++;
      to[at] = from[i];
      input_to[at] = input_from[i];
    }
    std::swap(from, to);
    std::swap(input_from, input_to);
  }
  if (from != memory.codes) {
    std::copy_n(from, count, memory.codes);
    std::copy_n(input_from, count, memory.input);
  }
}

class Builder {
 public:
  explicit Builder(const TreeMemory& memory) : memory_(memory) {}

  /// The nodes of [first, last), in preorder; gives the number of the node on top.
  std::uint32_t add(std::uint32_t first, std::uint32_t last) {
    const std::uint32_t self = count_++;
    Node& node = memory_.nodes[self];
    node.first = first;
    node.count = last - first;
    node.leaf = node.count <= Tree::leaf_points;
    if (node.leaf) {
      close_leaf(node);
    } else {
      const std::uint32_t middle = split(first, last);
      const std::uint32_t left = add(first, middle);
      const std::uint32_t right = add(middle, last);
      close_inner(node, memory_.nodes[left], memory_.nodes[right]);
    }
    node.skip = count_;
    return self;
  }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

 private:
  /// Where the highest bit that differs changes; the middle, where the codes are all one.
  [[nodiscard]] std::uint32_t split(std::uint32_t first, std::uint32_t last) const {
    const std::uint64_t differ = memory_.codes[first] ^ memory_.codes[last - 1];
    if (differ == 0) return first + (last - first) / 2;
    const unsigned bit = static_cast<unsigned>(std::bit_width(differ)) - 1;
    const std::uint64_t* found = std::partition_point(memory_.codes + first, memory_.codes + last,
                                                      [&](std::uint64_t code) { return (code >> bit & 1) == 0; });
    return static_cast<std::uint32_t>(found - memory_.codes);
  }

  void close_leaf(Node& node) const {
    Box box;
    node.lowest_id = UINT32_MAX;
    for (std::uint32_t i = node.first; i < node.first + node.count; ++i) {
      box.add(memory_.x[i], memory_.y[i], memory_.z[i]);
      node.lowest_id = std::min(node.lowest_id, memory_.id[i]);
    }
    std::copy_n(box.low, 3, node.low);
    std::copy_n(box.high, 3, node.high);
  }

  static void close_inner(Node& node, const Node& left, const Node& right) noexcept {
    for (int axis = 0; axis < 3; ++axis) {
      node.low[axis] = std::min(left.low[axis], right.low[axis]);
      node.high[axis] = std::max(left.high[axis], right.high[axis]);
    }
    node.lowest_id = std::min(left.lowest_id, right.lowest_id);
  }

  const TreeMemory& memory_;
  std::uint32_t count_ = 0;
};

}  // namespace

Tree build_tree(std::span<const Point> points, std::size_t queries, const TreeMemory& memory) {
  const auto count = static_cast<std::uint32_t>(points.size());
  const unsigned bits = encode(points, memory.codes);
  for (std::uint32_t i = 0; i < count; ++i) memory.input[i] = i;
  sort(count, bits, memory);
  std::uint32_t rank = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Point& point = points[memory.input[i]];
    memory.x[i] = point.x;
    memory.y[i] = point.y;
    memory.z[i] = point.z;
    memory.id[i] = point.id;
    memory.rank[i] = rank;
    if (memory.input[i] < queries) ++rank;
  }
  memory.rank[count] = rank;
  for (std::size_t i = 0; i < Tree::slack; ++i) memory.x[count + i] = memory.y[count + i] = memory.z[count + i] = 0;
  Builder builder(memory);
  if (count != 0) builder.add(0, count);
  return {memory.x, memory.y, memory.z, memory.id, memory.input, memory.rank, {memory.nodes, builder.count()}, count};
}

}  // namespace weir::lidar
