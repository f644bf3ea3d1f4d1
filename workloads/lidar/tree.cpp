#include "tree.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <vector>

#include "box.hpp"
#include "by_threads.hpp"
#include "morton.hpp"

namespace weir::lidar {
namespace {

/// With more threads than one, each builds pieces in places that hold them whatever they are like; then they are moved
/// together under what lies above them, so the nodes lie where one thread would have put them.
class Builder {
 public:
  explicit Builder(const TreeMemory& memory) : memory_(memory) {}

  /// The nodes of [0, points); gives how many.
  std::uint32_t build(std::uint32_t points, std::size_t threads) {
    if (points == 0) return 0;
    if (threads == 1) return add(0, points, 0);
    // More pieces than threads, as splits make them unequal.
    most_ = std::max<std::uint32_t>(Tree::leaf_points, points / static_cast<std::uint32_t>(8 * threads));
    plan(0, points, 0);
    std::atomic<std::size_t> next{0};
    by_threads(threads, [&](std::size_t) {
      for (std::size_t i = next++; i < pieces_.size(); i = next++) {
        Piece& piece = pieces_[i];
        piece.end = add(piece.first, piece.last, piece.begin);
      }
    });
    return join(0, points, 0);
  }

 private:
  struct Piece {
    std::uint32_t first, last;     // its points
    std::uint32_t begin, end = 0;  // its nodes, before they are moved
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
      close_inner(node, memory_.nodes[self + 1], memory_.nodes[right]);
    }
    return node.skip;
  }

  /// Finds the pieces of [first, last), and for each a place that none before it can reach: a piece has fewer than two
  /// nodes a point. Gives where the next place is.
  std::uint32_t plan(std::uint32_t first, std::uint32_t last, std::uint32_t self) {
    if (last - first <= most_) {
      pieces_.push_back({.first = first, .last = last, .begin = self});
      return self + 2 * (last - first) - 1;
    }
    const std::uint32_t middle = split(first, last);
    return plan(middle, last, plan(first, middle, self + 1));
  }

  /// As add, of pieces that are there. They move towards lower places, in order, so none is overwritten.
  std::uint32_t join(std::uint32_t first, std::uint32_t last, std::uint32_t self) {
    if (last - first <= most_) {
      const Piece& piece = pieces_[joined_++];
      const std::uint32_t down = piece.begin - self;
      for (std::uint32_t i = piece.begin; down != 0 && i < piece.end; ++i) {
        memory_.nodes[i - down] = memory_.nodes[i];
        memory_.nodes[i - down].skip -= down;
      }
      return piece.end - down;
    }
    const std::uint32_t middle = split(first, last);
    const std::uint32_t right = join(first, middle, self + 1);
    const std::uint32_t end = join(middle, last, right);
    Node& node = open(first, last, self);
    node.skip = end;
    close_inner(node, memory_.nodes[self + 1], memory_.nodes[right]);
    return end;
  }

  Node& open(std::uint32_t first, std::uint32_t last, std::uint32_t self) const noexcept {
    Node& node = memory_.nodes[self];
    node.first = first;
    node.count = last - first;
    node.leaf = node.count <= Tree::leaf_points;
    return node;
  }

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
  std::uint32_t most_ = 0;  // points of a piece
  std::vector<Piece> pieces_;
  std::size_t joined_ = 0;
};

/// The points in Morton order, their ids, and the queries before each.
void gather(std::span<const Point> points, std::size_t queries, std::size_t threads, const TreeMemory& memory) {
  const auto count = static_cast<std::uint32_t>(points.size());
  std::vector<std::uint32_t> before(threads + 1);  // of each range
  in_ranges(threads == 1 ? 0 : count, threads, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
    const auto is_query = [&](std::uint32_t input) { return input < queries; };
    before[part + 1] = static_cast<std::uint32_t>(std::count_if(memory.input + first, memory.input + last, is_query));
  });
  for (std::size_t part = 0; part < threads; ++part) before[part + 1] += before[part];
  in_ranges(count, threads, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
    std::uint32_t rank = before[part];
    for (std::uint32_t i = first; i < last; ++i) {
      const Point& point = points[memory.input[i]];
      memory.x[i] = point.x;
      memory.y[i] = point.y;
      memory.z[i] = point.z;
      memory.id[i] = point.id;
      memory.rank[i] = rank;
      if (memory.input[i] < queries) ++rank;
    }
  });
  memory.rank[count] = static_cast<std::uint32_t>(std::min<std::size_t>(queries, count));
  for (std::size_t i = 0; i < Tree::slack; ++i) memory.x[count + i] = memory.y[count + i] = memory.z[count + i] = 0;
}

}  // namespace

Tree build_tree(std::span<const Point> points, std::size_t queries, unsigned threads, const TreeMemory& memory) {
  const auto count = static_cast<std::uint32_t>(points.size());
  const std::size_t worth = threads_for(count, threads);
  order_points(points, worth, memory);
  gather(points, queries, worth, memory);
  const std::uint32_t nodes = Builder(memory).build(count, worth);
  return {memory.x, memory.y, memory.z, memory.id, memory.input, memory.rank, {memory.nodes, nodes}, count};
}

}  // namespace weir::lidar
