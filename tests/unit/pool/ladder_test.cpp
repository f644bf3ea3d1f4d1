// A request that its cache cannot serve: one that the books alone refuse calls no driver,
// throws nothing inside and leaves other threads alone; one that would fit once queued
// work is done waits for that work and succeeds.
#include "pool/ladder.hpp"
#include "device/access.hpp"

#include <dlfcn.h>

#include <future>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/dry/dry_backend.hpp"
#include "support/faulty_backend.hpp"

namespace {

thread_local std::uint64_t throws_here = 0;

}  // namespace

// Every `throw` of the program comes by here on its way to the runtime's own, whose name this takes.
extern "C" [[noreturn]] void count_throw(void* thrown, void* type, void* destroy) __asm__("__cxa_throw");
extern "C" void count_throw(void* thrown, void* type, void* destroy) {
  using Throw = void (*)(void*, void*, void*);
  static const auto next = reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"));
  ++throws_here;
  next(thrown, type, destroy);
  __builtin_unreachable();
}

namespace weir {
namespace {

using namespace std::chrono_literals;
using device::FaultyBackend;

class LadderTest : public testing::Test {
 protected:
  Pool& make(PoolOptions options, const device::DriverModel& model = {}) {
    dry_ = backend::dry::make_dry_backend(1_GiB, model);
    backend_ = std::make_shared<FaultyBackend>(dry_);
    device_.emplace(device::Access::make_device(backend_));
    return pool_.emplace(*device_, std::move(options));
  }
  [[nodiscard]] std::uint64_t backend_calls() const {
    std::uint64_t sum = dry_->driver_calls().all();
    for (std::size_t kind = 0; kind < faults::call_kinds; ++kind) {
      sum += backend_->calls(static_cast<faults::CallKind>(kind));
    }
    return sum;
  }

  std::shared_ptr<backend::dry::DryBackend> dry_;
  std::shared_ptr<FaultyBackend> backend_;
  std::optional<Device> device_;
  std::optional<Pool> pool_;
};

TEST_F(LadderTest, TheCounterOfThrowsCounts) {
  const std::uint64_t before = throws_here;
  EXPECT_THROW(throw NotFound("planted", {}), NotFound);
  EXPECT_EQ(throws_here, before + 1);
}

TEST_F(LadderTest, WhatTheBooksRefuseCostsNoCallNoThrowAndNobodyElse) {
  Pool& pool = make({.limit = 64_MiB});
  void* const live = pool.allocate(40_MiB);
  std::promise<void> cached;
  std::promise<void> refused;
  std::thread other([&] {
    std::vector<void*> blocks;
    for (int i = 0; i < 4; ++i) blocks.push_back(pool.allocate(100'000));
    for (void* block : blocks) pool.deallocate(block);
    const std::uint64_t hits = pool.statistics().cache_hits;
    cached.set_value();
    refused.get_future().wait();
    for (int i = 0; i < 4; ++i) blocks[static_cast<std::size_t>(i)] = pool.allocate(100'000);
    EXPECT_EQ(pool.statistics().cache_hits, hits + 4) << "its cache was as it had left it";
    for (void* block : blocks) pool.deallocate(block);
  });
  cached.get_future().wait();
  EXPECT_FALSE(pool.try_allocate(30_MiB));  // whatever is done once only
  const Statistics before = pool.statistics();
  const std::uint64_t calls = backend_calls();
  const std::uint64_t throws = throws_here;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(pool.try_allocate(30_MiB));
  EXPECT_FALSE(pool.try_allocate(100_GiB));
  EXPECT_EQ(throws_here, throws);
  EXPECT_EQ(backend_calls(), calls);
  const Statistics after = pool.statistics();
  EXPECT_EQ(after.refusals, before.refusals + 1001);
  EXPECT_EQ(after.cached, before.cached);
  EXPECT_EQ(after.evictions, before.evictions);
  EXPECT_EQ(after.reserved.live, before.reserved.live);
  refused.set_value();
  other.join();
  pool.deallocate(live);
  const std::optional<void*> all = pool.try_allocate(60_MiB);
  ASSERT_TRUE(all.has_value()) << "what is cached elsewhere counts as there";
  pool.deallocate(*all);
}

// Free, cached and queued memory all count: only what callers hold does not.
TEST_F(LadderTest, WhatMayComeIsNotRefusedByTheBooks) {
  Pool& pool = make({.limit = 64_MiB}, device::driver_model("event_us=50"));
  const Stream one = device_->stream();
  const Stream two = device_->stream();
  dry_->keep_busy(one, 1ms);
  void* const block = pool.allocate(60_MiB, one);
  pool.deallocate(block, one);
  void* const next = pool.allocate(50_MiB, two);
  ASSERT_NE(next, nullptr);
  pool.used_on(next, one);
  dry_->keep_busy(one, 1ms);
  pool.deallocate(next, two);
  const std::uint64_t throws = throws_here;
  const std::optional<void*> last = pool.try_allocate(55_MiB, two);
  EXPECT_TRUE(last.has_value());
  EXPECT_EQ(throws_here, throws);
  EXPECT_GE(dry_->simulated_time()->now(), 2ms);
  if (last) pool.deallocate(*last, two);
}

// There are enough bytes, but nowhere side by side: that is found out without waiting in vain.
TEST_F(LadderTest, ARefusalThatNeedsTheLadderEnds) {
  Pool& pool = make({.mode = PoolMode::segments, .limit = 64_MiB}, device::driver_model("event_us=5"));
  std::vector<void*> blocks;
  for (int i = 0; i < 16; ++i) blocks.push_back(pool.allocate(4_MiB));
  for (std::size_t i = 0; i < blocks.size(); i += 2) pool.deallocate(blocks[i]);
  const auto began = std::chrono::steady_clock::now();
  const std::uint64_t throws = throws_here;
  EXPECT_FALSE(pool.try_allocate(20_MiB));
  EXPECT_EQ(throws_here, throws);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_LT(dry_->simulated_time()->now(), 100us);
  for (std::size_t i = 1; i < blocks.size(); i += 2) pool.deallocate(blocks[i]);
}

}  // namespace
}  // namespace weir
