// The thread cache alone: last in, first out, by exact size; bounded; learns
// which large sizes come again; and gives everything back when asked.
#include "pool/cache/thread_cache.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

using track::Block;
using track::BlockState;

class ThreadCacheTest : public testing::Test {
 protected:
  ThreadCacheTest() { cache_.set_capacity(std::int64_t{1} << 30); }
  std::uint32_t block(std::uint32_t granules, std::uint32_t stamp = 0) {
    if (next_ == end_) {
      next_ = blocks_.take_run();
      end_ = next_ + track::BlockTable::run;
    }
    blocks_[next_].size = granules;
    blocks_[next_].stamp = stamp;
    blocks_[next_].become(BlockState::live);
    cache_.allocated.out.add(blocks_[next_].bytes());
    cache_.bypassed(blocks_[next_].bytes());
    return next_++;
  }
  /// A free: into the ledger, then into the cache.
  bool push(std::uint32_t id) { return cache_.push(blocks_[id], id, cache_.allocated.take_back(blocks_[id].bytes())); }
  /// An allocation: out of the cache, and into the ledger if there was one.
  std::uint32_t pop(std::uint32_t granules) {
    const std::uint32_t id = cache_.pop(blocks_.data(), granules);
    if (id != 0) cache_.allocated.out.add(blocks_[id].bytes());
    return id;
  }
  [[nodiscard]] std::vector<std::uint32_t> ids(std::uint32_t chain) const {
    std::vector<std::uint32_t> all;
    for (; chain != 0; chain = blocks_[chain].list_next) all.push_back(chain);
    std::sort(all.begin(), all.end());
    return all;
  }

  track::BlockTable blocks_;
  ThreadCache cache_;
  std::uint32_t next_ = 0;
  std::uint32_t end_ = 0;
};

constexpr std::uint32_t large = ThreadCache::small_granules + 1;

TEST_F(ThreadCacheTest, GivesTheNewestOfExactlyTheSize) {
  const std::uint32_t first = block(10);
  const std::uint32_t second = block(10);
  const std::uint32_t other = block(11);
  EXPECT_TRUE(push(first));
  EXPECT_TRUE(push(other));
  EXPECT_TRUE(push(second));
  EXPECT_EQ(cache_.cached(), 31 * 512);
  EXPECT_TRUE(blocks_[first].is(BlockState::cached));
  EXPECT_EQ(pop(9), 0u);
  EXPECT_EQ(pop(12), 0u);
  EXPECT_EQ(pop(10), second);
  EXPECT_EQ(pop(10), first);
  EXPECT_EQ(pop(10), 0u);
  EXPECT_EQ(pop(11), other);
  EXPECT_EQ(cache_.cached(), 0);
}

TEST_F(ThreadCacheTest, KeepsNoMoreThanItsCapacity) {
  cache_.set_capacity(100 * 512);
  std::vector<std::uint32_t> row;
  for (int i = 0; i < 20; ++i) row.push_back(block(10));
  int kept = 0;
  for (const std::uint32_t id : row) kept += push(id) ? 1 : 0;
  EXPECT_EQ(kept, 10);
  EXPECT_EQ(cache_.cached(), 100 * 512);
  cache_.set_capacity(0);
  EXPECT_FALSE(push(block(1)));
  EXPECT_EQ(cache_.cached(), 100 * 512);
}

TEST_F(ThreadCacheTest, ServesALargeSizeOnceItCameAgain) {
  EXPECT_EQ(cache_.note_miss(blocks_.data(), large), 0u);
  EXPECT_FALSE(cache_.has_large());
  EXPECT_EQ(cache_.note_miss(blocks_.data(), large), 0u);
  const std::uint32_t id = block(large);
  EXPECT_TRUE(push(id));
  EXPECT_TRUE(cache_.has_large());
  EXPECT_EQ(pop(large + 1), 0u);
  EXPECT_EQ(pop(large), id);
  EXPECT_EQ(cache_.cached(), 0);
}

TEST_F(ThreadCacheTest, LargeSizesThatNeverComeAgainAreNotServed) {
  for (std::uint32_t size = large; size < large + 100; ++size) {
    EXPECT_EQ(pop(size), 0u);
    const std::uint32_t chain = cache_.note_miss(blocks_.data(), size);
    for (const std::uint32_t id : ids(chain)) EXPECT_TRUE(blocks_[id].is(BlockState::cached));
    EXPECT_FALSE(push(block(size)));
    EXPECT_EQ(cache_.cached(), 0);
  }
}

TEST_F(ThreadCacheTest, TakeLargeLeavesTheSmall) {
  static_cast<void>(cache_.note_miss(blocks_.data(), large));
  static_cast<void>(cache_.note_miss(blocks_.data(), large));
  const std::uint32_t small_block = block(3);
  const std::uint32_t large_block = block(large);
  ASSERT_TRUE(push(small_block));
  ASSERT_TRUE(push(large_block));
  EXPECT_EQ(ids(cache_.take_large(blocks_.data())), std::vector<std::uint32_t>{large_block});
  EXPECT_FALSE(cache_.has_large());
  EXPECT_EQ(cache_.cached(), 3 * 512);
  EXPECT_EQ(cache_.evictions.get(), 1u);
  EXPECT_EQ(pop(3), small_block);
}

TEST_F(ThreadCacheTest, TakeAllLeavesNothing) {
  static_cast<void>(cache_.note_miss(blocks_.data(), large));
  static_cast<void>(cache_.note_miss(blocks_.data(), large));
  std::vector<std::uint32_t> row;
  for (const std::uint32_t size : {1u, 2u, 2u, ThreadCache::small_granules, large, large}) {
    row.push_back(block(size));
    ASSERT_TRUE(push(row.back()));
  }
  EXPECT_EQ(ids(cache_.take_all(blocks_.data())), row);
  EXPECT_EQ(cache_.cached(), 0);
  EXPECT_EQ(cache_.take_all(blocks_.data()), 0u);
}

TEST_F(ThreadCacheTest, TakeOlderTakesWhatWasFreedBefore) {
  std::vector<std::uint32_t> row;
  for (std::uint32_t stamp = 1; stamp <= 10; ++stamp) {
    row.push_back(block(4, stamp));
    ASSERT_TRUE(push(row.back()));
  }
  EXPECT_EQ(ids(cache_.take_older(blocks_.data(), 1)).size(), 0u);
  EXPECT_EQ(ids(cache_.take_older(blocks_.data(), 6)), std::vector<std::uint32_t>(row.begin(), row.begin() + 5));
  EXPECT_EQ(cache_.cached(), 5 * 4 * 512);
  for (std::size_t i = 10; i-- > 5;) EXPECT_EQ(pop(4), row[i]);
}

TEST_F(ThreadCacheTest, AdoptsBlocksThatOthersFreed) {
  const std::uint32_t id = block(6);
  cache_.allocated.returned.add(0);  // the free is in another cache's book
  const std::int64_t before = cache_.cached();
  EXPECT_TRUE(cache_.adopt(blocks_[id], id));
  EXPECT_EQ(cache_.cached() - before, 6 * 512);
}

}  // namespace
}  // namespace weir::pool
