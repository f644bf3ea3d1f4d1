// What is kept for later ends in its order, on a thread that may end it, and what ends then may keep more.
#include "core/later_ends.hpp"

#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/elsewhere.hpp"

namespace weir::core {
namespace {

struct Noted final : EndsLater {
  Noted(std::vector<int>& all, int own) : notes(all), number(own) {}
  ~Noted() override {
    notes.push_back(in_queued_work() ? number : -1);
    if (number == 1) end_later(std::make_unique<Noted>(notes, 4));
  }
  std::vector<int>& notes;
  const int number;
};

TEST(LaterEnds, HappenInTheirOrderOnAThreadThatRunsNoQueuedWork) {
  std::vector<int> notes;
  prepare_to_end_later();
  std::thread([&] {
    const InQueuedWork here;
    for (int i = 1; i <= 3; ++i) end_later(std::make_unique<Noted>(notes, i));
    end_kept();
  }).join();
  EXPECT_TRUE(notes.empty());
  end_kept();
  EXPECT_EQ(notes, (std::vector<int>{1, 2, 3}));
  EXPECT_FALSE(in_queued_work());
  end_kept();  // what the first one left
  EXPECT_EQ(notes, (std::vector<int>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace weir::core
