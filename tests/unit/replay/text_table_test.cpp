// Each text once, however long and however often it is given.
#include "replay/text_table.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace weir::replay {
namespace {

TEST(TextTable, NumbersEachTextOnce) {
  TextTable table;
  EXPECT_EQ(table.number(""), 0U);
  EXPECT_EQ(table.number("a"), 1U);
  EXPECT_EQ(table.number("b"), 2U);
  EXPECT_EQ(table.number("a"), 1U);
  EXPECT_EQ(table.text(2), "b");
  EXPECT_EQ(std::move(table).take(), std::vector<std::string>({"", "a", "b"}));
}

TEST(TextTable, KeepsTheEndOfALongText) {
  TextTable table;
  const std::string path = std::string(100'000, 'x') + "/train.py:7";
  const std::uint32_t number = table.number(path);
  EXPECT_EQ(table.text(number).size(), TextTable::longest);
  EXPECT_TRUE(table.text(number).ends_with("x/train.py:7"));
  EXPECT_EQ(table.number("y" + path), number) << "the same end";
}

}  // namespace
}  // namespace weir::replay
