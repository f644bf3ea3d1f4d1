// One thread at a time, also with more threads than cores.
#include "core/spin_lock.hpp"

#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::core {
namespace {

TEST(SpinLock, LetsOneThreadInAtATime) {
  SpinLock lock;
  int count = 0;  // not atomic: only the lock keeps it right
  std::vector<std::thread> crew;
  for (int i = 0; i < 8; ++i) {
    crew.emplace_back([&] {
      for (int k = 0; k < 20'000; ++k) {
        const std::lock_guard guard(lock);
        ++count;
      }
    });
  }
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(count, 160'000);
}

TEST(SpinLock, CanBeTried) {
  SpinLock lock;
  ASSERT_TRUE(lock.try_lock());
  std::thread([&] { EXPECT_FALSE(lock.try_lock()); }).join();
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

}  // namespace
}  // namespace weir::core
