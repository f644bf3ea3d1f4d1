// No spin lock is held for long: with 100,000 holes and 40,000 pages in a block, the loops under
// an arena's lock that are counted take no more than a bounded number of steps.
#include <vector>

#include <gtest/gtest.h>

#include "pool/space/paged_arena.hpp"

namespace weir::pool {
namespace {

using device::PageHandle;
using track::BlockState;

constexpr std::uint32_t step_page_granules = 128;  // 64 KiB, so that many fit into one range
constexpr std::uint64_t step_page_bytes = std::uint64_t{step_page_granules} * 512;
constexpr std::uint64_t step_range_pages = 1 << 19;
constexpr device::Address step_range = device::Address{1} << 40;
constexpr std::uint64_t max_steps = 4096;

class StepsTest : public testing::Test {
 protected:
  StepsTest() { addresses_.prepare(step_range, step_range_pages * step_page_bytes); }
  std::uint32_t grow(std::uint64_t pages, StreamIndex stream_index = clean_index) {
    const Placement wanted{.granules = static_cast<std::uint32_t>(pages * step_page_granules),
                           .alignment = 1,
                           .stream_index = stream_index};
    GrowthPlan plan;
    if (!arena_.plan_growth(wanted, 0, plan)) return 0;
    for (Gap& gap : plan.gaps) {
      for (std::uint64_t i = 0; i < gap.pages; ++i) gap.extents.push_back({{static_cast<PageHandle>(++last_), 1}, 0});
    }
    arena_.note_mapped(plan, plan.gaps.size());
    const std::uint32_t id = arena_.finish_growth(plan, wanted);
    blocks_[id].become(BlockState::live);
    return id;
  }
  void release(std::uint32_t id) {
    blocks_[id].become(BlockState::busy);
    arena_.stamp(blocks_[id].start, blocks_[id].end(), 1);
    arena_.release(id, 1, 1);
  }
  bool take(std::uint64_t pages) {
    LeavingPages leaving;
    if (!arena_.take_pages({.max_pages = pages}, leaving)) return false;
    arena_.note_unmapped(leaving);
    arena_.pages_left(leaving);
    return true;
  }

  track::BlockTable blocks_;
  index::AddressMap addresses_;
  PagedArena arena_{blocks_, addresses_, 3, step_range, step_range_pages* step_page_bytes, step_page_bytes};
  std::uint64_t last_ = 0;
};

TEST_F(StepsTest, AreBoundedAmongManyHolesAndPages) {
  constexpr int holes = 100'000;
  std::vector<std::uint32_t> row;
  for (int i = 0; i < 2 * holes; ++i) row.push_back(grow(1, StreamIndex{1}));
  for (std::size_t i = 0; i < row.size(); i += 2) release(row[i]);  // 100,000 ranges of one stream
  while (arena_.reassign(1, 1, 2, 2)) {
  }
  while (arena_.reassign(2, 2, clean_index, 0)) {
  }
  EXPECT_LE(arena_.longest_loop(), max_steps) << "to hand ranges over";
  EXPECT_FALSE(take(0));
  for (int i = 0; i < holes; ++i) ASSERT_TRUE(take(1));  // 100,000 holes
  EXPECT_LE(arena_.longest_loop(), max_steps) << "to take pages";
  const std::uint32_t huge = grow(40'000);
  ASSERT_NE(huge, 0u);
  EXPECT_LE(arena_.longest_loop(), max_steps) << "to grow";
  release(huge);
  std::size_t first_stream = 0;
  EXPECT_NE(arena_.largest_free(first_stream), 0u);
  EXPECT_EQ(arena_.free_granules(), 40'000 * step_page_granules);
  EXPECT_LE(arena_.longest_loop(), max_steps) << "to release";
  while (take(40'000)) {
  }
  EXPECT_EQ(arena_.free_granules(), 0u);
  EXPECT_LE(arena_.longest_loop(), max_steps) << "to give 40,000 pages back";
  EXPECT_NE(arena_.longest_loop(), 0u) << "steps are counted";
}

}  // namespace
}  // namespace weir::pool
