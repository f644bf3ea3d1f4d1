// Bundled pages in a paged arena: they come with growable blocks, and leave whole or
// not at all, by a shrink, as free pages, and under random use.
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "pool/bundles.hpp"
#include "pool/page_layout.hpp"
#include "pool/paged_arena.hpp"

namespace weir::pool {
namespace {

using device::Address;
using device::PageHandle;
using track::Block;
using track::BlockState;

constexpr std::uint32_t page_granules = 4096;
constexpr std::uint64_t page_bytes = std::uint64_t{page_granules} * 512;
constexpr Address range = Address{1} << 40;
constexpr std::uint64_t range_pages = 512;

class BundlesTest : public testing::Test {
 protected:
  BundlesTest() { addresses_.prepare(range, range_pages * page_bytes); }

  void supply(GrowthPlan& plan, std::uint64_t most_bundled) {
    std::uint64_t before = plan.pages_before.value_or(0);
    for (PageRun& run : plan.missing) {
      run.pages = lay_out({run.pages.size(), before, plan.pages_before ? most_bundled : 1}, {}).pages;
      for_each_handle(run.pages, [&](std::size_t first, std::size_t count) {
        run.pages[first] = static_cast<PageHandle>(++last_handle_);
        const Address at = run.address + first * page_bytes;
        ASSERT_TRUE(mapped_.emplace(run.pages[first], Mapped{at, count}).second);
      });
      before += run.pages.size();
    }
    plan.supplied = true;
  }
  std::uint32_t make(std::uint32_t pages, std::uint32_t most, std::uint64_t most_bundled = 16) {
    const Placement wanted{.granules = pages * page_granules};
    std::optional<GrowthPlan> plan = arena_.plan_growable(wanted, most * page_granules);
    if (!plan) return 0;
    supply(*plan, most_bundled);
    const std::uint32_t id = arena_.finish_growable(*plan, wanted);
    blocks_[id].become(BlockState::live);
    return id;
  }
  bool extend(std::uint32_t id, std::uint32_t pages) {
    std::optional<GrowthPlan> plan = arena_.plan_extension(id, pages * page_granules);
    if (!plan) return false;
    supply(*plan, 16);
    arena_.finish_extension(*plan, id);
    return true;
  }
  /// Pages that went.
  std::uint64_t cut(std::uint32_t id, std::uint32_t pages) {
    const std::uint32_t granules = arena_.tail_granules(id, pages * page_granules);
    if (granules == 0) return 0;
    const LeavingPages tail = arena_.take_tail(id, granules);
    left(tail.run);
    arena_.tail_left(tail);
    return tail.run.pages.size();
  }
  std::uint64_t take(const PagesWanted& wanted) {
    const std::optional<LeavingPages> leaving = arena_.take_pages(wanted, UINT32_MAX);
    if (!leaving) return 0;
    EXPECT_TRUE(wanted.beyond || leaving->run.pages.size() <= wanted.most);
    left(leaving->run);
    arena_.pages_left(*leaving);
    return leaving->run.pages.size();
  }
  /// Whole handles only, from where they are mapped.
  void left(const PageRun& run) {
    for_each_handle(run.pages, [&](std::size_t first, std::size_t count) {
      const auto found = mapped_.find(run.pages[first]);
      ASSERT_NE(found, mapped_.end());
      ASSERT_EQ(found->second.at, run.address + first * page_bytes);
      ASSERT_EQ(found->second.pages, count) << "a bundle was parted";
      mapped_.erase(found);
    });
  }
  void release(std::uint32_t id) {
    blocks_[id].become(BlockState::busy);
    blocks_[id].lane.store(clean_lane);
    arena_.release(id, 0, 1);
  }
  void check() {
    ASSERT_NO_THROW(arena_.verify());
    std::uint64_t pages = 0;
    for (const auto& [handle, each] : mapped_) pages += each.pages;
    ASSERT_EQ(arena_.mapped_pages(), pages);
    std::uint64_t told = 0;
    for (const PageRun& run : arena_.mapped_runs()) {
      for_each_handle(run.pages, [&](std::size_t first, std::size_t count) {
        const auto found = mapped_.find(run.pages[first]);
        ASSERT_NE(found, mapped_.end());
        ASSERT_EQ(found->second.pages, count);
      });
      told += run.pages.size();
    }
    ASSERT_EQ(told, pages);
  }

