// Which names are near an unknown one.
#include "manager/names.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::manager {
namespace {

using Found = std::vector<std::string>;

TEST(Names, NearestComeFirst) {
  const std::vector<std::string> names{"velocities", "positions", "position", "positions_next", "pos", "edges"};
  EXPECT_EQ(nearest("positons", names), (Found{"positions", "position", "positions_next"}));
  EXPECT_EQ(nearest("position", names)[0], "position");
  EXPECT_EQ(nearest("edge", names)[0], "edges");
  EXPECT_EQ(nearest("something", names).size(), 3u);
  EXPECT_TRUE(nearest("x", {}).empty());
  EXPECT_EQ(nearest("b", {"a", "c", "d", "e"}).size(), 3u);  // at most three, in order
  EXPECT_EQ(nearest("b", {"e", "d", "c", "a"}), (Found{"a", "c", "d"}));
}

TEST(Names, NearestAreFoundWithoutCaseAndByWhatTheyBeginWith) {
  const std::vector<std::string> names{"velocities", "edges", "grid", "forces"};
  EXPECT_EQ(nearest("velocity", names)[0], "velocities");
  EXPECT_EQ(nearest("FORCES", names)[0], "forces");
  EXPECT_EQ(nearest("force_field", names)[0], "forces");
  EXPECT_EQ(nearest("Grid2", names)[0], "grid");
  EXPECT_EQ(nearest("", names).size(), 3u);
}

TEST(Names, NearestToOnesOfAnyLength) {
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), {"b", std::string(255, 'a')})[0], std::string(255, 'a'));
  EXPECT_EQ(nearest(std::string(255, 'a'), {std::string(254, 'a')}).size(), 1u);
  EXPECT_EQ(nearest("\xff\x1b", {"a"}), Found{"a"});
}

}  // namespace
}  // namespace weir::manager
