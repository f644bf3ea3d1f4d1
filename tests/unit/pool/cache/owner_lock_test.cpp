// One owner, any visitors: never two inside at once, nobody waits for good, and a
// closed lock stays closed to its owner.
#include "pool/cache/owner_lock.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

/// Two counters that only exclusion keeps equal: plain, so that a sanitizer sees a race too.
struct Guarded {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  [[nodiscard]] bool touch() {
    const bool whole = first == second;
    ++first;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    ++second;
    return whole;
  }
};

void visit(OwnerLock& lock, Guarded& guarded, std::atomic<bool>& broken) {
  lock.announce();
  OwnerLock::barrier();
  lock.await_owner();
  if (!guarded.touch()) broken = true;
  lock.depart();
}

TEST(OwnerLock, KeepsOwnerAndVisitorsApart) {
  constexpr std::uint64_t owner_rounds = 2'000'000;
  constexpr std::uint64_t visits = 3'000;
  OwnerLock lock;
  Guarded guarded;
  std::atomic<bool> broken{false};
  std::thread owner([&] {
    for (std::uint64_t i = 0; i < owner_rounds; ++i) {
      while (!(i % 16 == 0 ? lock.enter_carefully() : lock.enter() || lock.enter_carefully())) lock.wait_for_visitors();
      if (!guarded.touch()) broken = true;
      lock.leave();
    }
  });
  std::vector<std::thread> visitors;
  visitors.reserve(2);
  for (int i = 0; i < 2; ++i) {
    visitors.emplace_back([&] {
      for (std::uint64_t k = 0; k < visits; ++k) {
        visit(lock, guarded, broken);
        if (k % 4 == 0) std::this_thread::yield();
      }
    });
  }
  owner.join();
  for (std::thread& visitor : visitors) visitor.join();
  EXPECT_FALSE(broken);
  EXPECT_EQ(guarded.first, owner_rounds + 2 * visits);
  EXPECT_EQ(guarded.second, guarded.first);
}

TEST(OwnerLock, VisitorsOfManyAtOnceTakeTurns) {
  constexpr std::uint64_t rounds = 200;
  std::vector<OwnerLock> locks(100);
  Guarded guarded;
  std::atomic<bool> broken{false};
  std::vector<std::thread> visitors;
  visitors.reserve(3);
  for (int i = 0; i < 3; ++i) {
    visitors.emplace_back([&] {
      for (std::uint64_t k = 0; k < rounds; ++k) {
        for (OwnerLock& lock : locks) lock.announce();
        OwnerLock::barrier();
        for (const OwnerLock& lock : locks) lock.await_owner();
        if (!guarded.touch()) broken = true;
        for (OwnerLock& lock : locks) lock.depart();
      }
    });
  }
  for (std::thread& visitor : visitors) visitor.join();
  EXPECT_FALSE(broken);
  EXPECT_EQ(guarded.first, 3 * rounds);
}

TEST(OwnerLock, AnOwnerStaysOutWhileAVisitorIsThere) {
  OwnerLock lock;
  lock.announce();
  std::thread([&] {
    EXPECT_FALSE(lock.enter());
    EXPECT_FALSE(lock.enter_carefully());
  }).join();
  lock.depart();
  ASSERT_TRUE(lock.enter() || lock.enter_carefully());
  lock.leave();
}

TEST(OwnerLock, AsleepItKeepsItsOwnerOutUntilItIsWoken) {
  OwnerLock lock;
  EXPECT_FALSE(lock.asleep());
  EXPECT_FALSE(lock.wake());
  lock.announce();
  lock.put_to_sleep();
  lock.depart();
  EXPECT_TRUE(lock.asleep());
  EXPECT_FALSE(lock.enter());
  EXPECT_FALSE(lock.enter_carefully());
  lock.announce();  // a visitor does not wake it
  lock.depart();
  EXPECT_TRUE(lock.asleep());
  EXPECT_TRUE(lock.wake());
  EXPECT_FALSE(lock.asleep());
  ASSERT_TRUE(lock.enter() || lock.enter_carefully());
  lock.leave();
}

TEST(OwnerLock, AVisitorWaitsForTheOwnerInside) {
  OwnerLock lock;
  ASSERT_TRUE(lock.enter() || lock.enter_carefully());
  std::atomic<bool> inside{false};
  std::thread visitor([&] {
    lock.announce();
    OwnerLock::barrier();
    lock.await_owner();
    inside = true;
    lock.depart();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_FALSE(inside);
  lock.leave();
  visitor.join();
  EXPECT_TRUE(inside);
}

TEST(OwnerLock, WhoeverWaitsForAVisitorIsWoken) {
  OwnerLock lock;
  lock.announce();
  std::atomic<int> through{0};
  std::thread owner([&] {
    while (!lock.enter() && !lock.enter_carefully()) lock.wait_for_visitors();
    ++through;
    lock.leave();
  });
  std::thread visitor([&] {
    lock.announce();
    ++through;
    lock.depart();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(through, 0);
  lock.depart();
  owner.join();
  visitor.join();
  EXPECT_EQ(through, 2);
}

TEST(OwnerLock, OnceClosedIsClosed) {
  OwnerLock lock;
  lock.close();
  EXPECT_FALSE(lock.enter());
  EXPECT_FALSE(lock.enter_carefully());
}

// What the quick way in relies on.
TEST(OwnerLock, TheSystemKeepsItsBarriersPromise) {
  const long registered = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
  if (registered != 0) GTEST_SKIP() << "this system has no membarrier; the owner goes the careful way";
  EXPECT_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), 0);
}

}  // namespace
}  // namespace weir::pool
