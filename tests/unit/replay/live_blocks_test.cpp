// Overlaps are found on both sides, and at equal starts also for empty blocks.
#include "replay/live_blocks.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace weir::replay {
namespace {

using Indices = std::vector<std::uint32_t>;

/// What [address, address + bytes) takes from blocks at [100, 200), [200, 250) and, empty, 300.
Indices taken(std::uint64_t address, std::uint64_t bytes) {
  LiveBlocks live;
  live.add(100, {100, 0, 1});
  live.add(200, {50, 0, 2});
  live.add(300, {0, 0, 3});
  Indices indices;
  live.take_overlapping(address, bytes, [&](const LiveBlocks::Block& block) { indices.push_back(block.index); });
  EXPECT_EQ(live.by_address().size(), 3 - indices.size());
  return indices;
}

TEST(LiveBlocks, TakesEveryBlockThatSharesAByte) {
  EXPECT_EQ(taken(0, 100), Indices());
  EXPECT_EQ(taken(0, 101), Indices({1}));
  EXPECT_EQ(taken(150, 10), Indices({1}));
  EXPECT_EQ(taken(199, 2), Indices({1, 2}));
  EXPECT_EQ(taken(200, 1), Indices({2}));
  EXPECT_EQ(taken(250, 50), Indices());
  EXPECT_EQ(taken(0, 1000), Indices({1, 2, 3}));
}

TEST(LiveBlocks, EmptyBlocksMeetOnlyAtTheirStart) {
  EXPECT_EQ(taken(300, 0), Indices({3}));
  EXPECT_EQ(taken(290, 10), Indices());
  EXPECT_EQ(taken(290, 11), Indices({3}));
  EXPECT_EQ(taken(250, 0), Indices());
  EXPECT_EQ(taken(150, 0), Indices({1}));
}

TEST(LiveBlocks, TakesByExactStart) {
  LiveBlocks live;
  live.add(100, {100, 7, 1});
  EXPECT_FALSE(live.take(150));
  const auto block = live.take(100);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->bytes, 100U);
  EXPECT_EQ(block->stream, 7U);
  EXPECT_FALSE(live.take(100));
}

}  // namespace
}  // namespace weir::replay
