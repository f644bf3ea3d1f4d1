// Soft limits: nothing is refused for them; what is free is used and given back before they are passed, handlers are
// called early, and they sink with what other programs leave of the device.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "contract/manager_kinds.hpp"
#include "contract/spilling.hpp"
#include "open_backend.hpp"

namespace weir::contract {
namespace {

class SoftLimits : public PoolContract {
 protected:
  [[nodiscard]] static std::uint64_t taken(const Pool& pool) {
    const Statistics now = pool.statistics();
    return now.reserved.live + now.external;
  }
};

TEST_P(SoftLimits, RefuseNothing) {
  Pool& pool = make_pool({.limit = 64_MiB, .soft_limit = 16_MiB});
  EXPECT_EQ(pool.statistics().soft_limit, 16_MiB);
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(pool.allocate(4_MiB));
  EXPECT_GE(taken(pool), 40_MiB);
  const std::optional<void*> more = pool.try_allocate(4_MiB);
  ASSERT_TRUE(more.has_value());
  blocks.push_back(*more);
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.refusals, 0u);
  EXPECT_EQ(now.errors, 0u);
  EXPECT_FALSE(pool.try_allocate(24_MiB).has_value());  // the limit does
  for (void* block : blocks) pool.deallocate(block);
}

TEST_P(SoftLimits, WhatIsFreeAboveThemGoesBack) {
  Pool& pool = make_pool({.limit = 64_MiB, .soft_limit = 16_MiB, .idle_age = 1h});
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(pool.allocate(4_MiB));
  while (blocks.size() > 2) {
    pool.deallocate(blocks.back());
    blocks.pop_back();
  }
  maintain(pool);
  EXPECT_LE(taken(pool), pooling() && GetParam().mode == PoolMode::segments ? 40_MiB : 16_MiB);
  if (GetParam().mode == PoolMode::pages) {
    EXPECT_EQ(taken(pool), 16_MiB) << "no more goes than has to";
  }
  for (void* block : blocks) pool.deallocate(block);
  maintain(pool);
  EXPECT_LE(taken(pool), 16_MiB) << "a segment goes as a whole";
}

// Pages that lie free elsewhere are moved, however often they were, before new ones are bought.
TEST_P(SoftLimits, FreeMemoryIsUsedBeforeTheyArePassed) {
  if (GetParam().mode != PoolMode::pages) GTEST_SKIP() << "only pages move";
  const bool at_once = info_.backend == BackendKind::host || info_.backend == BackendKind::dry;
  if (!at_once || GetParam().late.count() != 0) GTEST_SKIP() << "pages move once their work is seen to be done";
  Pool& pool = make_pool({.limit = 64_MiB, .soft_limit = 16_MiB, .idle_age = 1h});
  for (int round = 0; round < 4; ++round) {
    std::vector<void*> small;
    for (int i = 0; i < 8; ++i) small.push_back(pool.allocate(2_MiB));
    for (std::size_t i = 0; i < small.size(); i += 2) pool.deallocate(small[i]);
    void* const large = pool.allocate(8_MiB);  // fits into no hole
    EXPECT_LE(taken(pool), 16_MiB);
    pool.deallocate(large);
    for (std::size_t i = 1; i < small.size(); i += 2) pool.deallocate(small[i]);
  }
}

TEST_P(SoftLimits, HandlersAreCalledBeforeTheyArePassed) {
  Pool& pool = make_pool({.limit = 64_MiB, .soft_limit = 16_MiB});
  std::vector<void*> kept{pool.allocate(6_MiB), pool.allocate(6_MiB)};
  int calls = 0;
  const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure& pressure) {
    ++calls;
    EXPECT_TRUE(pressure.early);
    EXPECT_EQ(pressure.bytes, 8_MiB);
    EXPECT_GT(pressure.left.count(), 0);
    if (kept.empty()) return false;
    pool.deallocate(kept.back());
    kept.pop_back();
    return true;
  });
  std::vector<void*> blocks{pool.allocate(8_MiB)};
  EXPECT_EQ(calls, 1);
  EXPECT_LE(pool.statistics().live, 16_MiB);
  const std::optional<void*> tried = pool.try_allocate(8_MiB);  // which asks nobody
  ASSERT_TRUE(tried.has_value());
  blocks.push_back(*tried);
  EXPECT_EQ(calls, 1);
  blocks.push_back(pool.allocate(8_MiB));
  EXPECT_EQ(calls, 3);  // in vain at last
  blocks.push_back(pool.allocate(8_MiB));
  EXPECT_EQ(calls, 3) << "no handler is called for a while";
  clock_.advance(1s);
  blocks.push_back(pool.allocate(8_MiB));
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(pool.statistics().refusals, 0u);
  for (void* block : blocks) pool.deallocate(block);
}

