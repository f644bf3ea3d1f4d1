// Handlers of memory pressure.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

class Pressure : public PoolContract {};

TEST_P(Pressure, HandlersFreeMemoryInTheirOrder) {
  Pool& pool = make_pool({.limit = 16_MiB});
  std::vector<void*> first{pool.allocate(4_MiB), pool.allocate(4_MiB)};
  std::vector<void*> second{pool.allocate(4_MiB), pool.allocate(4_MiB)};
  std::string calls;
  const auto handler = [&](std::vector<void*>& blocks, const char* name) {
    return [&pool, &blocks, &calls, name](const MemoryPressure& pressure) {
      calls += name + std::to_string(pressure.attempt) + (pressure.bytes == 10_MiB ? " " : "! ");
      if (blocks.empty()) return false;
      pool.deallocate(blocks.back());
      blocks.pop_back();
      return true;
    };
  };
  const PressureRegistration one = pool.on_pressure(handler(first, "first"));
  const PressureRegistration other = pool.on_pressure(handler(second, "second"));
  void* const block = pool.allocate(10_MiB);
  EXPECT_EQ(calls, "first0 first1 first2 second0 ");
  EXPECT_EQ(second.size(), 1u);
  EXPECT_EQ(pool.statistics().refusals, 0u);
  pool.deallocate(block);
  for (void* each : second) pool.deallocate(each);
}

TEST_P(Pressure, ARequestThatNobodyHelpsIsRefused) {
  Pool& pool = make_pool({.limit = 16_MiB});
  void* const held = pool.allocate(10_MiB);
  int calls = 0;
  const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure&) {
    ++calls;
    return false;
  });
  const Statistics before = pool.statistics();
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);
  EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(pool.try_allocate(10_MiB).has_value());                    // whose caller expects that
  EXPECT_THROW(static_cast<void>(pool.allocate(17_MiB)), LimitExceeded);  // which nothing could serve
  EXPECT_EQ(calls, 1);
  pool.deallocate(held);
}

TEST_P(Pressure, AHandlerThatFreesNothingIsGivenUp) {
  Pool& pool = make_pool({.limit = 16_MiB, .reclaim_deadline = 300ms});
  void* const held = pool.allocate(10_MiB);
  int calls = 0;
  const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure&) {
    ++calls;
    clock_.advance(1ms);  // of a device whose time is simulated
    std::this_thread::sleep_for(1ms);
    return true;
  });
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);
  EXPECT_GE(calls, 2);
  EXPECT_LE(calls, 1000);
  pool.deallocate(held);
}

TEST_P(Pressure, HandlersMayAllocateAndFailAndEnd) {
  Pool& pool = make_pool({.limit = 16_MiB});
  void* held = pool.allocate(10_MiB);
  std::optional<PressureRegistration> handler;
  int calls = 0;
  handler = pool.on_pressure([&](const MemoryPressure&) {
    ++calls;
    EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);  // which calls no handler
    pool.deallocate(pool.allocate(1_MiB));
    throw NotFound("nothing to free", {.name = "handler"});
    return false;
  });
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), NotFound);
  EXPECT_EQ(calls, 1);
  handler = pool.on_pressure([&](const MemoryPressure&) {
    ++calls;
    pool.deallocate(std::exchange(held, nullptr));
    handler.reset();  // itself
    return true;
  });
  void* const block = pool.allocate(10_MiB);
  EXPECT_EQ(calls, 2);
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);
  EXPECT_EQ(calls, 2);
  pool.deallocate(block);
}

TEST_P(Pressure, BlocksThatGrowAreHelpedToo) {
  if (GetParam().mode != PoolMode::pages) GTEST_SKIP() << "blocks do not grow in place";
  const std::uint64_t page = info_.page_bytes;
  Pool& pool = make_pool({.limit = 8 * page});
  const BlockHandle grows = pool.acquire_growable(4 * page, 8 * page);
  BlockHandle held = pool.acquire(4 * page);
  const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure&) {
    if (held == BlockHandle{}) return false;
    pool.release(std::exchange(held, {}));
    return true;
  });
  EXPECT_TRUE(pool.resize(grows, 7 * page));
  pool.release(grows);
}

