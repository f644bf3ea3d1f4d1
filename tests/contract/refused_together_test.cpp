// Threads that a pool would refuse while others have its memory: they wait for these where it pays, and for a bounded
// time where it does not.
#include <atomic>
#include <barrier>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

// Longer than a busy machine keeps a thread from its core; nobody waits so long.
constexpr auto patience = 60s;

class RefusedTogether : public PoolContract {
 protected:
  using Barrier = std::barrier<>;
  /// Takes its thread out of a barrier, so that one that fails keeps no other.
  struct Member {
    explicit Member(Barrier& joined) : barrier(joined) {}
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    ~Member() { barrier.arrive_and_drop(); }
    Barrier& barrier;
  };

  void SetUp() override {
    PoolContract::SetUp();
    if (!IsSkipped() && backend_->simulated_time() != nullptr) GTEST_SKIP() << "simulated time waits for no thread";
  }
};

// Each takes 60 % of the limit, uses it, and frees it.
TEST_P(RefusedTogether, ThreadsThatFreeServeEachOther) {
  Pool& pool = make_pool({.limit = 20_MiB, .reclaim_deadline = patience, .wait_for_threads = patience});
  constexpr int rounds = 25;
  Barrier together(2);
  std::atomic<int> served{0};
  const auto work = [&] {
    const Member member(together);
    const Stream stream = device_->stream();
    together.arrive_and_wait();
    for (int i = 0; i < rounds; ++i) {
      void* const block = pool.allocate(12_MiB, stream);
      std::this_thread::sleep_for(100us);  // as a kernel takes
      pool.deallocate(block, stream);
      ++served;
    }
  };
  TestThread one(work);
  TestThread other(work);
  one.join();
  other.join();
  EXPECT_EQ(served, 2 * rounds);
  EXPECT_EQ(pool.statistics().refusals, 0u);
}

// Each holds what the other wants: one is refused and gives back what it has, and the other goes on.
TEST_P(RefusedTogether, OfThreadsThatHoldWhatOthersWantOneFails) {
  Pool& pool = make_pool({.limit = 12_MiB, .reclaim_deadline = patience, .wait_for_threads = patience});
  constexpr int rounds = 10;
  constexpr int crew = 3;
  Barrier together(crew);
  std::atomic<int> served{0};
  std::atomic<int> failed{0};
  const auto work = [&] {
    const Member member(together);
    for (int i = 0; i < rounds; ++i) {
      void* const held = pool.allocate(4_MiB);
      together.arrive_and_wait();
      void* more = nullptr;
      try {
        more = pool.allocate(4_MiB);
        ++served;
      } catch (const LimitExceeded&) {
        ++failed;
      }
      pool.deallocate(more);
      pool.deallocate(held);
      together.arrive_and_wait();
    }
  };
  std::vector<TestThread> threads;
  for (int i = 0; i < crew; ++i) threads.emplace_back(work);
  for (TestThread& thread : threads) thread.join();
  EXPECT_EQ(served + failed, crew * rounds);
  EXPECT_GE(failed, rounds);
  EXPECT_LE(failed, (crew - 1) * rounds) << "one is served at least";
}

// None frees: all are refused, and within what the account allows, not by the deadline.
TEST_P(RefusedTogether, ThreadsThatOnlyHoldAreRefused) {
  Pool& pool = make_pool({.limit = 16_MiB, .reclaim_deadline = patience, .wait_for_threads = 20ms});
  Barrier together(2);
  std::atomic<int> failed{0};
  const auto work = [&] {
    const Member member(together);
    void* const held = pool.allocate(7_MiB);
    for (int i = 0; i < 20; ++i) {
      together.arrive_and_wait();
      EXPECT_THROW(static_cast<void>(pool.allocate(7_MiB)), LimitExceeded);
      ++failed;
    }
    together.arrive_and_wait();
    pool.deallocate(held);
  };
  const auto began = std::chrono::steady_clock::now();
  TestThread one(work);
  TestThread other(work);
  one.join();
  other.join();
  EXPECT_EQ(failed, 40);
  EXPECT_LT(std::chrono::steady_clock::now() - began, patience);
}

TEST_P(RefusedTogether, NobodyIsWaitedForWhoCannotHelp) {
  Pool& pool = make_pool({.limit = 16_MiB, .reclaim_deadline = patience, .wait_for_threads = 2 * patience});
  const auto began = std::chrono::steady_clock::now();
  void* const held = pool.allocate(10_MiB);
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);  // alone
  std::promise<void> go;
  std::promise<void> there;
  TestThread other([&] {
    void* const little = pool.allocate(2_MiB);
    there.set_value();
    go.get_future().wait();
    EXPECT_FALSE(pool.try_allocate(14_MiB).has_value());  // which expects it
    pool.deallocate(little);
  });
  there.get_future().wait();
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);  // the other has too little
  go.set_value();
  other.join();
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);  // and has ended
  EXPECT_LT(std::chrono::steady_clock::now() - began, patience);
  pool.deallocate(held);
}

// What queued work frees would not come while a queued function waits for it.
TEST_P(RefusedTogether, QueuedWorkWaitsForNoThread) {
  if (!pointers() || info_.backend == BackendKind::cuda) GTEST_SKIP() << "streams run no host code that may allocate";
  Pool& pool = make_pool({.limit = 16_MiB, .reclaim_deadline = patience, .wait_for_threads = 2 * patience});
  void* const held = pool.allocate(10_MiB);
  const Stream stream = device_->stream();
  std::atomic<bool> refused{false};
  device_->run(stream, [&] {
    try {
      pool.deallocate(pool.allocate(10_MiB));
    } catch (const LimitExceeded&) {
      refused = true;
    }
  });
  device_->synchronize(stream, patience / 2);
  EXPECT_TRUE(refused);
  pool.deallocate(held);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RefusedTogether, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