  struct Mapped {
    Address at = 0;
    std::size_t pages = 0;
  };
  track::BlockTable blocks_;
  index::AddressMap addresses_;
  PagedArena arena_{blocks_, addresses_, 3, range, range_pages* page_bytes, page_bytes};
  std::map<PageHandle, Mapped> mapped_;
  std::uint64_t last_handle_ = 0;
};

TEST_F(BundlesTest, AShrinkKeepsTheBundleThatItEndsIn) {
  const std::uint32_t id = make(64, 256);
  ASSERT_TRUE(extend(id, 24));  // 8, 9 and what is left: 7
  EXPECT_EQ(cut(id, 6), 0u);
  EXPECT_EQ(cut(id, 7), 7u);
  EXPECT_EQ(cut(id, 16), 9u);
  EXPECT_EQ(blocks_[id].size, 72 * page_granules);
  EXPECT_EQ(cut(id, 8), 8u);
  check();
  ASSERT_TRUE(extend(id, 100));
  check();
}

TEST_F(BundlesTest, FreeBundlesLeaveWholeOrNotAtAll) {
  const std::uint32_t id = make(64, 64, 8);
  const std::uint64_t handles = mapped_.size();
  ASSERT_LT(handles, 40u);
  release(id);
  EXPECT_EQ(take({1}), 0u);  // the last bundle has more
  EXPECT_EQ(take({0, true}), 0u);
  const std::uint64_t beyond = take({1, true});
  EXPECT_GT(beyond, 1u);
  EXPECT_EQ(mapped_.size(), handles - 1);
  check();
  while (take({1000}) != 0) {
  }
  EXPECT_EQ(arena_.mapped_pages(), 0u);
  check();
}

TEST_F(BundlesTest, ABundleWithABlockInItStays) {
  const std::uint32_t id = make(64, 64, 8);
  release(id);
  const std::uint32_t inside = arena_.fit({.granules = 60 * page_granules + 5});
  ASSERT_NE(inside, 0u);
  blocks_[inside].become(BlockState::live);
  while (take({1000, true}) != 0) {
  }
  // The pages behind the block, but for those in a bundle with its last page.
  const std::uint64_t kept = arena_.mapped_pages();
  EXPECT_GE(kept, 61u);
  EXPECT_LT(kept, 69u);
  check();
  release(inside);
  while (take({1000, true}) != 0) {
  }
  EXPECT_EQ(arena_.mapped_pages(), 0u);
  check();
}

TEST_F(BundlesTest, HoldsUnderRandomUse) {
  std::mt19937 random(7);
  std::vector<std::uint32_t> live;
  for (int step = 0; step < 4000 && !HasFatalFailure(); ++step) {
    const auto pages = static_cast<std::uint32_t>(1 + random() % 40);
    const std::size_t at = live.empty() ? 0 : random() % live.size();
    switch (random() % 7) {
      case 0:
        if (const std::uint32_t id = make(pages, pages + static_cast<std::uint32_t>(random() % 100)); id != 0)
          live.push_back(id);
        break;
      case 1: {
        const Placement wanted{.granules = static_cast<std::uint32_t>(1 + random() % (3 * page_granules))};
        std::uint32_t id = arena_.fit(wanted);
        if (id == 0) {
          std::optional<GrowthPlan> plan = arena_.plan_growth(wanted);
          if (!plan) break;
          supply(*plan, 16);
          id = arena_.finish_growth(*plan, wanted);
        }
        blocks_[id].become(BlockState::live);
        live.push_back(id);
        break;
      }
      case 2:
        if (!live.empty() && arena_.growable(live[at])) static_cast<void>(extend(live[at], pages));
        break;
      case 3:
        if (!live.empty() && arena_.growable(live[at]) && pages * page_granules < blocks_[live[at]].size) {
          cut(live[at], pages);
        }
        break;
      case 4: take({pages, random() % 2 == 0}); break;
      default:
        if (live.empty()) break;
        release(live[at]);
        live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (step % 20 == 0) check();
  }
  for (const std::uint32_t id : live) release(id);
  while (take({range_pages, true}) != 0) {
  }
  EXPECT_EQ(arena_.mapped_pages(), 0u);
  check();
}

}  // namespace
}  // namespace weir::pool
