// How a growth is laid out: every page once, extents nowhere larger than their place
// allows, what was found used where it can be, and new ones whole where the gap is long enough.
#include "pool/space/extent_layout.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

using device::PageHandle;
using Lengths = std::vector<std::size_t>;

/// Extents of these lengths, with handles from `first` on.
std::vector<MovableExtent> row(const Lengths& lengths, std::uint64_t first = 1) {
  std::vector<MovableExtent> extents;
  for (const std::size_t length : lengths) {
    extents.push_back({{static_cast<PageHandle>(first++), static_cast<std::uint32_t>(length)}, 0});
  }
  return extents;
}

Lengths lengths(const std::vector<MovableExtent>& extents) {
  Lengths found;
  for (const MovableExtent& extent : extents) found.push_back(extent.pages);
  return found;
}

ExtentLayout lay_out_one(std::uint64_t pages, std::uint64_t available_pages, const ExtentSizes& sizes,
                         const std::vector<MovableExtent>& found = {}) {
  const Gap gap{.start = 0, .pages = pages, .available_pages = available_pages, .from_end = false, .extents = {}};
  return lay_out({&gap, 1}, sizes, found);
}

TEST(ExtentLayoutTest, WithoutLargeOnesEachNewExtentIsAPage) {
  const ExtentLayout layout = lay_out_one(5, 5, {1, 1000}, row({1, 3, 1}));
  EXPECT_EQ(lengths(layout.by_gap[0]), Lengths(5, 1));
  EXPECT_EQ(layout.new_pages, 3u);
  EXPECT_EQ(lengths(layout.unused), Lengths{3});
}

TEST(ExtentLayoutTest, OrdinaryMemoryTakesWhatThereIs) {
  const ExtentLayout layout = lay_out_one(5, 5, {1, {}}, row({1, 3, 7}));
  EXPECT_EQ(lengths(layout.by_gap[0]), (Lengths{1, 1, 3}));
  EXPECT_EQ(layout.new_pages, 1u);
  EXPECT_EQ(lengths(layout.unused), Lengths{7});
}

TEST(ExtentLayoutTest, ExtentsGrowWithTheirBlock) {
  EXPECT_EQ(lengths(lay_out_one(17, 17, {32, 0}).by_gap[0]), Lengths(17, 1));
  EXPECT_EQ(lengths(lay_out_one(9, 9, {32, 16}).by_gap[0]), (Lengths{2, 2, 2, 2, 1}));
  EXPECT_EQ(lengths(lay_out_one(100, 100, {32, 4096}).by_gap[0]), (Lengths{32, 32, 32, 4}));
  EXPECT_LE(lay_out_one(128, 128, {32, 0}).by_gap[0].size(), 40u);
}

TEST(ExtentLayoutTest, WhatAShrinkGaveBackServesTheNextGrowthWhole) {
  const std::vector<MovableExtent> grown = row(lengths(lay_out_one(410, 410, {32, 4096}).by_gap[0]));
  const ExtentLayout again = lay_out_one(410, 410, {32, 4096}, grown);
  EXPECT_EQ(again.new_pages, 0u);
  EXPECT_TRUE(again.unused.empty());
  EXPECT_EQ(again.by_gap[0].size(), 13u);
}

TEST(ExtentLayoutTest, WhatIsTooLargeForItsPlaceIsNotUsed) {
  const ExtentLayout layout = lay_out_one(40, 40, {32, 16}, row({8, 4, 1, 32}));
  EXPECT_EQ(lengths(layout.unused), (Lengths{32, 8}));
  EXPECT_EQ(layout.new_pages, 35u);
  const std::vector<MovableExtent>& filled = layout.by_gap[0];
  ASSERT_GE(filled.size(), 2u);
  EXPECT_EQ(filled[filled.size() - 2].handle, PageHandle{3});
  EXPECT_EQ(filled.back().handle, PageHandle{2});
  EXPECT_EQ(lay_out_one(3, 3, {32, 1000}, row({4})).new_pages, 3u);
}