TEST_P(Pressure, AHandlerThatFreesTheGrowingBlockIsAnError) {
  if (GetParam().mode != PoolMode::pages) GTEST_SKIP() << "blocks do not grow in place";
  const std::uint64_t page = info_.page_bytes;
  Pool& pool = make_pool({.limit = 8 * page});
  for (const bool ranged : {true, false}) {
    const BlockHandle grows = ranged ? pool.acquire_growable(4 * page, 8 * page) : pool.acquire(4 * page);
    const BlockHandle held = pool.acquire(4 * page);
    const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure& pressure) {
      if (pressure.attempt != 0) return false;
      pool.release(grows);
      return true;
    });
    EXPECT_THROW(static_cast<void>(pool.enlarge(grows, 7 * page, 8 * page, 0)), StaleHandle);
    EXPECT_NO_THROW(pool.verify());
    pool.release(held);
  }
}

TEST_P(Pressure, ARegistrationThatIsReplacedEnds) {
  Pool& pool = make_pool({.limit = 16_MiB});
  void* const held = pool.allocate(10_MiB);
  std::string calls;
  PressureRegistration handler = pool.on_pressure([&](const MemoryPressure&) { return (calls += "first", false); });
  PressureRegistration other = pool.on_pressure([&](const MemoryPressure&) { return (calls += "second", false); });
  handler = std::move(other);
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded);
  EXPECT_EQ(calls, "second");
  pool.deallocate(held);
}

TEST_P(Pressure, WhatAHandlerHoldsEndsWithItsRegistration) {
  Pool& pool = make_pool();
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  {
    const PressureRegistration handler =
        pool.on_pressure([held = std::move(held)](const MemoryPressure&) { return false; });
    EXPECT_FALSE(seen.expired());
  }
  EXPECT_TRUE(seen.expired());
}

TEST_P(Pressure, TheEndOfARegistrationWaitsForItsCalls) {
  Pool& pool = make_pool({.limit = 16_MiB, .wait_for_threads = 0ms});
  void* const held = pool.allocate(10_MiB);
  std::atomic<bool> inside{false};
  std::atomic<bool> ended{false};
  std::optional<PressureRegistration> handler = pool.on_pressure([&](const MemoryPressure&) {
    inside = true;
    std::this_thread::sleep_for(20ms);
    ended = true;
    return false;
  });
  std::jthread thread([&] { EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB)), LimitExceeded); });
  while (!inside) std::this_thread::yield();
  handler.reset();
  EXPECT_TRUE(ended);
  thread.join();
  pool.deallocate(held);
}

// All waits of a request have one deadline: what waiting for work took is not given to handlers again.
TEST_P(Pressure, HandlersHaveWhatIsLeftOfTheDeadline) {
  if (!pooling()) GTEST_SKIP() << "nothing is kept";
  Pool& pool = make_pool({.limit = 16_MiB, .reclaim_deadline = 30ms});
  const Stream one = device_->stream();
  const Stream other = device_->stream();
  void* const block = pool.allocate(10_MiB, one);
  pool.used_on(block, other);
  backend_->hold_events();
  pool.deallocate(block, one);
  int calls = 0;
  const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure& pressure) {
    ++calls;
    EXPECT_EQ(pressure.left.count(), 0);
    return true;
  });
  EXPECT_THROW(static_cast<void>(pool.allocate(10_MiB, one)), LimitExceeded);
  EXPECT_EQ(calls, 1) << "nor is one called again past it";
  backend_->let_events_go();
  pool.deallocate(pool.allocate(10_MiB, one), one);
}

TEST_P(Pressure, AnEmptyHandlerIsRefused) {
  Pool& pool = make_pool();
  EXPECT_THROW(static_cast<void>(pool.on_pressure({})), InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Pressure, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
