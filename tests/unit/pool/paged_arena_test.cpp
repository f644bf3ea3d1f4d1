// The paged arena alone, without a driver: pages are numbers here, and a plain
// map of what is mapped and what is live says what must be true.
#include "pool/paged_arena.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

using device::Address;
using device::PageHandle;
using track::Block;
using track::BlockState;

constexpr std::uint32_t page_granules = 4096;
constexpr std::uint64_t page_bytes = std::uint64_t{page_granules} * 512;
constexpr Address range = Address{1} << 40;
constexpr std::uint64_t range_pages = 64;

class PagedArenaTest : public testing::Test {
 protected:
  /// Maps what the plan misses and finishes it.
  std::uint32_t grow(const Placement& wanted) {
    std::optional<GrowthPlan> plan = arena_.plan_growth(wanted);
    if (!plan) return 0;
    supply(*plan);
    for (const PageRun& run : plan->missing) map(run);
    const std::uint32_t id = arena_.finish_growth(*plan, wanted);
    note_live(id, wanted);
    return id;
  }
  /// The lanes with free ranges, or with wholly free pages.
  std::vector<Lane> lanes(bool only_pages) {
    std::vector<Lane> all;
    arena_.collect_lanes(only_pages, all);
    return all;
  }
  void supply(GrowthPlan& plan) {
    for (PageRun& run : plan.missing) {
      for (PageHandle& page : run.pages) page = static_cast<PageHandle>(++last_page_);
    }
    plan.supplied = true;
  }
  void map(const PageRun& run) {
    for (std::size_t i = 0; i < run.pages.size(); ++i) {
      const Address at = run.address + i * page_bytes;
      ASSERT_EQ(at % page_bytes, 0u);
      ASSERT_TRUE(mapped_.emplace(at, run.pages[i]).second) << "a page was to be mapped twice";
    }
  }
  void note_live(std::uint32_t id, const Placement& wanted) {
    Block& block = blocks_[id];
    ASSERT_TRUE(block.is(BlockState::busy));
    ASSERT_EQ(block.size, wanted.granules);
    ASSERT_EQ(block.start % wanted.alignment, 0u);
    ASSERT_EQ(block.lane.load(), wanted.lane);
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
    arena_.release(id, epoch, now);
  }
  std::uint64_t take(std::uint64_t most, std::uint32_t since = UINT32_MAX, bool stays = false) {
    const std::optional<LeavingPages> leaving = arena_.take_pages({most}, since);
    if (!leaving) return 0;
    EXPECT_LE(leaving->run.pages.size(), most);
    for (std::size_t i = 0; i < leaving->run.pages.size(); ++i) {
      const Address at = leaving->run.address + i * page_bytes;
      const auto found = mapped_.find(at);
      if (found == mapped_.end() || found->second != leaving->run.pages[i]) {
        ADD_FAILURE() << "a page was to leave that is not there";
        return 0;
      }
      const auto block = live_.lower_bound((at + page_bytes) / 512);
      EXPECT_TRUE(block == live_.begin() || blocks_[std::prev(block)->second].end() * 512 <= at)
          << "a page was to leave that a block lies in";
      if (!stays) mapped_.erase(found);
    }
    if (stays) {
      arena_.pages_stayed(*leaving);
    } else {
      arena_.pages_left(*leaving);
    }
    return leaving->run.pages.size();
  }
  void check() const {
    ASSERT_NO_THROW(arena_.verify());
    ASSERT_EQ(arena_.mapped_pages(), mapped_.size());
    ASSERT_EQ(arena_.free_granules(), mapped_.size() * page_granules - live_granules_);
    std::map<Address, PageHandle> told;
    for (const PageRun& run : arena_.mapped_runs()) {
      for (std::size_t i = 0; i < run.pages.size(); ++i) told.emplace(run.address + i * page_bytes, run.pages[i]);
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
  PagedArenaTest() { addresses_.prepare(range, range_pages * page_bytes); }
};

TEST_F(PagedArenaTest, StartsWithNothingMapped) {
  EXPECT_EQ(arena_.fit({.granules = 1}), 0u);
  EXPECT_EQ(arena_.free_granules(), 0u);
  EXPECT_EQ(arena_.largest_free(), 0u);
  EXPECT_FALSE(arena_.take_pages({10}, UINT32_MAX).has_value());
  check();
}

TEST_F(PagedArenaTest, GrowsByWholePagesAndFillsThem) {
  const std::uint32_t first = grow({.granules = 100});
  ASSERT_NE(first, 0u);
  EXPECT_EQ(mapped_.size(), 1u);
  const std::uint32_t second = fit({.granules = page_granules - 100});
  ASSERT_NE(second, 0u);
  EXPECT_EQ(fit({.granules = 1}), 0u);
  check();
  release(first);
  release(second);
  EXPECT_EQ(arena_.largest_free(), page_bytes);
  check();
}

TEST_F(PagedArenaTest, GrowsWhereTheFewestPagesAreMissing) {
  const std::uint32_t first = grow({.granules = 3 * page_granules});
  const std::uint32_t second = grow({.granules = 100});
  EXPECT_EQ(mapped_.size(), 4u);
  release(first);
  // Three pages are there side by side, and the fourth has room; only the rest is mapped anew.
  const std::optional<GrowthPlan> plan =
      arena_.plan_growth({.granules = 4 * page_granules, .alignment = page_granules});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->missing_pages, 4u);  // the block in the fourth page is in the way
  arena_.abandon_growth(*plan, 0);
  check();
  release(second);
  EXPECT_EQ(arena_.fit({.granules = 5 * page_granules}), 0u);
  ASSERT_NE(grow({.granules = 5 * page_granules}), 0u);
  EXPECT_EQ(mapped_.size(), 5u);
  check();
}

TEST_F(PagedArenaTest, FillsAHoleBetweenBlocks) {
  std::vector<std::uint32_t> row;
  for (int i = 0; i < 5; ++i) row.push_back(grow({.granules = page_granules}));
  release(row[1]);
  release(row[3]);
  EXPECT_EQ(take(1), 1u);
  EXPECT_EQ(take(1), 1u);
  check();
  ASSERT_NE(grow({.granules = page_granules}), 0u);
  ASSERT_NE(grow({.granules = page_granules}), 0u);
  EXPECT_EQ(mapped_.size(), 5u);
  EXPECT_EQ(mapped_.rbegin()->first, range + 4 * page_bytes);
  check();
}

TEST_F(PagedArenaTest, SaysWhenItsRangeIsExhausted) {
  EXPECT_FALSE(arena_.plan_growth({.granules = (range_pages + 1) * page_granules}).has_value());
  ASSERT_NE(grow({.granules = range_pages * page_granules}), 0u);
  EXPECT_FALSE(arena_.plan_growth({.granules = 1}).has_value());
  check();
}

// Of several runs that a plan misses, any number was mapped before the driver failed.
TEST_F(PagedArenaTest, AnAbandonedGrowthLeavesWhatWasMappedFreeAndTheRestAHole) {
  for (std::size_t mapped_runs = 0; mapped_runs <= 3; ++mapped_runs) {
    SCOPED_TRACE(mapped_runs);
    track::BlockTable blocks;
    PagedArena arena(blocks, addresses_, 3, range, 8 * page_bytes, page_bytes);
    // Pages 1, 3 and 5 are mapped and free; 0, 2, 4 and 6, 7 are not.
    std::vector<std::uint32_t> row;
    std::uint64_t handle = 0;
    const Placement one{.granules = page_granules, .alignment = page_granules};
    for (int i = 0; i < 8; ++i) {
      auto plan = arena.plan_growth(one);
      ASSERT_TRUE(plan.has_value());
      for (PageRun& run : plan->missing) {
        for (PageHandle& page : run.pages) page = static_cast<PageHandle>(++handle);
      }
      row.push_back(arena.finish_growth(*plan, one));
    }
    for (const std::uint32_t id : row) {
      blocks[id].become(BlockState::busy);
      arena.release(id, 1, blocks[id].start / page_granules % 2 == 1 ? 9 : 1);
    }
    while (auto leaving = arena.take_pages({1}, 5)) arena.pages_left(*leaving);
    ASSERT_EQ(arena.mapped_pages(), 4u);  // 1, 3, 5, 7
    auto plan = arena.plan_growth({.granules = 6 * page_granules, .alignment = page_granules});
    ASSERT_TRUE(plan.has_value());
    ASSERT_EQ(plan->missing.size(), 3u);
    for (PageRun& run : plan->missing) {
      for (PageHandle& page : run.pages) page = static_cast<PageHandle>(++handle);
    }
    arena.abandon_growth(*plan, mapped_runs);
    EXPECT_NO_THROW(arena.verify());
    EXPECT_EQ(arena.mapped_pages(), 4 + mapped_runs);
    EXPECT_EQ(arena.free_granules(), (4 + mapped_runs) * page_granules);
    std::uint64_t told = 0;
    for (const PageRun& run : arena.mapped_runs()) told += run.pages.size();
    EXPECT_EQ(told, 4 + mapped_runs);
    while (auto leaving = arena.take_pages({100}, UINT32_MAX)) arena.pages_left(*leaving);
    EXPECT_EQ(arena.mapped_pages(), 0u);
    EXPECT_NO_THROW(arena.verify());
  }
}

TEST_F(PagedArenaTest, OnlyPagesFreeForLongEnoughLeave) {
  std::vector<std::uint32_t> row;
  for (int i = 0; i < 6; ++i) row.push_back(grow({.granules = page_granules}));
  for (std::uint32_t i = 0; i < 6; ++i) release(row[i], 1, 10 + i % 2 * 10);  // 10, 20, 10, 20, …
  EXPECT_EQ(take(100, 9), 0u);
  EXPECT_EQ(take(100, 10), 1u);
  EXPECT_EQ(take(100, 10), 1u);
  EXPECT_EQ(take(100, 10), 1u);
  EXPECT_EQ(take(100, 19), 0u);
  EXPECT_EQ(mapped_.size(), 3u);
  EXPECT_EQ(take(100, 20), 1u);
  check();
}

TEST_F(PagedArenaTest, PagesThatAStreamMayStillUseStay) {
  const std::uint32_t id = grow({.granules = 2 * page_granules, .lane = 7});
  release(id, 5);
  EXPECT_EQ(lanes(false), std::vector<Lane>{7});
  EXPECT_EQ(lanes(true), std::vector<Lane>{7});
  EXPECT_EQ(take(100), 0u);
  arena_.reassign(7, 4, clean_lane, 0);  // an event before its free
  EXPECT_EQ(take(100), 0u);
  arena_.reassign(7, 5, clean_lane, 0);
  EXPECT_EQ(lanes(false), std::vector<Lane>{});
  EXPECT_EQ(take(100), 2u);
  check();
}

TEST_F(PagedArenaTest, ALaneIsLookedAtOnlyWhileItHasRanges) {
  for (Lane lane = 1; lane <= 20; ++lane) {
    const std::uint32_t small = grow({.granules = 3, .lane = lane, .small = true});
    const std::uint32_t large = grow({.granules = page_granules, .lane = lane});
    release(small, 1);
    EXPECT_EQ(lanes(false), std::vector<Lane>{lane});
    arena_.reassign(lane, 1, clean_lane, 0);
    EXPECT_EQ(lanes(false), std::vector<Lane>{});
    release(large, 2);
    EXPECT_EQ(lanes(true), std::vector<Lane>{lane});
    arena_.reassign(lane, 2, clean_lane, 0);
    check();
  }
  EXPECT_EQ(lanes(false), std::vector<Lane>{});
}

// Its lane's lists may have been put aside while the driver worked.
TEST_F(PagedArenaTest, AnAbandonedPlanGivesItsLaneBackWhatItTook) {
  const std::uint32_t id = grow({.granules = page_granules, .lane = 5});
  release(id, 1);
  const auto plan = arena_.plan_growth({.granules = 2 * page_granules, .lane = 5});
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->missing_pages, 1u);
  EXPECT_EQ(lanes(false), std::vector<Lane>{});
  arena_.abandon_growth(*plan, 0);
  EXPECT_EQ(lanes(true), std::vector<Lane>{5});
  check();
}