TEST_P(SoftLimits, AHandlerMayFreeTheBlockThatGrows) {
  if (GetParam().mode != PoolMode::pages) GTEST_SKIP() << "blocks do not grow in place";
  const std::uint64_t page = info_.page_bytes;
  Pool& pool = make_pool({.limit = 16 * page, .soft_limit = 4 * page});
  for (const bool ranged : {true, false}) {
    const BlockHandle grows = ranged ? pool.acquire_growable(2 * page, 16 * page) : pool.acquire(2 * page);
    const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure&) {
      if (!pool.holds(grows)) return false;
      pool.release(grows);
      return true;
    });
    EXPECT_THROW(static_cast<void>(pool.enlarge(grows, 7 * page, 16 * page, 0)), StaleHandle);
    EXPECT_NO_THROW(pool.verify());
    clock_.advance(1s);
  }
}

TEST_P(SoftLimits, CountWhatIsExternal) {
  Pool& pool = make_pool({.limit = 64_MiB, .soft_limit = 16_MiB, .idle_age = 1h});
  std::vector<void*> blocks{pool.allocate(6_MiB), pool.allocate(6_MiB)};
  pool.deallocate(blocks.back());
  const ExternalBytes booked = pool.book_external(10_MiB);
  maintain(pool);                               // where events are late
  if (GetParam().mode != PoolMode::segments) {  // a segment is in use as a whole
    EXPECT_LE(taken(pool), 16_MiB);
  }
  pool.deallocate(blocks.front());
}

TEST_P(SoftLimits, SinkWithWhatOthersLeave) {
  backend_->show_free(100_MiB);
  Pool& pool = make_pool({.limit = 64_MiB, .leave_free = 40_MiB, .idle_age = 1h});
  EXPECT_EQ(pool.statistics().soft_limit, std::nullopt) << "nobody asked yet";
  std::vector<void*> blocks{pool.allocate(8_MiB)};
  EXPECT_EQ(pool.statistics().soft_limit, 60_MiB);
  const std::uint64_t asked = backend_->free_asked();
  blocks.push_back(pool.allocate(8_MiB));
  EXPECT_EQ(backend_->free_asked(), asked) << "the device is not asked at each miss";
  backend_->show_free(30_MiB);  // others took 54
  clock_.advance(1s);
  pool.deallocate(blocks.back());
  blocks.pop_back();
  maintain(pool);
  EXPECT_EQ(backend_->free_asked(), asked + 1);
  const std::uint64_t bound = pool.statistics().soft_limit.value_or(0);
  EXPECT_LT(bound, 60_MiB);
  if (GetParam().mode != PoolMode::segments) {
    EXPECT_LE(taken(pool), 8_MiB) << "what is free went back";
  }
  void* const served = pool.allocate(8_MiB);  // for which nobody is refused
  EXPECT_EQ(pool.statistics().refusals, 0u);
  pool.deallocate(served);
  backend_->show_free(1_GiB);
  clock_.advance(1s);
  maintain(pool);
  EXPECT_EQ(pool.statistics().soft_limit, 64_MiB) << "it rises again, to the limit";
  for (void* block : blocks) pool.deallocate(block);
}

