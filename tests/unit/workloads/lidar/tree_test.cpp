// The tree is the same whatever the number of threads that build it: order, ranks, nodes and boxes, also where points
// tie, lie on a line or are nearly all in one place, so that threads get unequal parts.
#include "workloads/lidar/tree.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "workloads/lidar/by_threads.hpp"

namespace weir::lidar::test {
namespace {

/// A tree and what it lives in, which holds nonsense before.
struct Built {
  std::size_t room;
  std::vector<std::int32_t> coordinates;
  std::vector<std::uint32_t> numbers;
  std::vector<std::uint64_t> codes;
  std::vector<Node> nodes;
  Tree tree;

  Built(const std::vector<Point>& points, std::size_t queries, unsigned threads)
      : room(points.size() + Tree::slack),
        coordinates(3 * room, -77),
        numbers(4 * room, 77),
        codes(2 * room, 777),
        nodes(most_nodes(points.size())) {
    std::int32_t* const c = coordinates.data();
    std::uint32_t* const n = numbers.data();
    tree = build_tree(points, queries, threads,
                      {c, c + room, c + 2 * room, n, n + room, n + 2 * room, codes.data(), codes.data() + room,
                       n + 3 * room, nodes.data()});
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

TEST(LidarTree, IsTheSameByAnyNumberOfThreads) {
  constexpr std::uint32_t count = 150'000;
  ASSERT_GT(threads_for(count, 64), 3u);
  std::mt19937 random(11);
  const auto any = [&](std::uint32_t below) { return static_cast<std::int32_t>(random() % below); };
  const std::vector<std::vector<Point>> clouds{
      made(count,
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
  for (const std::vector<Point>& points : clouds) {
    const std::size_t queries = points.size() / 3 * 2;
    const Built one(points, queries, 1);
    for (const unsigned threads : {2u, 3u, 64u}) {
      EXPECT_TRUE(equal(one.tree, Built(points, queries, threads).tree)) << &points - clouds.data() << ' ' << threads;
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

TEST(LidarTree, WhatAThreadThrowsIsThrownWhenAllHaveEnded) {
  std::vector<int> ended(3);
  const auto work = [&](std::size_t self) {
    ended[self] = 1;
    if (self == 1) throw std::runtime_error("one");
  };
  EXPECT_THROW(by_threads(3, work), std::runtime_error);
  EXPECT_EQ(ended, std::vector<int>(3, 1));
}

}  // namespace
}  // namespace weir::lidar::test
