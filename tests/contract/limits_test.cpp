// Limits bound reserved and external bytes; a refused request changes nothing;
// what is reclaimable is reclaimed before a request is refused.
#include <atomic>
#include <barrier>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

class Limits : public PoolContract {
 protected:
  void expect_under_limit(const Pool& pool) {
    const Statistics now = pool.statistics();
    EXPECT_LE(now.reserved.live + now.external, *pool.options().limit);
    EXPECT_LE(now.reserved.peak, *pool.options().limit);
    EXPECT_TRUE(coherent(now));
  }
};

TEST_P(Limits, BoundWhatIsTakenFromTheDriver) {
  Pool& pool = make_pool({.limit = 64_MiB});
  std::vector<void*> held;
  for (;;) {
    const std::optional<void*> block = pool.try_allocate(3_MiB);
    expect_under_limit(pool);
    if (!block) break;
    held.push_back(*block);
    ASSERT_LE(held.size(), 21u);
  }
  EXPECT_GE(held.size(), 20u);  // a segment's tail may be lost, no more
  EXPECT_EQ(pool.statistics().refusals, 1u);
  for (void* block : held) pool.deallocate(block);
  // All of it is free again, for one block too.
  void* all = pool.allocate(60_MiB);
  expect_under_limit(pool);
  pool.deallocate(all);
}

TEST_P(Limits, AreReachedToTheLastPage) {
  Pool& pool = make_pool({.limit = 16_MiB});
  void* all = pool.allocate(16_MiB);
  expect_under_limit(pool);
  EXPECT_THROW(static_cast<void>(pool.allocate(1)), LimitExceeded);
  // Segments need not start on a page; then the first and the last of the small blocks do not add up.
  const bool whole = reinterpret_cast<std::uintptr_t>(all) % info_.page_bytes == 0;
  pool.deallocate(all);
  std::vector<void*> small;
  for (int i = whole ? 0 : 1; i < 16 * 16; ++i) small.push_back(pool.allocate(64_KiB));
  if (whole) {
    EXPECT_THROW(static_cast<void>(pool.allocate(512)), LimitExceeded);
  }
  for (void* block : small) pool.deallocate(block);
  all = pool.allocate(16_MiB);
  pool.deallocate(all);
}

// Where a device has few addresses, a pool leaves some for the next.
TEST_P(Limits, OfAddressesLeaveRoomForADozenPools) {
  for (int i = 0; i < 12; ++i) {
    Pool& pool = make_pool({.limit = 8_MiB});
    pool.deallocate(pool.allocate(info_.page_bytes));
  }
}

// Memory comes in units, so that of a limit only whole ones count; who refuses says which.
TEST_P(Limits, ThatAreNoWholeUnitsServeWhatWholeUnitsDo) {
  const std::uint64_t unit = GetParam().mode == PoolMode::pages ? info_.page_bytes : Pool::granule;
  const auto refused = [&](Pool& pool, std::size_t bytes, std::uint64_t free) {
    try {
      static_cast<void>(pool.allocate(bytes));
      ADD_FAILURE() << bytes << " bytes were served";
    } catch (const LimitExceeded& error) {
      EXPECT_EQ(error.facts().free, free);
      EXPECT_THAT(error.what(), testing::HasSubstr("memory in units of " + format_bytes(unit)));
    }
  };
  for (const std::uint64_t units : {0u, 1u, 7u}) {
    for (const std::uint64_t rest : {std::uint64_t{1}, unit - 1}) {
      Pool& pool = make_pool({.limit = units * unit + rest});
      refused(pool, *pool.options().limit, units * unit);
      if (units == 0) {
        refused(pool, 1, 0);
      } else {
        pool.deallocate(pool.allocate(units * unit));
        expect_under_limit(pool);
        EXPECT_EQ(free_bytes(pool), std::min(units * unit, info_.memory_free.value_or(UINT64_MAX)));
      }
      EXPECT_LE(automatic_chunk(pool, 1), std::max<std::size_t>(units * unit, 1));
    }
  }
}

TEST_P(Limits, ARefusedRequestChangesNothing) {
  Pool& pool = make_pool({.limit = 32_MiB});
  void* block = pool.allocate(20_MiB);
  void* small = pool.allocate(1000);
  for (int i = 0; i < 3; ++i) {
    const Statistics before = pool.statistics();
    EXPECT_THROW(static_cast<void>(pool.allocate(13_MiB)), LimitExceeded);
    EXPECT_EQ(pool.try_allocate(13_MiB, StreamId::legacy_default, {.alignment = 4096}), std::nullopt);
    const Statistics after = pool.statistics();
    EXPECT_TRUE(same_but_refusals(before, after));
    EXPECT_EQ(after.refusals, before.refusals + 2);
    EXPECT_NO_THROW(pool.verify());
  }
  pool.deallocate(block);
  pool.deallocate(small);
}

// What a cache holds is no reason to refuse, and stays no reason after a refusal.
TEST_P(Limits, FreeMemoryInAnyShapeServesALargeRequest) {
  if (!pooling() && info_.backend == BackendKind::vulkan)
    GTEST_SKIP() << "a device may allow no more than 4096 allocations";
  Pool& pool = make_pool({.limit = 64_MiB});
  Stream stream = device_->stream();
  for (const std::size_t bytes : {std::size_t{1000}, std::size_t{40'000}, std::size_t{700'000}, std::size_t{2_MiB}}) {
    std::vector<void*> held;
    for (std::size_t total = 0; total + bytes <= 24_MiB; total += bytes) {
      held.push_back(pool.allocate(bytes, held.size() % 2 == 0 ? StreamId::legacy_default : stream.id()));
    }
    for (std::size_t i = 0; i < held.size(); ++i) {
      pool.deallocate(held[i], i % 2 == 0 ? StreamId::legacy_default : stream.id());
    }
    void* large = pool.allocate(60_MiB);
    expect_under_limit(pool);
    pool.deallocate(large);
  }
}

