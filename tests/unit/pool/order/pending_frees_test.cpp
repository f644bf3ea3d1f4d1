// Freed blocks that wait for the streams that used them: each is given once, when all of
// its own fence is done and none other's, and what is done is not asked again.
#include "pool/order/pending_frees.hpp"

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/dry/dry_backend.hpp"
#include "support/faulty_backend.hpp"

namespace weir::pool {
namespace {

using namespace std::chrono_literals;
using device::CallKind;
using device::FaultyBackend;
using testing::ElementsAre;

class PendingFreesTest : public testing::Test {
 protected:
  void add(std::uint32_t id, std::initializer_list<StreamId> users, std::uint32_t granules = 1) {
    PendingFree free{id, StreamIndex{1}, granules, {}};
    for (const StreamId user : users) free.fence.add(backend_, user);
    pending_.add(std::move(free));
  }
  std::vector<std::uint32_t> reclaim(std::size_t max_unfinished = SIZE_MAX) {
    std::vector<std::uint32_t> taken;
    const bool any = pending_.reclaim(max_unfinished, [&](const PendingFree& free) { taken.push_back(free.id); });
    EXPECT_EQ(any, !taken.empty());
    return taken;
  }
  void pass(std::chrono::nanoseconds time) { dry_->simulated_time()->pass(time); }

  std::shared_ptr<backend::dry::DryBackend> dry_ =
      backend::dry::make_dry_backend(64_MiB, device::driver_model("event_us=5"));
  std::shared_ptr<FaultyBackend> backend_ = std::make_shared<FaultyBackend>(dry_);
  StreamId slow_ = backend_->create_stream();
  StreamId quick_ = backend_->create_stream();
  PendingFrees pending_;
};

TEST_F(PendingFreesTest, KnowsWhoUsesABlockUntilItIsFreed) {
  EXPECT_TRUE(pending_.users(7).empty());
  pending_.note_use(7, slow_);
  pending_.note_use(7, quick_);
  pending_.note_use(8, quick_);
  EXPECT_THAT(pending_.users(7), ElementsAre(slow_, quick_));
  pending_.note_end(7, quick_, std::make_shared<const device::Event>());
  pending_.note_end(9, quick_, nullptr);  // nobody uses it
  EXPECT_THAT(pending_.users(7), ElementsAre(slow_, quick_));
  const std::vector<PendingFrees::Use> uses = pending_.take_users(7);
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].stream, slow_);
  EXPECT_EQ(uses[0].until, nullptr);
  EXPECT_EQ(uses[1].stream, quick_);
  EXPECT_NE(uses[1].until, nullptr);
  EXPECT_TRUE(pending_.take_users(7).empty());
  EXPECT_THAT(pending_.users(8), ElementsAre(quick_));
}

TEST_F(PendingFreesTest, GivesEachWhenItsOwnFenceIsPast) {
  EXPECT_TRUE(pending_.empty());
  EXPECT_THAT(reclaim(), ElementsAre());
  dry_->keep_busy(slow_, 100us);
  add(1, {slow_, quick_}, 10);
  add(2, {quick_}, 20);
  add(3, {slow_}, 30);
  add(4, {}, 40);
  EXPECT_EQ(pending_.granules(), 100u);
  EXPECT_THAT(reclaim(), ElementsAre(4));
  pass(5us);
  EXPECT_THAT(reclaim(), ElementsAre(2));
  EXPECT_EQ(pending_.granules(), 40u);
  EXPECT_FALSE(pending_.empty());
  pass(100us);
  EXPECT_THAT(reclaim(), ElementsAre(1, 3));
  EXPECT_TRUE(pending_.empty());
  EXPECT_EQ(dry_->events(), 0u);
}

TEST_F(PendingFreesTest, LooksAtNoMoreUnfinishedOnesThanItMay) {
  dry_->keep_busy(slow_, 100us);
  for (std::uint32_t id = 1; id <= 10; ++id) add(id, {slow_});
  add(11, {});
  EXPECT_THAT(reclaim(4), ElementsAre());
  EXPECT_EQ(backend_->calls(CallKind::query), 4u);
  EXPECT_THAT(reclaim(11), ElementsAre(11));
}

TEST_F(PendingFreesTest, WhatIsPastOfAFenceIsNotAskedAgain) {
  dry_->keep_busy(slow_, 100us);
  add(1, {quick_, quick_, quick_, slow_});
  pass(5us);
  EXPECT_THAT(reclaim(), ElementsAre());
  EXPECT_EQ(backend_->calls(CallKind::query), 4u);
  EXPECT_THAT(reclaim(), ElementsAre());
  EXPECT_EQ(backend_->calls(CallKind::query), 5u);
  std::vector<device::SharedEvent> unfinished;
  pending_.collect(unfinished);
  EXPECT_EQ(unfinished.size(), 1u);
  EXPECT_EQ(backend_->calls(CallKind::record), 4u) << "looking records nothing";
}

TEST_F(PendingFreesTest, AFailedLookKeepsTheBlock) {
  add(1, {quick_});
  pass(5us);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::query);
  EXPECT_THAT(reclaim(), ElementsAre());
  EXPECT_EQ(pending_.granules(), 1u);
  EXPECT_THAT(reclaim(), ElementsAre(1));
}

TEST_F(PendingFreesTest, AtItsEndAllThatUsesMemoryIsWaitedFor) {
  dry_->keep_busy(slow_, 100us);
  dry_->keep_busy(quick_, 10us);
  add(1, {quick_});
  pending_.note_use(2, slow_);  // a live block
  EXPECT_FALSE(pending_.comes_to_rest(backend_, core::Deadline()));
  EXPECT_TRUE(pending_.comes_to_rest(backend_, core::Deadline(10s)));
  EXPECT_EQ(dry_->simulated_time()->now(), 105us);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::wait);
  EXPECT_TRUE(pending_.comes_to_rest(backend_, core::Deadline(10s))) << "a failure may pass";
}

TEST_F(PendingFreesTest, AmongThreadsEachIsGivenOnce) {
  constexpr std::uint32_t rounds = 2000;
  std::vector<std::atomic<int>> given(3 * rounds);
  const auto take = [&](const PendingFree& free) { ++given[free.id]; };
  std::vector<std::thread> crew;
  crew.reserve(3);
  for (std::uint32_t worker = 0; worker < 3; ++worker) {
    crew.emplace_back([&, worker] {
      for (std::uint32_t i = 0; i < rounds; ++i) {
        add(worker * rounds + i, {quick_});
        if (i % 3 == 0) pass(5us);
        static_cast<void>(pending_.reclaim(4, take));
      }
    });
  }
  for (std::thread& thread : crew) thread.join();
  pass(5us);
  static_cast<void>(pending_.reclaim(SIZE_MAX, take));
  for (const std::atomic<int>& each : given) ASSERT_EQ(each, 1);
  EXPECT_TRUE(pending_.empty());
  EXPECT_EQ(dry_->events(), 0u);
}

}  // namespace
}  // namespace weir::pool
