// How a growth is laid out: every page once, bundles nowhere larger than their place
// allows, what was found used where it can be.
#include "pool/page_layout.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "pool/bundles.hpp"

namespace weir::pool {
namespace {

using device::PageHandle;

/// Bundles of these lengths, with handles from `first` on.
std::vector<PageHandle> row(const std::vector<std::size_t>& lengths, std::uint64_t first = 1) {
  std::vector<PageHandle> pages;
  for (const std::size_t length : lengths) {
    pages.push_back(static_cast<PageHandle>(first++));
    pages.insert(pages.end(), length - 1, bundled);
  }
  return pages;
}

std::vector<std::size_t> lengths(std::span<const PageHandle> pages) {
  std::vector<std::size_t> found;
  for_each_handle(pages, [&](std::size_t, std::size_t count) { found.push_back(count); });
  return found;
}

using Lengths = std::vector<std::size_t>;

TEST(PageLayoutTest, WithoutBundlesEachPageIsSingle) {
  const PageLayout layout = lay_out({5, 1000, 1}, row({1, 3, 1}));
  EXPECT_EQ(lengths(layout.pages), Lengths(5, 1));
  EXPECT_EQ(layout.fresh, 3u);
  EXPECT_EQ(lengths(layout.unused), Lengths{3});
}

TEST(PageLayoutTest, BundlesGrowWithTheirBlock) {
  EXPECT_EQ(lengths(lay_out({17, 0, 32}, {}).pages), Lengths(17, 1));
  EXPECT_EQ(lengths(lay_out({9, 16, 32}, {}).pages), (Lengths{2, 2, 2, 2, 1}));
  EXPECT_EQ(lengths(lay_out({100, 4096, 32}, {}).pages), (Lengths{32, 32, 32, 4}));
  EXPECT_LE(lengths(lay_out({128, 0, 32}, {}).pages).size(), 40u);
}

TEST(PageLayoutTest, WhatAShrinkGaveBackServesTheNextGrowthWhole) {
  const std::vector<PageHandle> grown = row(lengths(lay_out({410, 4096, 32}, {}).pages));
  const PageLayout again = lay_out({410, 4096, 32}, grown);
  EXPECT_EQ(again.fresh, 0u);
  EXPECT_TRUE(again.unused.empty());
  EXPECT_EQ(lengths(again.pages).size(), 13u);
}

TEST(PageLayoutTest, WhatIsTooLargeForItsPlaceIsNotUsed) {
  const PageLayout layout = lay_out({40, 16, 32}, row({8, 4, 1, 32}));
  EXPECT_EQ(lengths(layout.unused), (Lengths{32, 8}));
  EXPECT_EQ(layout.fresh, 35u);
  EXPECT_EQ(layout.pages[35], PageHandle{3});
  EXPECT_EQ(layout.pages[36], PageHandle{2});
  EXPECT_EQ(lay_out({3, 1000, 32}, row({4})).fresh, 3u);
}

TEST(PageLayoutTest, HoldsForAnyPages) {
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    const MissingPages missing{1 + random() % 300, random() % 1000, 1 + random() % 40};
    Lengths given;
    for (auto left = random() % 20; left > 0; --left) given.push_back(1 + random() % 40);
    const std::vector<PageHandle> found = row(given);
    const PageLayout layout = lay_out(missing, found);
    ASSERT_EQ(layout.pages.size(), missing.count);
    for_each_handle(layout.pages, [&](std::size_t first, std::size_t count) {
      ASSERT_LE(count, std::max<std::uint64_t>(1, std::min(missing.most_bundled, (missing.before + first) / 8)));
      ASSERT_TRUE(first >= layout.fresh || first + count <= layout.fresh);
      ASSERT_EQ(layout.pages[first] == PageHandle::none, first < layout.fresh);
    });
    // Each handle that was found is in one of the two, as long as it was.
    std::vector<PageHandle> all(layout.pages.begin() + static_cast<std::ptrdiff_t>(layout.fresh), layout.pages.end());
    all.insert(all.end(), layout.unused.begin(), layout.unused.end());
    std::vector<std::size_t> by_handle(given.size());
    for_each_handle(all, [&](std::size_t first, std::size_t count) {
      by_handle.at(static_cast<std::size_t>(all[first]) - 1) += count;
    });
    ASSERT_EQ(by_handle, given);
  }
}

}  // namespace
}  // namespace weir::pool