TEST_P(Limits, CountExternalBytes) {
  Pool& pool = make_pool({.limit = 32_MiB});
  {
    const ExternalBytes booked = pool.book_external(20_MiB);
    EXPECT_EQ(booked.bytes(), 20_MiB);
    EXPECT_EQ(pool.statistics().external, 20_MiB);
    EXPECT_THROW(static_cast<void>(pool.allocate(14_MiB)), LimitExceeded);
    const Statistics before = pool.statistics();
    EXPECT_THROW(static_cast<void>(pool.book_external(13_MiB)), LimitExceeded);
    EXPECT_THROW(static_cast<void>(pool.book_external(UINT64_MAX)), LimitExceeded);
    EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
    void* block = pool.allocate(12_MiB);
    expect_under_limit(pool);
    EXPECT_THROW(static_cast<void>(pool.book_external(1)), LimitExceeded);
    pool.deallocate(block);
  }
  EXPECT_EQ(pool.statistics().external, 0u);
  void* block = pool.allocate(30_MiB);
  pool.deallocate(block);
}

TEST_P(Limits, ABookingMovesWithItsOwner) {
  Pool& pool = make_pool({.limit = 32_MiB});
  ExternalBytes first = pool.book_external(1_MiB);
  ExternalBytes second = std::move(first);
  EXPECT_EQ(pool.statistics().external, 1_MiB);
  ExternalBytes third = pool.book_external(2_MiB);
  third = std::move(second);
  second = ExternalBytes();
  EXPECT_EQ(third.bytes(), 1_MiB);
  third = ExternalBytes();
  first = ExternalBytes();
  EXPECT_EQ(pool.statistics().external, 0u);
}

TEST_P(Limits, ABookingThatOutlivesItsPoolCountsForNothing) {
  ExternalBytes booked;
  {
    Pool gone(*device_, {.name = "gone", .mode = GetParam().mode, .limit = 32_MiB});
    booked = gone.book_external(5_MiB);
    EXPECT_EQ(gone.statistics().external, 5_MiB);
  }
  EXPECT_EQ(booked.bytes(), 5_MiB);
  ExternalBytes moved = std::move(booked);
  EXPECT_EQ(moved.bytes(), 5_MiB);
  Pool& pool = make_pool({.limit = 32_MiB});
  moved = pool.book_external(1_MiB);  // which ends the other
  EXPECT_EQ(pool.statistics().external, 1_MiB);
}

TEST_P(Limits, AFullDeviceIsOutOfMemoryAndLeavesThePoolUsable) {
  Pool& pool = make_pool({.limit = 1_GiB});
  void* live = pool.allocate(1_MiB);
  backend_->deny_memory(true);
  const Statistics before = pool.statistics();
  try {
    static_cast<void>(pool.allocate(100_MiB));
    ADD_FAILURE() << "a full device served it";
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_memory);
    EXPECT_THAT(error.what(), testing::HasSubstr("of the limit are unused, but the device has no more memory"));
  }
  EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
  backend_->deny_memory(false);
  // A refusal of the driver's that passes is none: it is asked again, for less or in smaller parts.
  if (pooling()) {
    backend_->fail(1, device::FaultyBackend::Fault::out_of_memory,
                   GetParam().mode == PoolMode::pages ? device::CallKind::create : device::CallKind::allocate_segment);
    pool.deallocate(pool.allocate(100_MiB));
    EXPECT_TRUE(backend_->fired());
  }
  pool.deallocate(pool.allocate(100_MiB));
  pool.deallocate(live);
}

// Memory on its way from a cache to an arena, or from one place to another, is free all the same: threads
// that together hold no more than the limit are never refused. Whole pages leave no doubt about it.
TEST_P(Limits, NoThreadIsRefusedForWhatOthersAreMoving) {
  constexpr std::size_t threads = 4;
  const std::uint64_t page = info_.page_bytes;
  const bool paged = GetParam().mode == PoolMode::pages;
  const int rounds = pooling() ? 30'000 : 500;
  std::barrier start(threads);
  // Segments cannot be put together from parts, so there the limit leaves room.
  Pool& pool = make_pool({.limit = threads * 6 * page * (paged ? 1 : 4)});
  std::atomic<int> refused{0};
  std::vector<TestThread> crew;
  for (std::size_t me = 0; me < threads; ++me) {
    crew.emplace_back([&, me] {
      std::mt19937_64 random(me);
      start.arrive_and_wait();
      for (int i = 0; i < rounds; ++i) {
        const std::uint64_t pages = 1 + random() % 6;
        std::vector<void*> held;
        for (std::uint64_t total = 0; total + pages <= 6; total += pages) {
          const std::optional<void*> block = pool.try_allocate(pages * page);
          if (!block) {
            ++refused;
            break;
          }
          held.push_back(*block);
        }
        for (void* block : held) pool.deallocate(block);
      }
    });
  }
  for (TestThread& thread : crew) thread.join();
  EXPECT_EQ(refused, 0);
  expect_under_limit(pool);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Limits, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
