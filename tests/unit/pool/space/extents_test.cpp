// Extents of several pages in a paged arena: they come with growable blocks and with a
// surplus, and leave whole or not at all, by a shrink, as free pages, and under random use.
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "pool/space/extent_layout.hpp"
#include "pool/space/paged_arena.hpp"

namespace weir::pool {
namespace {

using device::Address;
using device::PageHandle;
using track::Block;
using track::BlockState;

constexpr std::uint32_t extent_page_granules = 4096;
constexpr std::uint64_t extent_page_bytes = std::uint64_t{extent_page_granules} * 512;
constexpr Address extent_range = Address{1} << 40;
constexpr std::uint64_t extent_range_pages = 512;

class ExtentsTest : public testing::Test {
 protected:
  ExtentsTest() { addresses_.prepare(extent_range, extent_range_pages * extent_page_bytes); }

  /// New extents of at most `max_pages` for all gaps, "mapped".
  void supply(GrowthPlan& plan, std::uint64_t max_pages) {
    ExtentLayout layout = lay_out(plan.gaps, {max_pages, plan.pages_before}, {});
    for (std::size_t i = 0; i < plan.gaps.size(); ++i) {
      Gap& gap = plan.gaps[i];
      gap.extents = std::move(layout.by_gap[i]);
      ASSERT_GE(pages_of(gap.extents), gap.pages);
      ASSERT_LE(pages_of(gap.extents), gap.available_pages);
      Address at = gap.start + (gap.from_end ? (gap.available_pages - pages_of(gap.extents)) * extent_page_bytes : 0);
      ASSERT_EQ(at, gap.address(extent_page_bytes));
      for (MovableExtent& extent : gap.extents) {
        extent.handle = static_cast<PageHandle>(++last_handle_);
        ASSERT_TRUE(mapped_.emplace(extent.handle, Mapped{at, extent.pages}).second);
        at += extent.pages * extent_page_bytes;
      }
    }
  }
  std::uint32_t make(std::uint32_t pages, std::uint32_t max, std::uint64_t max_pages = 16) {
    const Placement wanted{.granules = pages * extent_page_granules};
    GrowthPlan plan;
    if (!arena_.plan_growable(wanted, max * extent_page_granules, plan)) return 0;
    supply(plan, max_pages);
    arena_.note_mapped(plan, plan.gaps.size());
    const std::uint32_t id = arena_.finish_growable(plan, wanted);
    blocks_[id].become(BlockState::live);
    return id;
  }
  bool extend(std::uint32_t id, std::uint32_t pages) {
    GrowthPlan plan;
    if (!arena_.plan_extension(id, pages * extent_page_granules, plan)) return false;
    supply(plan, 16);
    arena_.note_mapped(plan, plan.gaps.size());
    arena_.finish_extension(plan, id);
    return true;
  }
  std::uint32_t grow(const Placement& wanted, std::uint64_t surplus, std::uint64_t max_pages) {
    GrowthPlan plan;
    if (!arena_.plan_growth(wanted, surplus, plan)) return 0;
    supply(plan, max_pages);
    arena_.note_mapped(plan, plan.gaps.size());
    const std::uint32_t id = arena_.finish_growth(plan, wanted);
    blocks_[id].become(BlockState::live);
    return id;
  }
  [[nodiscard]] std::uint64_t largest_free() {
    std::size_t first_stream = 0;
    return arena_.largest_free(first_stream);
  }
  /// Pages that went.
  std::uint64_t cut(std::uint32_t id, std::uint32_t pages) {
    const std::uint32_t granules = arena_.tail_granules(id, pages * extent_page_granules);
    if (granules == 0) return 0;
    LeavingPages tail;
    arena_.list_tail(id, granules, tail);
    arena_.take_tail(id, granules, tail);
    left(tail);
    arena_.note_unmapped(tail);
    arena_.tail_left(tail);
    return tail.pages;
  }
  std::uint64_t take(const PagesWanted& wanted) {
    LeavingPages leaving;
    if (!arena_.take_pages(wanted, leaving)) return 0;
    EXPECT_TRUE(wanted.beyond || leaving.pages <= wanted.max_pages);
    EXPECT_LE(leaving.extents.size(), LeavingPages::max_extents);
    for (const MovableExtent& extent : leaving.extents) EXPECT_LE(extent.moves, wanted.max_moves);
    left(leaving);
    arena_.note_unmapped(leaving);
    arena_.pages_left(leaving);
    return leaving.pages;
  }
  /// Whole extents only, from where they are mapped.
  void left(const LeavingPages& leaving) {
    Address at = leaving.address;
    for (const MovableExtent& extent : leaving.extents) {
      const auto found = mapped_.find(extent.handle);
      ASSERT_NE(found, mapped_.end());
      ASSERT_EQ(found->second.at, at);
      ASSERT_EQ(found->second.pages, extent.pages) << "an extent was parted";
      mapped_.erase(found);
      at += extent.pages * extent_page_bytes;
    }
    ASSERT_EQ(at, leaving.address + leaving.pages * extent_page_bytes);
  }
  void release(std::uint32_t id, std::uint32_t now = 1) {
    blocks_[id].become(BlockState::busy);
    blocks_[id].stream_index.store(clean_index);
    arena_.stamp(blocks_[id].start, blocks_[id].end(), now);
    arena_.release(id, 0, now);
  }
  void check() {
    ASSERT_NO_THROW(arena_.verify());
    std::uint64_t pages = 0;
    for (const auto& [handle, each] : mapped_) pages += each.pages;
    ASSERT_EQ(arena_.mapped_pages(), pages);
    std::uint64_t told = 0;
    for (const MappedExtents& mapped : arena_.mapped_extents()) {
      Address at = mapped.address;
      for (const MovableExtent& extent : mapped.extents) {
        const auto found = mapped_.find(extent.handle);
        ASSERT_NE(found, mapped_.end());
        ASSERT_EQ(found->second.at, at);
        ASSERT_EQ(found->second.pages, extent.pages);
        at += extent.pages * extent_page_bytes;
        told += extent.pages;
      }
    }
    ASSERT_EQ(told, pages);
  }