TEST_P(SoftLimits, OtherPoolsOnTheDeviceAreOthers) {
  if (info_.backend != BackendKind::dry && GetParam().backend != cuda_fake) {
    GTEST_SKIP() << "of a real device others take memory too";
  }
  const std::uint64_t free = device_->info().memory_free.value_or(0);
  Pool& pool = make_pool({.limit = 1_GiB, .leave_free = free - 64_MiB});
  Pool& other = make_pool({.limit = 1_GiB});
  void* const mine = pool.allocate(4_MiB);
  EXPECT_EQ(pool.statistics().soft_limit, 64_MiB);
  void* const theirs = other.allocate(40_MiB);
  clock_.advance(1s);
  maintain(pool);
  EXPECT_LE(pool.statistics().soft_limit.value_or(0), 24_MiB);
  other.deallocate(theirs);
  other.trim();
  clock_.advance(1s);
  maintain(pool);
  EXPECT_EQ(pool.statistics().soft_limit, 64_MiB);
  pool.deallocate(mine);
}

TEST_P(SoftLimits, ADeviceThatCannotTellIsNotFollowed) {
  backend_->show_free(8_MiB);
  Pool& pool = make_pool({.limit = 64_MiB, .soft_limit = 32_MiB});
  void* const block = pool.allocate(8_MiB);
  EXPECT_EQ(pool.statistics().soft_limit, 32_MiB) << "others are not looked at unless asked for";
  pool.deallocate(block);
}

TEST_P(SoftLimits, AreChecked) {
  EXPECT_THROW(make_pool({.limit = 16_MiB, .soft_limit = 17_MiB}), InvalidArgument);
  EXPECT_THROW(make_pool({.wait_for_threads = -1ms}), InvalidArgument);
}

// Memory that others take before the limit is reached is ordinary: the device refuses, and handlers free some.
TEST_P(SoftLimits, MemoryThatVanishesIsOrdinary) {
  Pool& pool = make_pool({.limit = 64_MiB, .segment_bytes = 2_MiB});
  std::vector<void*> kept{pool.allocate(8_MiB)};
  int calls = 0;
  const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure& pressure) {
    ++calls;
    EXPECT_FALSE(pressure.early);
    if (kept.empty()) return false;
    pool.deallocate(kept.back());
    kept.pop_back();
    if (!pooling()) backend_->deny_memory(false);  // what is freed is the device's at once
    return true;
  });
  backend_->deny_memory(true);
  void* const block = pool.allocate(8_MiB);
  EXPECT_EQ(calls, 1);
  backend_->deny_memory(true);
  EXPECT_THROW(static_cast<void>(pool.allocate(8_MiB)), OutOfMemory);
  EXPECT_EQ(calls, 2);
  backend_->deny_memory(false);
  void* const more = pool.allocate(8_MiB);  // nothing stays of it
  const Statistics now = pool.statistics();
  EXPECT_EQ(now.errors, 0u);
  EXPECT_EQ(now.refusals, 1u);
  pool.deallocate(block);
  pool.deallocate(more);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SoftLimits, testing::ValuesIn(kinds()), name_of);

class SoftlySpilling : public Spilling {};

TEST_P(SoftlySpilling, IdleBuffersGoBeforeTheSoftLimitIsPassed) {
  MemoryManager& memory = make_manager({.pool = {.limit = 2 * limit, .soft_limit = limit, .reclaim_deadline = 2s},
                                        .transfers = {.spill_limit = 256_MiB}});
  std::vector<Words> buffers;
  for (std::uint32_t i = 0; i < 6; ++i) buffers.push_back(create(memory, "buffer " + std::to_string(i), i));
  // A buffer whose work is not seen to be done in a moment stays, and the soft limit is passed.
  for (int round = 0; round < 100 && memory.statistics().transfers.spilled != 4_MiB; ++round) {
    clock_.advance(1s);
    for (std::uint32_t i = 0; i < 6; ++i) expect_contents(memory, buffers[i], i);
  }
  EXPECT_EQ(memory.statistics().transfers.spilled, 4_MiB);
  EXPECT_LE(memory.statistics().pool.live, limit);
  for (const Words& buffer : buffers) static_cast<void>(buffer.access());  // nothing may go: it is passed
  EXPECT_EQ(memory.statistics().pool.live, 12_MiB);
  EXPECT_EQ(memory.statistics().pool.refusals, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SoftlySpilling, testing::ValuesIn(manager_kinds()), name_of);

}  // namespace
}  // namespace weir::contract
