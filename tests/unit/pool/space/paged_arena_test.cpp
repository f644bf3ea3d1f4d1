// The paged arena alone, without a driver.
#include <random>

#include "unit/pool/space/paged_arena_fixture.hpp"

namespace weir::pool {
namespace {

TEST_F(PagedArenaTest, StartsWithNothingMapped) {
  EXPECT_EQ(arena_.fit({.granules = 1}), 0u);
  EXPECT_EQ(arena_.free_granules(), 0u);
  EXPECT_EQ(largest_free(), 0u);
  EXPECT_EQ(take(10), 0u);
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
  EXPECT_EQ(largest_free(), page_bytes);
  check();
}

TEST_F(PagedArenaTest, GrowsWhereTheFewestPagesAreMissing) {
  const std::uint32_t first = grow({.granules = 3 * page_granules});
  const std::uint32_t second = grow({.granules = 100});
  EXPECT_EQ(mapped_.size(), 4u);
  release(first);
  // Three pages are there side by side, and the fourth has room; only the rest is mapped anew.
  GrowthPlan plan;
  ASSERT_TRUE(arena_.plan_growth({.granules = 4 * page_granules, .alignment = page_granules}, 0, plan));
  EXPECT_EQ(plan.missing_pages, 4u);  // the block in the fourth page is in the way
  arena_.abandon_growth(plan, 0);
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
  GrowthPlan plan;
  EXPECT_FALSE(arena_.plan_growth({.granules = (range_pages + 1) * page_granules}, 0, plan));
  ASSERT_NE(grow({.granules = range_pages * page_granules}, 31), 0u);
  EXPECT_FALSE(arena_.plan_growth({.granules = 1}, 0, plan));
  EXPECT_EQ(plan.piece, 0u);
  check();
}

// Of several gaps of a plan, any number was mapped before the driver failed.
TEST_F(PagedArenaTest, AnAbandonedGrowthLeavesWhatWasMappedFreeAndTheRestAHole) {
  for (std::size_t mapped_gaps = 0; mapped_gaps <= 3; ++mapped_gaps) {
    SCOPED_TRACE(mapped_gaps);
    track::BlockTable blocks;
    PagedArena arena(blocks, addresses_, 3, range, 8 * page_bytes, page_bytes);
    // Pages 1, 3 and 5 are mapped and free; 0, 2, 4 and 6 are not.
    std::vector<std::uint32_t> row;
    std::uint64_t handle = 0;
    const auto supply_with_singles = [&](GrowthPlan& plan) {
      for (Gap& gap : plan.gaps) {
        while (gap.extents.size() < gap.pages) gap.extents.push_back({{static_cast<PageHandle>(++handle), 1}, 0});
      }
    };
    const Placement one{.granules = page_granules, .alignment = page_granules};
    for (int i = 0; i < 8; ++i) {
      GrowthPlan plan;
      ASSERT_TRUE(arena.plan_growth(one, 0, plan));
      supply_with_singles(plan);
      arena.note_mapped(plan, plan.gaps.size());
      row.push_back(arena.finish_growth(plan, one));
    }
    for (const std::uint32_t id : row) {
      blocks[id].become(BlockState::busy);
      arena.release(id, 1, blocks[id].start / page_granules % 2 == 1 ? 9 : 1);
    }
    const auto give_back = [&](const PagesWanted& wanted) {
      for (;;) {
        LeavingPages leaving;
        if (!arena.take_pages(wanted, leaving)) return;
        arena.note_unmapped(leaving);
        arena.pages_left(leaving);
      }
    };
    give_back({.max_pages = 1, .since = 5});
    ASSERT_EQ(arena.mapped_pages(), 4u);  // 1, 3, 5, 7
    GrowthPlan plan;
    ASSERT_TRUE(arena.plan_growth({.granules = 6 * page_granules, .alignment = page_granules}, 0, plan));
    ASSERT_EQ(plan.gaps.size(), 3u);
    supply_with_singles(plan);
    arena.note_mapped(plan, mapped_gaps);
    arena.abandon_growth(plan, mapped_gaps);
    EXPECT_NO_THROW(arena.verify());
    EXPECT_EQ(arena.mapped_pages(), 4 + mapped_gaps);
    EXPECT_EQ(arena.free_granules(), (4 + mapped_gaps) * page_granules);
    std::uint64_t told = 0;
    for (const MappedExtents& mapped : arena.mapped_extents()) told += pages_of(mapped.extents);
    EXPECT_EQ(told, 4 + mapped_gaps);
    give_back({.max_pages = 100});
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
  const std::uint32_t id = grow({.granules = 2 * page_granules, .stream_index = 7});
  release(id, 5);
  EXPECT_EQ(streams(false), std::vector<StreamIndex>{7});
  EXPECT_EQ(streams(true), std::vector<StreamIndex>{7});
  EXPECT_EQ(take(100), 0u);
  reassign(7, 4, clean_index, 0);  // an event before its free
  EXPECT_EQ(take(100), 0u);
  reassign(7, 5, clean_index, 0);
  EXPECT_EQ(streams(false), std::vector<StreamIndex>{});
  EXPECT_EQ(take(100), 2u);
  check();
}

TEST_F(PagedArenaTest, AStreamIsLookedAtOnlyWhileItHasRanges) {
  for (StreamIndex stream_index = 1; stream_index <= 20; ++stream_index) {
    const std::uint32_t small = grow({.granules = 3, .stream_index = stream_index, .small = true});
    const std::uint32_t large = grow({.granules = page_granules, .stream_index = stream_index});
    release(small, 1);
    EXPECT_EQ(streams(false), std::vector<StreamIndex>{stream_index});
    reassign(stream_index, 1, clean_index, 0);
    EXPECT_EQ(streams(false), std::vector<StreamIndex>{});
    release(large, 2);
    EXPECT_EQ(streams(true), std::vector<StreamIndex>{stream_index});
    reassign(stream_index, 2, clean_index, 0);
    check();
  }
  EXPECT_EQ(streams(false), std::vector<StreamIndex>{});
}

// Its stream's lists may have been put aside while the driver worked.
TEST_F(PagedArenaTest, AnAbandonedPlanGivesItsStreamBackWhatItTook) {
  const std::uint32_t id = grow({.granules = page_granules, .stream_index = 5});
  release(id, 1);
  GrowthPlan plan;
  ASSERT_TRUE(arena_.plan_growth({.granules = 2 * page_granules, .stream_index = 5}, 0, plan));
  EXPECT_EQ(plan.missing_pages, 1u);
  EXPECT_EQ(streams(false), std::vector<StreamIndex>{});
  arena_.abandon_growth(plan, 0);
  EXPECT_EQ(streams(true), std::vector<StreamIndex>{5});
  check();
}

TEST_F(PagedArenaTest, StreamsServeThemselvesAndTheCleanOneServesAll) {
  const std::uint32_t first = grow({.granules = page_granules, .stream_index = 1});
  release(first, 1);
  EXPECT_EQ(arena_.fit({.granules = 10, .stream_index = 2}), 0u);
  EXPECT_EQ(arena_.fit({.granules = 10}), 0u);
  const std::uint32_t again = fit({.granules = page_granules, .stream_index = 1});
  ASSERT_NE(again, 0u);
  release(again, 2);
  reassign(1, 2, 2, 6);
  EXPECT_EQ(streams(false), std::vector<StreamIndex>{2});
  EXPECT_EQ(arena_.fit({.granules = 10, .stream_index = 1}), 0u);
  const std::uint32_t taken = fit({.granules = 10, .stream_index = 2});
  ASSERT_NE(taken, 0u);
  release(taken, 7);
  reassign(2, 7, clean_index, 0);
  ASSERT_NE(fit({.granules = page_granules, .stream_index = 9}), 0u);
  check();
}

// Anything goes, in any order: blocks, growth that fails half-way, pages that leave or stay, streams.
TEST_F(PagedArenaTest, HoldsUnderRandomUse) {
  for (const std::uint32_t seed : {1u, 2u, 3u}) {
    std::mt19937 random(seed);
    std::uint64_t epoch = 1;
    for (int step = 0; step < 6000 && !HasFatalFailure(); ++step) {
      const Placement wanted{
          .granules = static_cast<std::uint32_t>(1 + random() % (random() % 3 == 0 ? 4 * page_granules : 600)),
          .alignment = std::uint32_t{1} << (random() % 4 == 0 ? random() % 13 : 0),
          .stream_index = static_cast<StreamIndex>(random() % 4)};
      switch (random() % 12) {
        case 0:
        case 1:
        case 2:
        case 3:
          if (fit(wanted) == 0) grow(wanted, random() % 3 == 0 ? random() % 16 : 0);
          break;
        case 4: {
          GrowthPlan plan;
          if (!arena_.plan_growth(wanted, random() % 16, plan)) break;
          supply(plan);
          const std::size_t mapped_gaps = random() % (plan.gaps.size() + 1);
          for (std::size_t i = 0; i < mapped_gaps; ++i) map(plan.gaps[i]);
          arena_.note_mapped(plan, mapped_gaps);
          arena_.abandon_growth(plan, mapped_gaps);
          break;
        }
        case 5:
          take(1 + random() % 8, static_cast<std::uint32_t>(std::max(0, step - static_cast<int>(random() % 100))),
               random() % 3 == 0);
          break;
        case 6: {
          const StreamIndex from = static_cast<StreamIndex>(1 + random() % 3);
          const StreamIndex to = static_cast<StreamIndex>(random() % 4);
          if (from != to) reassign(from, epoch - random() % 3, to, to == clean_index ? 0 : epoch);
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
    for (const StreamIndex each : {StreamIndex{1}, StreamIndex{2}, StreamIndex{3}})
      reassign(each, epoch, clean_index, 0);
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