  struct Mapped {
    Address at = 0;
    std::size_t pages = 0;
  };
  track::BlockTable blocks_;
  index::AddressMap addresses_;
  PagedArena arena_{blocks_, addresses_, 3, extent_range, extent_range_pages* extent_page_bytes, extent_page_bytes};
  std::map<PageHandle, Mapped> mapped_;
  std::uint64_t last_handle_ = 0;
};

TEST_F(ExtentsTest, AShrinkKeepsTheExtentThatItEndsIn) {
  const std::uint32_t id = make(64, 256);
  ASSERT_TRUE(extend(id, 24));  // 8, 9 and what is left: 7
  EXPECT_EQ(cut(id, 6), 0u);
  EXPECT_EQ(cut(id, 7), 7u);
  EXPECT_EQ(cut(id, 16), 9u);
  EXPECT_EQ(blocks_[id].size, 72 * extent_page_granules);
  EXPECT_EQ(cut(id, 8), 8u);
  check();
  ASSERT_TRUE(extend(id, 100));
  check();
}

TEST_F(ExtentsTest, FreeExtentsLeaveWholeOrNotAtAll) {
  const std::uint32_t id = make(64, 64, 8);
  ASSERT_LT(mapped_.size(), 40u);
  release(id);
  EXPECT_EQ(take({.max_pages = 0, .beyond = true}), 0u);
  // The last extent has more than one page: the single ones before it go, and it stays.
  while (take({.max_pages = 1}) == 1) {
  }
  EXPECT_EQ(take({.max_pages = 1}), 0u);
  ASSERT_FALSE(mapped_.empty());
  for (const auto& [handle, each] : mapped_) EXPECT_GT(each.pages, 1u);
  check();
  const std::uint64_t handles = mapped_.size();
  EXPECT_GT(take({.max_pages = 1, .beyond = true}), 1u);
  EXPECT_EQ(mapped_.size(), handles - 1);
  check();
  while (take({.max_pages = 1000}) != 0) {
  }
  EXPECT_EQ(arena_.mapped_pages(), 0u);
  check();
}

TEST_F(ExtentsTest, AnExtentWithABlockInItStays) {
  const std::uint32_t id = make(64, 64, 8);
  release(id);
  const std::uint32_t inside = arena_.fit({.granules = 60 * extent_page_granules + 5});
  ASSERT_NE(inside, 0u);
  blocks_[inside].become(BlockState::live);
  while (take({.max_pages = 1000, .beyond = true}) != 0) {
  }
  // The pages behind the block, but for those in an extent with its last page.
  const std::uint64_t kept = arena_.mapped_pages();
  EXPECT_GE(kept, 61u);
  EXPECT_LT(kept, 69u);
  check();
  release(inside);
  while (take({.max_pages = 1000, .beyond = true}) != 0) {
  }
  EXPECT_EQ(arena_.mapped_pages(), 0u);
  check();
}

TEST_F(ExtentsTest, ASurplusIsFreeAndServesTheNext) {
  const std::uint32_t id = grow({.granules = extent_page_granules}, 7, 8);
  ASSERT_NE(id, 0u);
  EXPECT_EQ(mapped_.size(), 1u);
  EXPECT_EQ(arena_.mapped_pages(), 8u);
  EXPECT_EQ(arena_.free_granules(), 7 * extent_page_granules);
  EXPECT_EQ(largest_free(), 7 * extent_page_bytes);
  check();
  EXPECT_EQ(take({.max_pages = 100, .beyond = true}), 0u) << "a part of it is in use";
  const std::uint32_t rest = arena_.fit({.granules = 7 * extent_page_granules});
  ASSERT_NE(rest, 0u);
  blocks_[rest].become(BlockState::live);
  release(id);
  EXPECT_EQ(take({.max_pages = 100, .beyond = true}), 0u);
  release(rest);
  EXPECT_EQ(take({.max_pages = 100}), 8u);
  check();
}

TEST_F(ExtentsTest, ASurplusThatIsNotUsedIsAHoleAgain) {
  ASSERT_NE(grow({.granules = extent_page_granules}, 31, 1), 0u);
  EXPECT_EQ(arena_.mapped_pages(), 1u);
  check();
  const std::uint32_t rest = grow({.granules = (extent_range_pages - 1) * extent_page_granules}, 31, 32);
  ASSERT_NE(rest, 0u);  // one hole it is, up to the end
  check();
}

// Between two blocks there is room for no more than the hole.
TEST_F(ExtentsTest, ASurplusGoesNoFurtherThanItsHole) {
  std::vector<std::uint32_t> row;
  for (int i = 0; i < 6; ++i) row.push_back(grow({.granules = extent_page_granules}, 0, 1));
  for (const int i : {1, 2, 3, 4}) release(row[static_cast<std::size_t>(i)]);
  while (take({.max_pages = 100}) != 0) {
  }
  ASSERT_EQ(arena_.mapped_pages(), 2u);
  const std::uint32_t id = grow({.granules = 3 * extent_page_granules}, 31, 32);
  ASSERT_NE(id, 0u);
  EXPECT_LT(blocks_[id].end(), blocks_[row[5]].start + 1);
  EXPECT_EQ(arena_.mapped_pages(), 6u);
  EXPECT_EQ(arena_.free_granules(), extent_page_granules);
  check();
}

TEST_F(ExtentsTest, OnlyWhatWasMovedSeldomLeavesIfThatIsWanted) {
  GrowthPlan plan;
  const Placement wanted{.granules = 4 * extent_page_granules};
  ASSERT_TRUE(arena_.plan_growth(wanted, 0, plan));
  supply(plan, 1);
  for (std::uint32_t i = 0; i < 4; ++i) plan.gaps.front().extents[i].moves = i;
  arena_.note_mapped(plan, plan.gaps.size());
  const std::uint32_t id = arena_.finish_growth(plan, wanted);
  blocks_[id].become(BlockState::live);
  release(id);
  EXPECT_EQ(take({.max_pages = 100, .max_moves = 0}), 1u);
  EXPECT_EQ(take({.max_pages = 100, .max_moves = 0}), 0u);
  EXPECT_EQ(take({.max_pages = 100, .max_moves = 2}), 2u);
  EXPECT_EQ(take({.max_pages = 100}), 1u);
  check();
}

// An extent leaves only when the last of its pages has been free for long enough.
TEST_F(ExtentsTest, AnExtentIsAsOldAsItsYoungestPage) {
  const std::uint32_t first = grow({.granules = extent_page_granules}, 1, 2);
  const std::uint32_t second = arena_.fit({.granules = extent_page_granules});
  ASSERT_NE(second, 0u);
  blocks_[second].become(BlockState::live);
  release(first, 10);
  release(second, 20);
  EXPECT_EQ(take({.max_pages = 100, .since = 19}), 0u);
  EXPECT_EQ(take({.max_pages = 100, .since = 20}), 2u);
}

TEST_F(ExtentsTest, HoldsUnderRandomUse) {
  std::mt19937 random(7);
  std::vector<std::uint32_t> live;
  for (int step = 0; step < 6000 && !HasFatalFailure(); ++step) {
    const auto pages = static_cast<std::uint32_t>(1 + random() % 40);
    const std::size_t at = live.empty() ? 0 : random() % live.size();
    switch (random() % 7) {
      case 0:
        if (const std::uint32_t id = make(pages, pages + static_cast<std::uint32_t>(random() % 100)); id != 0)
          live.push_back(id);
        break;
      case 1: {
        const Placement wanted{.granules = static_cast<std::uint32_t>(1 + random() % (3 * extent_page_granules))};
        std::uint32_t id = arena_.fit(wanted);
        if (id == 0) id = grow(wanted, random() % 32, 1 + random() % 16);
        if (id == 0) break;
        blocks_[id].become(BlockState::live);
        live.push_back(id);
        break;
      }
      case 2:
        if (!live.empty() && arena_.growable(live[at])) static_cast<void>(extend(live[at], pages));
        break;
      case 3:
        if (!live.empty() && arena_.growable(live[at]) && pages * extent_page_granules < blocks_[live[at]].size) {
          cut(live[at], pages);
        }
        break;
      case 4: take({.max_pages = pages, .beyond = random() % 2 == 0}); break;
      default:
        if (live.empty()) break;
        release(live[at]);
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (step % 20 == 0) check();
  }
  for (const std::uint32_t id : live) release(id);
  while (take({.max_pages = extent_range_pages, .beyond = true}) != 0) {
  }
  EXPECT_EQ(arena_.mapped_pages(), 0u);
  check();
}

}  // namespace
}  // namespace weir::pool
