// The tree is the same whatever the number of threads that build it: order, ranks, nodes and boxes, also where points
// tie, lie on a line or are nearly all in one place, so that threads get unequal parts.
#include "workloads/lidar/neighbours/tree.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace weir::lidar::test {
namespace {

/// A tree and what it lives in, which holds nonsense before.
struct Built {
  std::size_t length;
  std::vector<std::int32_t> coordinates;
  std::vector<std::uint32_t> numbers;
  std::vector<std::uint64_t> codes;
  std::vector<Node> nodes;
  Tree tree;

  Built(const std::vector<Point>& points, std::size_t queries, unsigned threads)
      : length(points.size() + Tree::slack),
        coordinates(3 * length, -77),
        numbers(3 * length, 77),
        codes(2 * length, 777),
        nodes(max_nodes(points.size())) {
    std::int32_t* const c = coordinates.data();
    std::uint32_t* const n = numbers.data();
    compute::Team team(threads);
    tree = build_tree(points, queries, team,
                      {c, c + length, c + 2 * length, n, n + length, n + 2 * length, codes.data(),
                       codes.data() + length, nodes.data()});
  }
};

bool equal(const Node& one, const Node& other) {
  return std::ranges::equal(one.low, other.low) && std::ranges::equal(one.high, other.high) &&
         one.first == other.first && one.count == other.count && one.skip == other.skip &&
         one.lowest_id == other.lowest_id && one.leaf == other.leaf;
}

bool equal(const Tree& one, const Tree& other) {
  const std::size_t points = one.points;
  return points == other.points && std::equal(one.x, one.x + points, other.x) &&
         std::equal(one.y, one.y + points, other.y) && std::equal(one.z, one.z + points, other.z) &&
         std::equal(one.id, one.id + points, other.id) && std::equal(one.input, one.input + points, other.input) &&
         std::equal(one.rank, one.rank + points + 1, other.rank) && one.nodes.size() == other.nodes.size() &&
         std::equal(one.nodes.begin(), one.nodes.end(), other.nodes.begin(),
                    [](const Node& a, const Node& b) { return equal(a, b); });
}

std::vector<Point> made(std::uint32_t count, const std::function<Point(std::uint32_t)>& one) {
  std::vector<Point> points;
  for (std::uint32_t i = 0; i < count; ++i) points.push_back(one(i));
  return points;
}

/// Points spread out, crowded, all in one place, on a line, nearly all in one place, few, and none.
std::vector<std::vector<Point>> clouds() {
  constexpr std::uint32_t count = 150'000;
  std::mt19937 random(11);
  const auto any = [&](std::uint32_t below) { return static_cast<std::int32_t>(random() % below); };
  return {made(count,
               [&](std::uint32_t i) {
                 return Point{any(30'000), any(30'000), any(2'000), i};
               }),
          made(count,
               [&](std::uint32_t i) {
                 return Point{any(200), any(200), any(3), count - i};
               }),
          made(count,
               [](std::uint32_t i) {
                 return Point{5, 5, 5, i};
               }),
          made(count,
               [](std::uint32_t i) {
                 return Point{static_cast<std::int32_t>(i / 3), 0, 0, i};
               }),
          made(count,
               [&](std::uint32_t i) {
                 return i % 100 != 0 ? Point{any(3), 0, 1, i} : Point{any(1u << 31), 9, 9, i};
               }),
          made(3,
               [](std::uint32_t i) {
                 return Point{static_cast<std::int32_t>(i), 0, 0, i};
               }),
          {}};
}

TEST(LidarTree, IsTheSameByAnyNumberOfThreads) {
  for (const std::vector<Point>& points : clouds()) {
    const std::size_t queries = points.size() / 3 * 2;
    const Built one(points, queries, 1);
    for (const unsigned threads : {2u, 3u, 64u}) {
      EXPECT_TRUE(equal(one.tree, Built(points, queries, threads).tree)) << points.size() << ' ' << threads;
    }
  }
}

// Against plain sorts by codes made bit by bit: by 16 bits of an axis, and where a cell has more points than a leaf by
// all of them.
TEST(LidarTree, IsInMortonOrder) {
  __extension__ using Code = unsigned __int128;
  for (const std::vector<Point>& points : clouds()) {
    std::int64_t low[3] = {INT64_MAX, INT64_MAX, INT64_MAX}, extent = 1;
    const auto axis_of = [](const Point& point, int axis) -> std::int64_t {
      return axis == 0 ? point.x : axis == 1 ? point.y : point.z;
    };
    for (int axis = 0; axis < 3; ++axis) {
      for (const Point& point : points) low[axis] = std::min(low[axis], axis_of(point, axis));
      for (const Point& point : points) extent = std::max(extent, axis_of(point, axis) - low[axis]);
    }
    int shift = 0;
    while (extent >> shift >= 65'536) ++shift;
    const auto code = [&](std::uint32_t input) {
      Code sum = 0;
      for (int bit = 31; bit >= 0; --bit) {
        for (int axis = 2; axis >= 0; --axis) {
          sum = sum << 1 | static_cast<unsigned>((axis_of(points[input], axis) - low[axis]) >> bit & 1);
        }
      }
      return sum;
    };
    const auto cell = [&](std::uint32_t input) { return code(input) >> 3 * shift; };
    std::vector<std::uint32_t> order(points.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, {}, cell);
    for (std::size_t first = 0, last = 1; first < order.size(); first = last++) {
      while (last < order.size() && cell(order[last]) == cell(order[first])) ++last;
      const std::span one(order.data() + first, last - first);
      if (one.size() > Tree::leaf_points) std::ranges::stable_sort(one, {}, code);
    }
    const Built built(points, points.size() / 2, 2);
    EXPECT_TRUE(std::ranges::equal(order, std::span(built.tree.input, points.size()))) << points.size();
  }
}

// Points far off make cells large; then more than a leaf's in one cell are ordered within it.
TEST(LidarTree, HasSmallLeavesWhereOnePointIsFarOff) {
  std::mt19937 random(13);
  const auto any = [&] { return static_cast<std::int32_t>(random() % 10'000); };
  std::vector<Point> points = made(100'000, [&](std::uint32_t i) { return Point{any(), any(), any() / 100, i}; });
  const auto longest = [&] {
    const Built built(points, points.size(), 2);
    double sum = 0;
    for (const Node& node : built.tree.nodes) {
      if (node.leaf) sum += static_cast<double>(node.high[0] - node.low[0]) + node.high[1] - node.low[1];
    }
    return sum;
  };
  const double without = longest();
  for (int axis = 0; axis < 3; ++axis) {
    for (const std::int32_t far : {10'000'000, 1 << 30, INT32_MAX}) {
      points.back() = {axis == 0 ? far : 1, axis == 1 ? far : 1, axis == 2 ? far : 1, 99'999};
      EXPECT_LE(longest(), 1.2 * without) << axis << ' ' << far;
    }
  }
}

TEST(LidarTree, HoldsEachPointOnceInBoxesOfItsOwn) {
  std::mt19937 random(12);
  const auto any = [&] { return static_cast<std::int32_t>(random() % 50'000); };
  const std::vector<Point> points = made(90'000, [&](std::uint32_t i) { return Point{any(), any(), any(), i}; });
  const Built built(points, 1000, 2);
  const Tree& tree = built.tree;
  std::uint32_t next = 0, at = 0;
  for (const Node& node : tree.nodes) {
    ++at;
    if (!node.leaf) continue;
    EXPECT_EQ(node.skip, at);
    ASSERT_EQ(node.first, next);
    next += node.count;
    const std::int32_t* const axes[3] = {tree.x, tree.y, tree.z};
    for (int axis = 0; axis < 3; ++axis) {
      const auto [low, high] = std::minmax_element(axes[axis] + node.first, axes[axis] + next);
      ASSERT_EQ(node.low[axis], *low);
      ASSERT_EQ(node.high[axis], *high);
    }
  }
  EXPECT_EQ(next, tree.points);
  EXPECT_EQ(tree.nodes.front().skip, tree.nodes.size());
  std::vector<bool> seen(points.size());
  for (std::uint32_t p = 0; p < tree.points; ++p) {
    ASSERT_FALSE(seen[tree.input[p]]);
    seen[tree.input[p]] = true;
    ASSERT_EQ(tree.is_query(p), tree.input[p] < 1000);
  }
}

}  // namespace
}  // namespace weir::lidar::test
