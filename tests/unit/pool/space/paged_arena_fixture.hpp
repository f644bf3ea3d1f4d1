// A paged arena alone, without a driver: pages are numbers here, and a plain map of what is
// mapped and what is live says what must be true.
#pragma once

#include "pool/space/paged_arena.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace weir::pool {

using device::Address;
using device::PageHandle;
using track::Block;
using track::BlockState;

inline constexpr std::uint32_t page_granules = 4096;
inline constexpr std::uint64_t page_bytes = std::uint64_t{page_granules} * 512;
inline constexpr Address range = Address{1} << 40;
inline constexpr std::uint64_t range_pages = 64;

class PagedArenaTest : public testing::Test {
 protected:
  /// Maps what the plan misses and finishes it.
  std::uint32_t grow(const Placement& wanted, std::uint64_t surplus = 0) {
    GrowthPlan plan;
    if (!arena_.plan_growth(wanted, surplus, plan)) return 0;
    supply(plan);
    for (const Gap& gap : plan.gaps) map(gap);
    arena_.note_mapped(plan, plan.gaps.size());
    const std::uint32_t id = arena_.finish_growth(plan, wanted);
    note_live(id, wanted);
    return id;
  }
  /// The streams with free ranges, or with wholly free pages.
  std::vector<StreamIndex> streams(bool only_pages) {
    std::vector<Arena::StreamInUse> all;
    all.reserve(Arena::max_streams_at_once);
    std::size_t left = SIZE_MAX;
    EXPECT_FALSE(arena_.collect_streams(only_pages, left, all));
    std::vector<StreamIndex> numbers;
    for (const Arena::StreamInUse& each : all) numbers.push_back(each.stream_index);
    return numbers;
  }
  [[nodiscard]] std::uint64_t largest_free() {
    std::size_t first_stream = 0;
    return arena_.largest_free(first_stream);
  }
  /// In as many calls as it takes.
  void reassign(StreamIndex from, std::uint64_t epoch, StreamIndex to, std::uint64_t to_epoch) {
    while (arena_.reassign(from, epoch, to, to_epoch)) {
    }
  }
  /// Single pages, as many as are needed and, by the random numbers, some of what room there is.
  void supply(GrowthPlan& plan) {
    for (Gap& gap : plan.gaps) {
      const std::uint64_t pages = gap.pages + random_() % (gap.available_pages - gap.pages + 1);
      for (std::uint64_t i = 0; i < pages; ++i) gap.extents.push_back({{static_cast<PageHandle>(++last_page_), 1}, 0});
    }
  }
  void map(const Gap& gap) {
    ASSERT_GE(gap.extents.size(), gap.pages);
    for (std::size_t i = 0; i < gap.extents.size(); ++i) {
      const Address at = gap.address(page_bytes) + i * page_bytes;
      ASSERT_EQ(at % page_bytes, 0u);
      ASSERT_TRUE(mapped_.emplace(at, gap.extents[i].handle).second) << "a page was to be mapped twice";
    }
  }
  void note_live(std::uint32_t id, const Placement& wanted) {
    Block& block = blocks_[id];
    ASSERT_TRUE(block.is(BlockState::busy));
    ASSERT_EQ(block.size, wanted.granules);
    ASSERT_EQ(block.start % wanted.alignment, 0u);
    ASSERT_EQ(block.stream_index.load(), wanted.stream_index);
    ASSERT_TRUE(addresses_.find(block.address()) == id || addresses_.find_short(block.address()) == id);
    for (Address at = block.address() / page_bytes * page_bytes; at < block.address() + block.bytes();
         at += page_bytes) {
      ASSERT_TRUE(mapped_.contains(at)) << "a block lies where nothing is mapped";
    }
    const auto next = live_.lower_bound(block.start);
    ASSERT_TRUE(next == live_.end() || block.end() <= next->first);
    ASSERT_TRUE(next == live_.begin() || blocks_[std::prev(next)->second].end() <= block.start);
    live_.emplace(block.start, id);
    live_granules_ += block.size;
    block.become(BlockState::live);
  }
  std::uint32_t fit(const Placement& wanted) {
    const std::uint32_t id = arena_.fit(wanted);
    if (id != 0) note_live(id, wanted);
    return id;
  }
  void release(std::uint32_t id, std::uint64_t epoch = 1, std::uint32_t now = 1) {
    live_.erase(blocks_[id].start);
    live_granules_ -= blocks_[id].size;
    blocks_[id].become(BlockState::busy);
    arena_.stamp(blocks_[id].start, blocks_[id].end(), now);
    arena_.release(id, epoch, now);
  }
  std::uint64_t take(std::uint64_t max_pages, std::uint32_t since = UINT32_MAX, bool stays = false) {
    LeavingPages leaving;
    if (!arena_.take_pages({.max_pages = max_pages, .since = since}, leaving)) return 0;
    EXPECT_LE(leaving.pages, max_pages);
    EXPECT_EQ(leaving.extents.size(), leaving.pages);
    for (std::size_t i = 0; i < leaving.extents.size(); ++i) {
      const Address at = leaving.address + i * page_bytes;
      const auto found = mapped_.find(at);
      if (found == mapped_.end() || found->second != leaving.extents[i].handle) {
        ADD_FAILURE() << "a page was to leave that is not there";
        return 0;
      }
      const auto block = live_.lower_bound((at + page_bytes) / 512);
      EXPECT_TRUE(block == live_.begin() || blocks_[std::prev(block)->second].end() * 512 <= at)
          << "a page was to leave that a block lies in";
      if (!stays) mapped_.erase(found);
    }
    if (stays) {
      arena_.pages_stayed(leaving);
    } else {
      arena_.note_unmapped(leaving);
      arena_.pages_left(leaving);
    }
    return leaving.pages;
  }
  void check() const {
    ASSERT_NO_THROW(arena_.verify());
    ASSERT_EQ(arena_.mapped_pages(), mapped_.size());
    ASSERT_EQ(arena_.free_granules(), mapped_.size() * page_granules - live_granules_);
    std::map<Address, PageHandle> told;
    for (const MappedExtents& mapped : arena_.mapped_extents()) {
      for (std::size_t i = 0; i < mapped.extents.size(); ++i) {
        told.emplace(mapped.address + i * page_bytes, mapped.extents[i].handle);
      }
    }
    ASSERT_EQ(told, mapped_);
  }

  track::BlockTable blocks_;
  index::AddressMap addresses_;
  PagedArena arena_{blocks_, addresses_, 3, range, range_pages* page_bytes, page_bytes};
  std::map<Address, PageHandle> mapped_;
  std::map<std::uint64_t, std::uint32_t> live_;  // start granule to id
  std::uint64_t live_granules_ = 0;
  std::uint64_t last_page_ = 0;
  std::mt19937 random_{9};
  PagedArenaTest() { addresses_.prepare(range, range_pages * page_bytes); }
};

}  // namespace weir::pool
