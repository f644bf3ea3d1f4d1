// Many threads on one pool: frees across threads, threads that end, caches that
// sleep, and totals that stay exact.
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

void on_another_thread(const std::function<void()>& work) { TestThread(work).join(); }

class Threads : public PoolContract {};

TEST_P(Threads, AnyThreadMayFreeABlock) {
  Pool& pool = make_pool();
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> blocks;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{5000}, std::size_t{300'000}, std::size_t{3_MiB}}) {
      for (int i = 0; i < 5; ++i) blocks.push_back(pool.allocate(bytes));
    }
    on_another_thread([&] {
      for (void* block : blocks) pool.deallocate(block);
    });
    const Statistics now = pool.statistics();
    EXPECT_EQ(now.requested.live, 0u);
    EXPECT_EQ(now.allocated.live, 0u);
    EXPECT_EQ(now.frees, now.allocations);
    EXPECT_TRUE(coherent(now));
    EXPECT_NO_THROW(pool.verify());
    EXPECT_EQ(pool.live_blocks().size(), 0u);
  }
  // What came back is used again: three rounds took no more than one.
  EXPECT_EQ(pooling() ? pool.statistics().reserved.cumulative : 0, pooling() ? pool.statistics().reserved.peak : 0);
}

TEST_P(Threads, ABlockFreedElsewhereIsGoneAtOnce) {
  Pool& pool = make_pool();
  const BlockHandle handle = pool.acquire(5000);
  void* block = reinterpret_cast<void*>(pool.address(handle));
  on_another_thread([&] {
    pool.release(handle);
    EXPECT_THROW(pool.deallocate(block), InvalidArgument);
  });
  EXPECT_THROW(pool.deallocate(block), InvalidArgument);
  EXPECT_THROW(pool.release(handle), StaleHandle);
  EXPECT_THROW(static_cast<void>(pool.address(handle)), StaleHandle);
  EXPECT_THROW(static_cast<void>(pool.handle(block)), InvalidArgument);
  EXPECT_EQ(pool.statistics().errors, 5u);
}

