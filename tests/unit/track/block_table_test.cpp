// Records: handed out in runs that nobody else gets, initialised, never moved.
#include "track/block_table.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::track {
namespace {

TEST(BlockTable, HandsOutRunsOfFreshRecords) {
  BlockTable table;
  const std::uint32_t first = table.take_run();
  EXPECT_GE(first, 1u);
  EXPECT_EQ(table.end(), first + BlockTable::run);
  Block* const address = &table[first];
  for (std::uint32_t id = first; id < first + BlockTable::run; ++id) {
    EXPECT_TRUE(table[id].is(BlockState::unused));
    EXPECT_EQ(table[id].size, 0u);
    EXPECT_NE(table[id].generation.load(), 0u);
  }
  for (int i = 0; i < 1000; ++i) static_cast<void>(table.take_run());
  EXPECT_EQ(&table[first], address);
  EXPECT_EQ(table.end(), first + 1001 * BlockTable::run);
}

TEST(BlockTable, GivesNoRunTwice) {
  BlockTable table;
  std::mutex mutex;
  std::vector<std::uint32_t> runs;
  std::vector<std::thread> crew;
  for (int i = 0; i < 4; ++i) {
    crew.emplace_back([&] {
      std::vector<std::uint32_t> mine;
      for (int k = 0; k < 500; ++k) mine.push_back(table.take_run());
      const std::lock_guard lock(mutex);
      runs.insert(runs.end(), mine.begin(), mine.end());
    });
  }
  for (std::thread& thread : crew) thread.join();
  std::sort(runs.begin(), runs.end());
  for (std::size_t i = 1; i < runs.size(); ++i) ASSERT_EQ(runs[i], runs[i - 1] + BlockTable::run);
}

TEST(Block, MeasuresInBytesAndGranules) {
  Block block;
  block.start = 10;
  block.size = 4;
  EXPECT_EQ(block.address(), 5120u);
  EXPECT_EQ(block.bytes(), 2048u);
  EXPECT_EQ(block.end(), 14u);
  block.become(BlockState::live);
  EXPECT_TRUE(block.is(BlockState::live));
}

}  // namespace
}  // namespace weir::track
