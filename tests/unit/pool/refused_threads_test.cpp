// Where refused threads wait: who waits alone fails at once, waits in vain draw on an account, and one that pays fills
// it.
#include "pool/refused_threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace weir::pool {
namespace {

using namespace std::chrono_literals;

// A deadline that no wait here comes to.
const core::Deadline far(1h);

class RefusedThreadsTest : public testing::Test {
 protected:
  /// Whether it tried at all; nothing comes free.
  bool waits_in_vain(RefusedThreads& refused, std::size_t threads = 2) {
    bool tried = false;
    EXPECT_FALSE(refused.wait(
        far, [&] { return threads; }, [] { return std::uint64_t{0}; }, [&] { return tried = true, false; }));
    return tried;
  }
  /// How often it can wait in vain before it does not any more.
  int waits_until_empty(RefusedThreads& refused) {
    int waits = 0;
    while (waits < 100 && waits_in_vain(refused)) ++waits;
    return waits;
  }
};

TEST_F(RefusedThreadsTest, AloneIsRefusedAtOnce) {
  RefusedThreads refused(1h);
  EXPECT_FALSE(waits_in_vain(refused, 1));
}

TEST_F(RefusedThreadsTest, NoAccountNoWait) {
  RefusedThreads refused(0ms);
  EXPECT_FALSE(waits_in_vain(refused));
}

TEST_F(RefusedThreadsTest, WaitsInVainDrawOnTheAccount) {
  RefusedThreads refused(64ms);
  const int waits = waits_until_empty(refused);
  EXPECT_GE(waits, 1);
  EXPECT_LE(waits, 10) << "each takes half of what is left";
}

TEST_F(RefusedThreadsTest, AWaitThatPaysFillsTheAccount) {
  RefusedThreads refused(400ms);
  ASSERT_TRUE(waits_in_vain(refused));
  std::uint64_t frees = 0;
  EXPECT_TRUE(refused.wait(
      far, [] { return std::size_t{2}; }, [&] { return frees; }, [&] { return ++frees > 3; }));
  EXPECT_GE(waits_until_empty(refused), 1);
}

TEST_F(RefusedThreadsTest, WhatAThreadFreedBeforeItEndedIsLookedFor) {
  RefusedThreads refused(1h);
  int counts = 0;
  int tries = 0;
  EXPECT_TRUE(refused.wait(
      far, [&] { return ++counts == 1 ? std::size_t{2} : std::size_t{1}; }, [] { return std::uint64_t{0}; },
      [&] { return ++tries == 2; }));
  EXPECT_EQ(tries, 2);
}

TEST_F(RefusedThreadsTest, OfThoseThatAllWaitTheLastIsRefusedAndTheOthersWaitOn) {
  RefusedThreads refused(2h);
  std::atomic<int> waiting{0};
  std::atomic<std::uint64_t> frees{0};
  std::atomic<bool> enough{false};
  std::atomic<int> served{0};
  const auto wait = [&] {
    // Threads are counted as it comes, as it begins to rest, and, which says that it rests, while it does.
    int counts = 0;
    const auto threads = [&] {
      if (++counts == 3) ++waiting;
      return std::size_t{3};
    };
    if (refused.wait(
            far, threads, [&] { return frees.load(); }, [&] { return enough.load(); })) {
      ++served;
    }
  };
  std::thread one(wait);
  std::thread other(wait);
  while (waiting != 2) std::this_thread::yield();
  EXPECT_FALSE(waits_in_vain(refused, 3));
  EXPECT_EQ(served, 0);
  enough = true;  // it gives back what it had
  ++frees;
  one.join();
  other.join();
  EXPECT_EQ(served, 2);
}

TEST_F(RefusedThreadsTest, OneThatTriesIsNotAmongThoseThatWait) {
  RefusedThreads refused(2h);
  std::atomic<bool> tries{false}, other_tried{false}, other_ended{false}, freed{false};
  std::atomic<std::uint64_t> frees{0};
  const auto two = [] { return std::size_t{2}; };
  std::thread one([&] {
    EXPECT_TRUE(refused.wait(
        far, two, [&] { return frees.load(); },
        [&] {
          tries = true;
          while (!other_tried && !other_ended) std::this_thread::yield();
          return true;  // it has the memory
        }));
    freed = true;
    ++frees;
  });
  while (!tries) std::this_thread::yield();
  EXPECT_TRUE(refused.wait(
      far, two, [&] { return frees.load(); }, [&] { return other_tried = true, freed.load(); }));
  other_ended = true;
  one.join();
}

TEST_F(RefusedThreadsTest, WhereAllThatAreLeftWaitOneIsRefused) {
  RefusedThreads refused(2h);
  std::atomic<std::size_t> threads{2};
  std::atomic<bool> began{false};
  std::thread one([&] {
    EXPECT_FALSE(refused.wait(
        far, [&] { return threads.load(); }, [] { return std::uint64_t{0}; }, [&] { return began = true, false; }));
  });
  while (!began) std::this_thread::yield();
  threads = 1;  // the other has ended
  one.join();
}

TEST_F(RefusedThreadsTest, WhatATryThrowsLeaves) {
  RefusedThreads refused(2h);
  for (int i = 0; i < 3; ++i) {  // the room is empty each time, else the second is refused at once
    EXPECT_THROW(static_cast<void>(refused.wait(
                     far, [] { return std::size_t{2}; }, [] { return std::uint64_t{0}; },
                     []() -> bool { throw std::runtime_error("planted"); })),
                 std::runtime_error);
  }
}

TEST_F(RefusedThreadsTest, ADeadlineThatHasPassedIsKept) {
  RefusedThreads refused(2h);
  int tries = 0;
  EXPECT_FALSE(refused.wait(
      core::Deadline(), [] { return std::size_t{2}; }, [] { return std::uint64_t{0}; },
      [&] { return ++tries, false; }));
  EXPECT_EQ(tries, 2) << "the second, which is the last, without a wait";
}

}  // namespace
}  // namespace weir::pool