TEST_P(Threads, AThreadsEndReturnsItsCache) {
  Pool& pool = make_pool();
  void* live = nullptr;
  on_another_thread([&] {
    std::vector<void*> blocks;
    for (int i = 0; i < 100; ++i) blocks.push_back(pool.allocate(40'000));
    for (void* block : blocks) pool.deallocate(block);
    EXPECT_EQ(pool.statistics().cached, caching() ? 100u * 40'448 : 0u);
    live = pool.allocate(1000);
  });
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.cached, 0u);
  EXPECT_EQ(now.requested.live, 1000u);
  EXPECT_EQ(now.requested.peak, 4'000'000u);
  EXPECT_NO_THROW(pool.verify());
  pool.deallocate(live);
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

TEST_P(Threads, MayComeAndGoByTheThousand) {
  Pool& pool = make_pool();
  for (int i = 0; i < 300; ++i) {
    on_another_thread([&] {
      void* block = pool.allocate(10'000);
      pool.deallocate(pool.allocate(100));
      pool.deallocate(block);
    });
  }
  EXPECT_EQ(pool.statistics().allocations, 600u);
  EXPECT_LE(pool.statistics().reserved.peak, 64_MiB);
}

TEST_P(Threads, APoolMayEndBeforeItsThreads) {
  auto pool = std::make_unique<Pool>(*device_, PoolOptions{.mode = GetParam().mode, .clock = &clock_});
  std::barrier used(2);
  std::barrier destroyed(2);
  TestThread thread([&] {
    pool->deallocate(pool->allocate(5000));
    used.arrive_and_wait();
    destroyed.arrive_and_wait();
    // Its address may well be the old one.
    Pool other(*device_, {.mode = GetParam().mode, .clock = &clock_});
    other.deallocate(other.allocate(5000));
  });
  used.arrive_and_wait();
  pool.reset();
  destroyed.arrive_and_wait();
  thread.join();
  EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
}

// Freed by the destructor of a thread_local that is older than anything weir keeps for the thread.
struct FreedAtThreadEnd {
  Pool* pool = nullptr;
  void* block = nullptr;
  ~FreedAtThreadEnd() {
    if (pool == nullptr) return;
    pool->deallocate(block);
    pool->deallocate(pool->allocate(7000));
  }
};
thread_local FreedAtThreadEnd freed_at_thread_end;

TEST_P(Threads, DestructorsOfThreadLocalsMayUseThePool) {
  Pool& pool = make_pool();
  for (int i = 0; i < 3; ++i) {
    on_another_thread([&] {
      freed_at_thread_end.pool = &pool;  // constructed before the thread's first use of any pool
      freed_at_thread_end.block = pool.allocate(5000);
    });
  }
  EXPECT_EQ(pool.check_leaks().blocks, 0u);
  EXPECT_EQ(pool.statistics().allocations, 6u);
  EXPECT_EQ(pool.statistics().cached, 0u);
}

// One thread caches a GiB and sleeps; what it does not use must still be usable.
TEST_P(Threads, ASleepingThreadsCacheIsNoReasonToRefuse) {
  constexpr std::uint64_t limit = 1536_MiB;
  if (info_.address_space && *info_.address_space < 8 * limit) GTEST_SKIP() << info_.name << " has few addresses";
  try {
    backend_->free_segment(backend_->allocate_segment(1400_MiB), 1400_MiB);
  } catch (const OutOfMemory& error) {
    GTEST_SKIP() << error.message();
  }
  Pool& pool = make_pool({.limit = limit});
  std::promise<void> filled;
  std::promise<void> wake;
  TestThread sleeper([&] {
    // A thread that does little else than allocate caches large blocks as well.
    for (int i = 0; i < 10'000; ++i) pool.deallocate(pool.allocate(1_KiB));
    clock_.advance(std::chrono::microseconds(1100));
    for (int i = 0; i < 100; ++i) pool.deallocate(pool.allocate(1_KiB));
    std::vector<void*> blocks;
    for (int i = 0; i < 1024; ++i) blocks.push_back(pool.allocate(1_MiB));
    for (void* block : blocks) pool.deallocate(block);
    // Once more, for a size is cached from its second request on.
    blocks.clear();
    for (int i = 0; i < 1024; ++i) blocks.push_back(pool.allocate(1_MiB));
    for (void* block : blocks) pool.deallocate(block);
    filled.set_value();
    wake.get_future().wait();
  });
  filled.get_future().wait();
  EXPECT_GE(caching() ? pool.statistics().cached : 0, caching() ? 1000_MiB : 0);
  void* large = nullptr;
  EXPECT_NO_THROW(large = pool.allocate(1400_MiB));
  const Statistics now = pool.statistics();
  EXPECT_LE(now.reserved.peak, limit);
  EXPECT_TRUE(coherent(now));
  pool.deallocate(large);
  wake.set_value();
  sleeper.join();
}

// The same where the sleeping thread has ended, and where it never cached but freed for another.
TEST_P(Threads, BlocksFreedForASleepingThreadAreNoReasonToRefuse) {
  Pool& pool = make_pool({.limit = 256_MiB});
  std::promise<void> freed;
  std::promise<std::vector<void*>> made;
  TestThread owner([&] {
    std::vector<void*> blocks;
    for (int i = 0; i < 200; ++i) blocks.push_back(pool.allocate(1_MiB));
    made.set_value(blocks);
    freed.get_future().wait();
  });
  for (void* block : made.get_future().get()) pool.deallocate(block);
  void* large = nullptr;
  EXPECT_NO_THROW(large = pool.allocate(250_MiB));
  pool.deallocate(large);
  freed.set_value();
  owner.join();
}

// Each thread replaces its own blocks and hands some to the next thread to free.
TEST_P(Threads, KeepExactTotalsUnderStress) {
  constexpr unsigned threads = 4;
  constexpr int steps = 4000;
  Pool& pool = make_pool({.limit = 1_GiB});
  struct Mailbox {
    std::mutex mutex;
    std::vector<std::pair<void*, std::uint64_t>> blocks;
  };
  std::array<Mailbox, threads> mailboxes;
  std::array<std::uint64_t, threads> requested{};
  std::array<std::uint64_t, threads> freed{};
  std::array<std::uint64_t, threads> count{};
  std::atomic<bool> intact{true};
  std::vector<TestThread> crew;
  for (unsigned me = 0; me < threads; ++me) {
    crew.emplace_back([&, me] {
      std::uint64_t seed = me + 1;
      std::vector<std::pair<void*, std::uint64_t>> held;
      const auto release = [&](std::pair<void*, std::uint64_t> each) {
        if (pointers() && !has_pattern(each.first, std::min<std::uint64_t>(each.second, 4096), each.second))
          intact = false;
        pool.deallocate(each.first);
        freed[me] += each.second;
      };
      for (int i = 0; i < steps; ++i) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        const std::uint64_t dice = seed >> 40;
        if (held.size() < 50 || dice % 2 == 0) {
          const std::uint64_t bytes = 1 + (dice >> 4) % (std::uint64_t{1} << (9 + dice % 12));
          void* block = pool.allocate(bytes);
          if (pointers()) fill_pattern(block, std::min<std::uint64_t>(bytes, 4096), bytes);
          held.emplace_back(block, bytes);
          requested[me] += bytes;
          ++count[me];
        }
        if (held.size() > 60) {
          const auto each = held[dice % held.size()];
          held[dice % held.size()] = held.back();
          held.pop_back();
          if (dice % 4 == 0) {
            Mailbox& next = mailboxes[(me + 1) % threads];
            const std::lock_guard lock(next.mutex);
            next.blocks.push_back(each);
          } else {
            release(each);
          }
        }
        if (dice % 16 == 0) {
          std::vector<std::pair<void*, std::uint64_t>> mail;
          {
            const std::lock_guard lock(mailboxes[me].mutex);
            mail.swap(mailboxes[me].blocks);
          }
          for (const auto& each : mail) release(each);
        }
        if (dice % 512 == 0) static_cast<void>(pool.trim(dice));
        if (dice % 128 == 0) static_cast<void>(pool.statistics());
        if (dice % 1024 == 1) static_cast<void>(pool.live_blocks());
        if (dice % 64 == 0) clock_.advance(10ms);
      }
      for (const auto& each : held) release(each);
    });
  }
  for (TestThread& thread : crew) thread.join();
  for (Mailbox& mailbox : mailboxes) {
    for (const auto& [block, bytes] : mailbox.blocks) {
      pool.deallocate(block);
      freed[0] += bytes;
    }
  }
  std::uint64_t all_requested = 0;
  std::uint64_t all_freed = 0;
  std::uint64_t all_count = 0;
  for (unsigned i = 0; i < threads; ++i) {
    all_requested += requested[i];
    all_freed += freed[i];
    all_count += count[i];
  }
  EXPECT_TRUE(intact);
  EXPECT_EQ(all_requested, all_freed);
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.requested.cumulative, all_requested);
  EXPECT_EQ(now.allocations, all_count);
  EXPECT_EQ(now.frees, all_count);
  EXPECT_EQ(now.requested.live, 0u);
  EXPECT_EQ(now.errors, 0u);
  EXPECT_EQ(now.refusals, 0u);
}

// What one thread has left in its pages serves another, as long as they do not meet at its arena too often.
class Shared : public Threads {
 protected:
  static constexpr std::size_t bytes = 20'000, count = 4000;

  /// Pages that are all in use, each by half: a block, a free one, a block.
  std::vector<void*> half_empty(Pool& pool) {
    std::vector<void*> blocks(count);
    for (void*& block : blocks) block = pool.allocate(bytes);
    for (std::size_t i = 0; i < count; i += 2) pool.deallocate(std::exchange(blocks[i], nullptr));
    return blocks;
  }
  static std::vector<void*> a_third_of_them(Pool& pool) {
    std::vector<void*> blocks(count / 6);
    for (void*& block : blocks) block = pool.allocate(bytes);
    return blocks;
  }
  /// On as many threads as the pool has arenas, one after the other, as some of them may share this thread's.
  static void on_other_threads(const std::function<void()>& work) {
    const unsigned workers = std::min(std::thread::hardware_concurrency(), 16u);
    std::barrier<> all_done(workers);
    std::mutex mutex;
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < workers; ++i) {
      threads.emplace_back([&] {
        {
          const std::lock_guard lock(mutex);
          work();
        }
        all_done.arrive_and_wait();
      });
    }
  }
  static void free_all(Pool& pool, const std::vector<void*>& blocks) {
    for (void* block : blocks) {
      if (block != nullptr) pool.deallocate(block);
    }
  }
  void SetUp() override {
    PoolContract::SetUp();
    if (IsSkipped()) return;
    if (GetParam().mode != PoolMode::pages) GTEST_SKIP() << "only pages belong to threads";
    if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one core, so one arena";
  }
};

// Threads take what is free wherever it is, and nobody gets pages to spare.
TEST_P(Shared, AThreadThatKeepsComingTakesWhatIsFreeInAnyArena) {
  Pool& pool = make_pool();
  const std::vector<void*> mine = half_empty(pool);
  std::vector<void*> large;
  on_other_threads([&] {
    large.push_back(pool.allocate(4_MiB));  // for which there is no room, so that the thread's arena is made
    const std::uint64_t before = pool.statistics().reserved.live;
    free_all(pool, a_third_of_them(pool));
    EXPECT_EQ(pool.statistics().reserved.live, before);
  });
  free_all(pool, large);
  free_all(pool, mine);
}

TEST_P(Shared, AloneItHasNone) {
  Pool& pool = make_pool();
  const std::vector<void*> mine = half_empty(pool);
  const std::uint64_t before = pool.statistics().reserved.live;
  free_all(pool, a_third_of_them(pool));
  EXPECT_EQ(pool.statistics().reserved.live, before);
  free_all(pool, mine);
}

TEST_P(Shared, ALimitComesFirst) {
  Pool& free_of_limits = make_pool();
  free_all(free_of_limits, half_empty(free_of_limits));
  Pool& pool = make_pool({.limit = free_of_limits.statistics().reserved.peak});
  const std::vector<void*> mine = half_empty(pool);
  on_other_threads([&] { free_all(pool, a_third_of_them(pool)); });
  EXPECT_EQ(pool.statistics().refusals, 0u);
  free_all(pool, mine);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Shared, testing::ValuesIn(kinds()), name_of);
INSTANTIATE_TEST_SUITE_P(Kinds, Threads, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