TEST(ExtentLayoutTest, NewExtentsAreWholeWhereTheGapIsLongEnough) {
  EXPECT_EQ(lengths(lay_out_one(3, 10, {8, {}}).by_gap[0]), Lengths{8});
  EXPECT_EQ(lengths(lay_out_one(3, 5, {8, {}}).by_gap[0]), Lengths{5});
  EXPECT_EQ(lengths(lay_out_one(3, 3, {8, {}}).by_gap[0]), Lengths{3});
  EXPECT_EQ(lengths(lay_out_one(9, 40, {8, {}}).by_gap[0]), (Lengths{8, 8}));
}

TEST(ExtentLayoutTest, TheSmallestThatCoversTheRestReachesBeyondWhatIsNeeded) {
  const ExtentLayout layout = lay_out_one(3, 8, {1, {}}, row({8, 6, 5, 9}));
  EXPECT_EQ(lengths(layout.by_gap[0]), Lengths{5});
  EXPECT_EQ(layout.new_pages, 0u);
  EXPECT_EQ(lengths(layout.unused), (Lengths{9, 8, 6}));
}

// What fits nowhere else goes where more is available, so gaps without more choose first.
TEST(ExtentLayoutTest, GapsWithoutSpareAreFilledFirst) {
  const std::vector<Gap> gaps{{.start = 0, .pages = 1, .available_pages = 8, .from_end = false, .extents = {}},
                              {.start = 1 << 30, .pages = 1, .available_pages = 1, .from_end = false, .extents = {}}};
  const ExtentLayout layout = lay_out(gaps, {1, {}}, row({1, 4}));
  EXPECT_EQ(lengths(layout.by_gap[0]), Lengths{4});
  EXPECT_EQ(lengths(layout.by_gap[1]), Lengths{1});
  EXPECT_EQ(layout.new_pages, 0u);
}

/// One layout of random gaps and random finds: every rule at once.
void expect_layout(std::mt19937& random) {
  const bool growable = random() % 2 == 0;
  ExtentSizes sizes{1 + random() % 40, {}};
  if (growable) sizes.pages_before = random() % 1000;
  std::vector<Gap> gaps(growable ? 1 : 1 + random() % 5);
  for (Gap& gap : gaps) {
    gap.pages = 1 + random() % 300;
    gap.available_pages = gap.pages + (growable || random() % 2 == 0 ? 0 : random() % 60);
  }
  Lengths given;
  for (auto left = random() % 20; left > 0; --left) given.push_back(1 + random() % 40);
  const ExtentLayout layout = lay_out(gaps, sizes, row(given));
  ASSERT_EQ(layout.by_gap.size(), gaps.size());
  std::uint64_t new_pages = 0;
  std::vector<std::size_t> by_handle(given.size());
  const auto note = [&](const MovableExtent& extent) {
    by_handle.at(static_cast<std::size_t>(extent.handle) - 1) += extent.pages;
  };
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    std::uint64_t place = 0;
    bool found_began = false;
    for (const MovableExtent& extent : layout.by_gap[i]) {
      const bool is_new = extent.handle == PageHandle::none;
      ASSERT_FALSE(is_new && found_began) << "new extents come first";
      found_began = found_began || !is_new;
      if (is_new || growable) {
        ASSERT_LE(extent.pages, sizes.max_at(place));
      }
      if (is_new) new_pages += extent.pages;
      if (!is_new) note(extent);
      place += extent.pages;
    }
    ASSERT_GE(place, gaps[i].pages);
    ASSERT_LE(place, gaps[i].available_pages);
  }
  ASSERT_EQ(new_pages, layout.new_pages);
  // Each that was found is in one row or unused, as long as it was.
  std::for_each(layout.unused.begin(), layout.unused.end(), note);
  ASSERT_EQ(by_handle, given);
}

TEST(ExtentLayoutTest, HoldsForAnyPages) {
  std::mt19937 random(1);
  for (int round = 0; round < 5000 && !testing::Test::HasFatalFailure(); ++round) expect_layout(random);
}

}  // namespace
}  // namespace weir::pool
