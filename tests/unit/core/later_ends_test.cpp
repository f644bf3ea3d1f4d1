// What is kept for later ends in its order, on a thread that may end it, and what ends then may keep more.
#include "core/later_ends.hpp"

#include <atomic>
#include <chrono>
#include <future>
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

struct Slow final : EndsLater {
  Slow(std::promise<void>& start, std::atomic<bool>& end) : started(start), ended(end) {}
  ~Slow() override {
    started.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ended = true;
  }
  std::promise<void>& started;
  std::atomic<bool>& ended;
};

TEST(LaterEnds, OfAnotherThreadAreWaitedForWhereAllIsToEnd) {
  std::promise<void> started;
  std::atomic<bool> ended{false};
  prepare_to_end_later();
  end_later(std::make_unique<Slow>(started, ended));
  std::thread ends([] { end_kept(); });
  started.get_future().wait();
  end_kept();  // does not wait, whatever it finds
  end_all_kept();
  EXPECT_TRUE(ended);
  ends.join();
}

}  // namespace
}  // namespace weir::core