TEST_F(PagedArenaTest, LanesServeThemselvesAndTheCleanOneServesAll) {
  const std::uint32_t first = grow({.granules = page_granules, .lane = 1});
  release(first, 1);
  EXPECT_EQ(arena_.fit({.granules = 10, .lane = 2}), 0u);
  EXPECT_EQ(arena_.fit({.granules = 10}), 0u);
  const std::uint32_t again = fit({.granules = page_granules, .lane = 1});
  ASSERT_NE(again, 0u);
  release(again, 2);
  arena_.reassign(1, 2, 2, 6);
  EXPECT_EQ(lanes(false), std::vector<Lane>{2});
  EXPECT_EQ(arena_.fit({.granules = 10, .lane = 1}), 0u);
  const std::uint32_t taken = fit({.granules = 10, .lane = 2});
  ASSERT_NE(taken, 0u);
  release(taken, 7);
  arena_.reassign(2, 7, clean_lane, 0);
  ASSERT_NE(fit({.granules = page_granules, .lane = 9}), 0u);
  check();
}

// Anything goes, in any order: blocks, growth that fails half-way, pages that leave or stay, lanes.
TEST_F(PagedArenaTest, HoldsUnderRandomUse) {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    std::mt19937 random(seed);
    std::uint64_t epoch = 1;
    for (int step = 0; step < 6000 && !HasFatalFailure(); ++step) {
      const Placement wanted{
          .granules = static_cast<std::uint32_t>(1 + random() % (random() % 3 == 0 ? 4 * page_granules : 600)),
          .alignment = std::uint32_t{1} << (random() % 4 == 0 ? random() % 13 : 0),
          .lane = static_cast<Lane>(random() % 4)};
      switch (random() % 12) {
        case 0:
        case 1:
        case 2:
        case 3:
          if (fit(wanted) == 0) grow(wanted);
          break;
        case 4: {
          std::optional<GrowthPlan> plan = arena_.plan_growth(wanted);
          if (!plan) break;
          supply(*plan);
          const std::size_t mapped_runs = random() % (plan->missing.size() + 1);
          for (std::size_t i = 0; i < mapped_runs; ++i) map(plan->missing[i]);
          arena_.abandon_growth(*plan, mapped_runs);
          break;
        }
        case 5:
          take(1 + random() % 8, static_cast<std::uint32_t>(std::max(0, step - static_cast<int>(random() % 100))),
               random() % 3 == 0);
          break;
        case 6: {
          const Lane from = static_cast<Lane>(1 + random() % 3);
          const Lane to = static_cast<Lane>(random() % 4);
          if (from != to) arena_.reassign(from, epoch - random() % 3, to, to == clean_lane ? 0 : epoch);
          ++epoch;
          break;
        }
        default:
          if (!live_.empty()) {
            auto victim = live_.lower_bound(range / 512 + random() % (range_pages * page_granules));
            if (victim == live_.end()) victim = live_.begin();
            const std::uint32_t id = victim->second;
            release(id, epoch, static_cast<std::uint32_t>(step));
          }
      }
      if (step % 50 == 0) check();
    }
    while (!live_.empty()) release(live_.begin()->second, epoch);
    for (const Lane lane : {Lane{1}, Lane{2}, Lane{3}}) arena_.reassign(lane, epoch, clean_lane, 0);
    while (take(range_pages) != 0) {
    }
    EXPECT_EQ(arena_.mapped_pages(), 0u);
    check();
    ASSERT_NE(grow({.granules = range_pages * page_granules}), 0u);  // it is one hole again
    release(live_.begin()->second);
    while (take(range_pages) != 0) {
    }
  }
}

}  // namespace
}  // namespace weir::pool
