// Which names are near an unknown one.
#include "manager/names.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::manager {
namespace {

TEST(Names, NearestComeFirst) {
  const std::vector<std::string> names{"velocities", "positions", "position", "positions_next", "pos", "edges"};
  EXPECT_EQ(nearest("positons", names), (std::vector<std::string>{"positions", "position"}));
  EXPECT_EQ(nearest("position", names)[0], "position");
  EXPECT_EQ(nearest("edge", names), (std::vector<std::string>{"edges"}));
  EXPECT_TRUE(nearest("something", names).empty());
  EXPECT_TRUE(nearest("x", {}).empty());
  EXPECT_TRUE(nearest(std::string(300, 'a'), {std::string(255, 'a')}).empty());
  EXPECT_EQ(nearest(std::string(255, 'a'), {std::string(254, 'a')}).size(), 1u);
  EXPECT_EQ(nearest("b", {"a", "c", "d", "e"}).size(), 3u);  // at most three, in order
  EXPECT_EQ(nearest("b", {"e", "d", "c", "a"}), (std::vector<std::string>{"a", "c", "d"}));
}

}  // namespace
}  // namespace weir::manager
