// Each process counts as home what it made itself: of a child of fork(), and of its
// child, neither objects nor the one object of a process are the parent's.
#include "core/process.hpp"

#include <gtest/gtest.h>

#include "support/in_child.hpp"

namespace weir::core {
namespace {

struct Ending {
  explicit Ending(int& count) : ends(count) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() { ++ends; }
  int& ends;
};

TEST(OwnerProcess, AChildIsNotWhereItsParentsObjectsAreAtHome) {
  const OwnerProcess parents;
  EXPECT_TRUE(parents.is_current());
  EXPECT_TRUE(holds_in_child([&] {
    const OwnerProcess own;
    return !parents.is_current() && own.is_current() &&
           holds_in_child([&] { return !parents.is_current() && !own.is_current() && OwnerProcess().is_current(); });
  }));
  EXPECT_TRUE(parents.is_current());
}

TEST(MakeSharedHere, OnlyTheProcessThatMadeItEndsIt) {
  int ends = 0;
  auto made = make_shared_fork_safe<Ending>(ends);
  EXPECT_TRUE(holds_in_child([&] {
    made.reset();
    auto own = make_shared_fork_safe<Ending>(ends);
    const bool left = ends == 0;
    own.reset();
    return left && ends == 1;
  }));
  made.reset();
  EXPECT_EQ(ends, 1);
}

TEST(OneAProcess, AChildHasItsOwn) {
  struct Count {
    int value = 0;
  };
  one_a_process<Count>().value = 3;
  EXPECT_EQ(one_a_process<Count>().value, 3);
  EXPECT_TRUE(holds_in_child([] {
    one_a_process<Count>().value += 4;
    return one_a_process<Count>().value == 4;
  }));
  EXPECT_EQ(one_a_process<Count>().value, 3);
}

}  // namespace
}  // namespace weir::core
