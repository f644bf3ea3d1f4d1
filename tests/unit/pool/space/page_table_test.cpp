// Which extent is mapped at each page: all of its pages name it, its first and its last.
#include "pool/space/page_table.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

using device::PageHandle;

std::vector<MovableExtent> row_of(std::initializer_list<std::uint32_t> lengths) {
  std::vector<MovableExtent> row;
  for (const std::uint32_t pages : lengths) {
    const auto number = static_cast<std::uint32_t>(row.size() + 1);
    row.push_back({{static_cast<PageHandle>(number), pages}, number * 10});
  }
  return row;
}

TEST(PageTable, IsEmptyAtFirst) {
  const PageTable table(100);
  EXPECT_EQ(table.end(), 0u);
  for (std::size_t page = 0; page < 100; ++page) EXPECT_FALSE(table.mapped(page));
}

TEST(PageTable, EachPageNamesItsExtent) {
  PageTable table(100);
  table.note(10, row_of({1, 3, 2}));
  EXPECT_FALSE(table.mapped(9));
  EXPECT_FALSE(table.mapped(16));
  EXPECT_EQ(table.end(), 16u);
  const std::vector<std::size_t> first{10, 11, 11, 11, 14, 14};
  const std::vector<std::size_t> end{11, 14, 14, 14, 16, 16};
  const std::vector<std::uint64_t> handle{1, 2, 2, 2, 3, 3};
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::size_t page = 10 + i;
    SCOPED_TRACE(page);
    ASSERT_TRUE(table.mapped(page));
    EXPECT_EQ(table.first_of(page), first[i]);
    EXPECT_EQ(table.end_of(page), end[i]);
    EXPECT_EQ(table.at(page).handle, static_cast<PageHandle>(handle[i]));
    EXPECT_EQ(table.at(page).pages, end[i] - first[i]);
    EXPECT_EQ(table.at(page).moves, handle[i] * 10);
  }
}

TEST(PageTable, ForgetsWhatItIsToldAndNoMore) {
  PageTable table(100);
  table.note(0, row_of({2, 3, 2}));
  table.forget(2, 3);
  for (std::size_t page = 0; page < 7; ++page) EXPECT_EQ(table.mapped(page), page < 2 || page >= 5);
  EXPECT_EQ(table.end_of(0), 2u);
  EXPECT_EQ(table.first_of(6), 5u);
  EXPECT_EQ(table.end(), 7u) << "the highest that was ever mapped";
  table.note(2, row_of({1}));
  EXPECT_EQ(table.end_of(2), 3u);
  EXPECT_EQ(table.end(), 7u);
}

}  // namespace
}  // namespace weir::pool
