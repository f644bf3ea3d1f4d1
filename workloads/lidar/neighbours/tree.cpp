#include "workloads/lidar/neighbours/tree.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>
#include <vector>

#include "workloads/lidar/neighbours/box.hpp"
#include "workloads/lidar/neighbours/morton.hpp"

namespace weir::lidar {
namespace {

/// With more threads than one, the tree is cut into subtrees. Their nodes are counted, so that each knows where its own
/// go and all lie where one thread would have put them.
template <class Coordinate>
class Builder {
 public:
  using Node = BasicNode<Coordinate>;
  using Unsigned = std::make_unsigned_t<Coordinate>;

  /// `low` is the corner from which the points' order counts.
  Builder(const BasicTreeMemory<Coordinate>& memory, const Coordinate* low) : memory_(memory), low_(low) {}

  /// The nodes of [0, points); gives how many.
  std::uint32_t build(std::uint32_t points, compute::Team& team) {
    if (points == 0) return 0;
    if (team.size() == 1) return add(0, points, 0);
    // More subtrees than threads, as splits make them unequal.
    max_ = std::max<std::uint32_t>(Tree::leaf_points, points / static_cast<std::uint32_t>(8 * team.size()));
    cut(0, points);
    team.in_turn(subtrees_.size(), [&](std::size_t, std::size_t i) {
      subtrees_[i].nodes = count(subtrees_[i].first, subtrees_[i].last);
    });
    place(0, points, 0);
    team.in_turn(subtrees_.size(),
                 [&](std::size_t, std::size_t i) { add(subtrees_[i].first, subtrees_[i].last, subtrees_[i].self); });
    for (const auto& [self, right] : above_) close_inner(self, right);
    return memory_.nodes[0].skip;
  }

 private:
  struct Subtree {
    std::uint32_t first, last;  // its points
    std::uint32_t nodes = 0, self = 0;
  };
  struct Inner {
    std::uint32_t self, right;
  };

  /// Makes the nodes of [first, last), in preorder from `self`; gives where the next goes.
  std::uint32_t add(std::uint32_t first, std::uint32_t last, std::uint32_t self) const {
    Node& node = open(first, last, self);
    if (node.leaf) {
      close_leaf(node);
      node.skip = self + 1;
    } else {
      const std::uint32_t middle = split(first, last);
      const std::uint32_t right = add(first, middle, self + 1);
      node.skip = add(middle, last, right);
      close_inner(self, right);
    }
    return node.skip;
  }

  /// How many nodes that makes.
  [[nodiscard]] std::uint32_t count(std::uint32_t first, std::uint32_t last) const {
    if (last - first <= Tree::leaf_points) return 1;
    const std::uint32_t middle = split(first, last);
    return 1 + count(first, middle) + count(middle, last);
  }

  /// Finds the subtrees of [first, last).
  void cut(std::uint32_t first, std::uint32_t last) {
    if (last - first <= max_) {
      subtrees_.push_back({.first = first, .last = last});
      return;
    }
    const std::uint32_t middle = split(first, last);
    cut(first, middle);
    cut(middle, last);
  }

  /// As add, of subtrees that are counted and not there yet: those above them have no boxes until then.
  std::uint32_t place(std::uint32_t first, std::uint32_t last, std::uint32_t self) {
    if (last - first <= max_) {
      Subtree& subtree = subtrees_[placed_++];
      subtree.self = self;
      return self + subtree.nodes;
    }
    const std::uint32_t middle = split(first, last);
    const std::uint32_t right = place(first, middle, self + 1);
    Node& node = open(first, last, self);
    node.skip = place(middle, last, right);
    above_.push_back({self, right});  // after those below it
    return node.skip;
  }

  Node& open(std::uint32_t first, std::uint32_t last, std::uint32_t self) const noexcept {
    Node& node = memory_.nodes[self];
    node.first = first;
    node.count = last - first;
    node.leaf = node.count <= Tree::leaf_points;
    return node;
  }

  /// Where the highest bit that differs changes; the middle, where all are at one place. Points of one cell are not in
  /// order there, but then they are few enough for a leaf.
  [[nodiscard]] std::uint32_t split(std::uint32_t first, std::uint32_t last) const {
    const Coordinate* const coordinates[3] = {memory_.x, memory_.y, memory_.z};
    const auto from_low = [&](Coordinate at, int axis) {
      return static_cast<Unsigned>(at) - static_cast<Unsigned>(low_[axis]);
    };
    unsigned length =
        0;  // of what differs, along the axis where it is longest; the last of those counts most in a code
    int along = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const Unsigned differ = from_low(coordinates[axis][first], axis) ^ from_low(coordinates[axis][last - 1], axis);
      const auto own = static_cast<unsigned>(std::bit_width(differ));
      if (own >= length) along = axis;
      length = std::max(length, own);
    }
    if (length == 0) return first + (last - first) / 2;
    const Coordinate* const at = coordinates[along];
    const Coordinate* found = std::partition_point(
        at + first, at + last, [&](Coordinate each) { return (from_low(each, along) >> (length - 1) & 1) == 0; });
    return static_cast<std::uint32_t>(found - at);
  }

  void close_leaf(Node& node) const {
    Box<Coordinate> box;
    node.lowest_id = UINT32_MAX;
    for (std::uint32_t i = node.first; i < node.first + node.count; ++i) {
      box.add(memory_.x[i], memory_.y[i], memory_.z[i]);
      node.lowest_id = std::min(node.lowest_id, memory_.id[i]);
    }
    std::copy_n(box.low, 3, node.low);
    std::copy_n(box.high, 3, node.high);
  }

  void close_inner(std::uint32_t self, std::uint32_t right_child) const noexcept {
    Node& node = memory_.nodes[self];
    const Node &left = memory_.nodes[self + 1], &right = memory_.nodes[right_child];
    for (int axis = 0; axis < 3; ++axis) {
      node.low[axis] = std::min(left.low[axis], right.low[axis]);
      node.high[axis] = std::max(left.high[axis], right.high[axis]);
    }
    node.lowest_id = std::min(left.lowest_id, right.lowest_id);
  }

  const BasicTreeMemory<Coordinate>& memory_;
  const Coordinate* const low_;
  std::uint32_t max_ = 0;  // points of a subtree
  std::vector<Subtree> subtrees_;
  std::size_t placed_ = 0;
  std::vector<Inner> above_;
};

template <class Coordinate>
BasicTree<Coordinate> build(std::span<const BasicPoint<Coordinate>> points, std::size_t queries, compute::Team& team,
                            const BasicTreeMemory<Coordinate>& memory) {
  const auto count = static_cast<std::uint32_t>(points.size());
  const Box<Coordinate> box = order_points(points, std::min<std::size_t>(queries, count), team, memory);
  for (std::size_t i = 0; i < Tree::slack; ++i) memory.x[count + i] = memory.y[count + i] = memory.z[count + i] = 0;
  const std::uint32_t nodes = Builder<Coordinate>(memory, box.low).build(count, team);
  return {memory.x, memory.y, memory.z, memory.id, memory.input, memory.rank, {memory.nodes, nodes}, count};
}

}  // namespace

Tree build_tree(std::span<const Point> points, std::size_t queries, compute::Team& team, const TreeMemory& memory) {
  return build(points, queries, team, memory);
}

WideTree build_tree(std::span<const WidePoint> points, std::size_t queries, compute::Team& team,
                    const WideTreeMemory& memory) {
  return build(points, queries, team, memory);
}

}  // namespace weir::lidar
