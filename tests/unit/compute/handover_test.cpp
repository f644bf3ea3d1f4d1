// Slots are emptied in the order they were given in, beside their filling, and a failure comes out there.
#include "compute/handover.hpp"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace weir::compute::test {
namespace {

TEST(Handover, EmptiesInTheOrderOfFilling) {
  std::vector<int> slots(2), taken;
  Handover handover(2, [&](std::size_t slot) { taken.push_back(slots[slot]); });
  for (int i = 0; i < 1000; ++i) {
    const std::size_t slot = static_cast<std::size_t>(i) % 2;
    handover.wait_for(slot);
    slots[slot] = i;
    handover.give(slot);
  }
  handover.finish();
  handover.check();
  ASSERT_EQ(taken.size(), 1000u);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(taken[static_cast<std::size_t>(i)], i);
}

TEST(Handover, TellsOfAFailureAndGoesOn) {
  std::vector<std::size_t> taken;
  Handover handover(3, [&](std::size_t slot) {
    taken.push_back(slot);
    if (slot == 0) throw std::runtime_error("the first");
    if (slot == 1) throw std::runtime_error("the second");
  });
  for (std::size_t slot = 0; slot < 3; ++slot) handover.give(slot);
  handover.finish();
  EXPECT_EQ(taken, (std::vector<std::size_t>{0, 1, 2}));
  for (int twice = 0; twice < 2; ++twice) {
    try {
      twice == 0 ? handover.check() : handover.wait_for(2);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "the first");
    }
  }
}

TEST(Handover, EndsWithNothingGiven) {
  Handover handover(2, [](std::size_t) {});
  handover.wait_for(1);
}

}  // namespace
}  // namespace weir::compute::test
