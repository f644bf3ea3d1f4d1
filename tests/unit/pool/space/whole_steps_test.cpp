// A whole space with 100,000 holes and 40,000 pages in a block: whatever a pool does there,
// no arena's lock is held for more than a bounded number of steps.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/pool/whole_space.hpp"

namespace weir::pool {
namespace {

constexpr int holes = 100'000;
constexpr std::uint32_t huge_pages = 40'000;
constexpr std::uint64_t max_whole_steps = 4096;

class WholeStepsTest : public testing::Test {
 protected:
  [[nodiscard]] StreamIndex stream_index(StreamId stream) { return whole_.order.epochs().index_of(stream); }
  void expect_bounded(const std::string& what) {
    EXPECT_LE(whole_.space.longest_loop(), max_whole_steps) << "to " << what;
  }
  /// A block of so many pages in memory that is new.
  std::uint32_t grow(std::uint64_t pages, StreamIndex stream_index = clean_index) {
    return whole_.grow(WholeSpace::pages(pages, stream_index), Effort::thrifty).id;
  }
  /// Blocks of one page, of which every other is freed: by turns of two streams.
  void make_ranges() {
    for (int i = 0; i < 2 * holes; ++i) row_.push_back(grow(1));
    for (std::size_t i = 0; i < row_.size(); i += 2) whole_.release(row_[i], stream_index(i % 4 == 0 ? one_ : two_));
  }

  // Handles of one page, so that each page can leave.
  WholeSpace whole_{400'000, {.max_handle_bytes = WholeSpace::page}};
  const StreamId one_ = whole_.backend->create_stream();
  const StreamId two_ = whole_.backend->create_stream();
  const StreamId three_ = whole_.backend->create_stream();
  std::vector<std::uint32_t> row_;
};

TEST_F(WholeStepsTest, AreBoundedWhateverIsDone) {
  make_ranges();
  expect_bounded("grow and free");
  EXPECT_NE(whole_.space.largest_free(), 0u);
  expect_bounded("tell the largest range");
  EXPECT_TRUE(whole_.order.take_over(whole_.space, stream_index(three_)));
  expect_bounded("take over what other streams freed");
  whole_.order.await_pages(whole_.space, std::chrono::seconds(10));
  expect_bounded("make memory clean");
  // Small blocks, and one that fits nowhere: the many ranges are of a page each.
  const std::uint32_t small =
      whole_.space.fit_in_any({.granules = 1, .stream_index = clean_index, .small = true}, nullptr);
  ASSERT_NE(small, 0u);
  EXPECT_EQ(whole_.space.fit_in_any(WholeSpace::pages(2), nullptr), 0u);
  whole_.release(small);
  expect_bounded("look for room");
  EXPECT_EQ(whole_.space.release_pages(UINT32_MAX, 0), holes * WholeSpace::page);  // 100,000 holes
  expect_bounded("trim");

  const std::uint32_t huge = grow(huge_pages);
  ASSERT_NE(huge, 0u);
  expect_bounded("grow by 40,000 pages");
  whole_.release(huge);
  expect_bounded("free them");
  const std::uint32_t middling = whole_.allocate(huge_pages / 2);
  ASSERT_NE(middling, 0u);
  expect_bounded("allocate from them");
  // Wider than any hole but the last: each hole is looked at, in vain.
  const std::uint32_t wide = whole_.allocate(huge_pages);
  ASSERT_NE(wide, 0u);
  expect_bounded("grow where half is there");
  whole_.release(wide);
  whole_.release(middling);
  EXPECT_EQ(whole_.space.release_pages(UINT32_MAX, 0), (huge_pages + huge_pages / 2) * WholeSpace::page);
  expect_bounded("give 60,000 pages back");
  for (std::size_t i = 1; i < row_.size(); i += 2) whole_.release(row_[i]);
  whole_.space.verify();
  EXPECT_NE(whole_.space.longest_loop(), 0u) << "steps are counted";
}

TEST_F(WholeStepsTest, AreBoundedForABlockThatGrowsAndShrinks) {
  const Placement wanted = WholeSpace::pages(1);
  const std::uint32_t id =
      whole_.space.grow_growable(wanted, 2 * huge_pages * WholeSpace::page_granules, 0, Effort::thrifty).id;
  ASSERT_NE(id, 0u);
  GrowthPlan plan;
  ASSERT_NE(whole_.space.extend(id, huge_pages * WholeSpace::page_granules, Effort::thrifty, plan).id, 0u);
  whole_.space.finish_extension(plan, id);
  expect_bounded("extend");
  const std::uint32_t granules = whole_.space.tail_granules(id, huge_pages * WholeSpace::page_granules);
  EXPECT_EQ(granules, huge_pages * WholeSpace::page_granules);
  LeavingPages tail;
  whole_.space.list_tail(id, granules, tail);
  EXPECT_EQ(tail.extents.size(), huge_pages);
  whole_.space.take_tail(id, granules, tail);
  whole_.space.unmap_tail(tail);
  whole_.space.tail_left(tail, id);
  expect_bounded("shrink");
  EXPECT_EQ(whole_.reserved_pages(), 1u + huge_pages) << "held";
  whole_.release(id);
  whole_.space.verify();
}

// Every range lies across a page's border, so that none has a whole page, until one of two pages comes.
TEST_F(WholeStepsTest, AreBoundedWherePagesForSmallBlocksAreSought) {
  constexpr std::uint32_t pieces = 3;  // of two pages: a half is live, a page is free, a half is live
  constexpr std::uint32_t half = WholeSpace::page_granules / 2;
  const std::uint32_t all = grow(2 * pieces * std::uint64_t{10'000});
  whole_.release(all);
  std::vector<std::uint32_t> middle;
  std::vector<std::uint32_t> edges;
  for (int i = 0; i < 10'000; ++i) {
    edges.push_back(whole_.space.fit_in_any({.granules = half + 1}, nullptr));
    middle.push_back(whole_.space.fit_in_any({.granules = WholeSpace::page_granules + 2}, nullptr));
    edges.push_back(whole_.space.fit_in_any({.granules = half - 3}, nullptr));
    ASSERT_NE(edges.back(), 0u);
  }
  const std::uint64_t rest = whole_.free_pages();
  const std::uint32_t filler = whole_.space.fit_in_any(WholeSpace::pages(rest - 2), nullptr);
  ASSERT_NE(filler, 0u);
  for (const std::uint32_t id : middle) whole_.release(id);
  const std::uint32_t small = whole_.space.fit_in_any({.granules = 1, .small = true}, nullptr);
  EXPECT_NE(small, 0u);
  expect_bounded("find a page for small blocks");
  for (const std::uint32_t id : edges) whole_.release(id);
  whole_.release(small);
  whole_.release(filler);
}

// As many streams have ranges as there can well be.
TEST_F(WholeStepsTest, AreBoundedWhereManyStreamsHaveMemory) {
  constexpr int streams = 10'000;
  for (int i = 0; i < streams; ++i) whole_.release(grow(1), stream_index(whole_.backend->create_stream()));
  EXPECT_EQ(whole_.space.streams_in_use(true).size(), std::size_t{streams});
  EXPECT_GE(whole_.space.largest_free(), WholeSpace::page);
  expect_bounded("tell the epochs with memory");
  whole_.order.await_pages(whole_.space, std::chrono::seconds(10));
  EXPECT_TRUE(whole_.space.streams_in_use(false).empty());
  expect_bounded("put lists aside");
}

}  // namespace
}  // namespace weir::pool
