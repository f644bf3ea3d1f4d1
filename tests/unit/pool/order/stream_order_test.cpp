// Whose order free memory follows, over a device in virtual time: handing it over holds
// the device back and not the host, looking records nothing, and a wait is for the stream
// that finishes first.
#include "pool/order/stream_order.hpp"

#include <gtest/gtest.h>

#include "unit/pool/whole_space.hpp"

namespace weir::pool {
namespace {

using namespace std::chrono_literals;
using device::CallKind;
using device::FaultyBackend;

class StreamOrderTest : public testing::Test {
 protected:
  StreamOrderTest() : one_(whole_.backend->create_stream()), two_(whole_.backend->create_stream()) {}
  ~StreamOrderTest() override {
    whole_.backend->destroy_stream(one_);
    whole_.backend->destroy_stream(two_);
  }
  [[nodiscard]] StreamIndex stream_index(StreamId stream) { return whole_.order.epochs().index_of(stream); }
  /// Free memory that follows the stream, with a block behind it: clean neighbours would join it.
  void leave_free(std::uint64_t pages, StreamId stream) {
    const std::uint32_t id = whole_.grow(WholeSpace::pages(pages, stream_index(stream)), Effort::thrifty).id;
    ASSERT_NE(id, 0u);
    ASSERT_NE(whole_.grow(WholeSpace::pages(1), Effort::thrifty).id, 0u);
    whole_.release(id, stream_index(stream));
  }
  [[nodiscard]] bool fits(std::uint64_t pages, StreamIndex stream_index) {
    const std::uint32_t id = whole_.space.fit_in_any(WholeSpace::pages(pages, stream_index), nullptr);
    if (id != 0) whole_.release(id, stream_index);
    return id != 0;
  }
  [[nodiscard]] std::uint64_t calls(CallKind kind) const { return whole_.backend->calls(kind); }
  static core::Deadline long_enough() { return core::Deadline(10s); }

  WholeSpace whole_{1024, {}, device::driver_model("event_us=5")};
  StreamOrder& order_ = whole_.order;
  const StreamId one_;
  const StreamId two_;
};

TEST_F(StreamOrderTest, AClaimHoldsTheStreamBackAndNotTheHost) {
  whole_.dry->keep_busy(one_, 1ms);
  leave_free(4, one_);
  EXPECT_FALSE(fits(4, stream_index(two_)));
  const auto before = whole_.now();
  EXPECT_TRUE(order_.take_over(whole_.space, stream_index(two_)));
  EXPECT_EQ(whole_.now(), before);
  EXPECT_EQ(calls(CallKind::wait), 0u);
  EXPECT_EQ(calls(CallKind::stream_wait), 1u);
  EXPECT_EQ(calls(CallKind::record), 1u);
  EXPECT_TRUE(fits(4, stream_index(two_)));
  EXPECT_FALSE(fits(4, stream_index(one_)));
  // What is queued on the taker now comes after the giver's work.
  const device::EventId after = whole_.backend->record(two_);
  EXPECT_TRUE(whole_.backend->wait(after, 10s));
  EXPECT_GE(whole_.now(), before + 1ms);
  whole_.backend->release(after);
}

// The pages of work that is done are anyone's: nobody waits for them.
TEST_F(StreamOrderTest, AClaimOfWhatIsPastNeedsNoWaitAtAll) {
  leave_free(4, one_);
  order_.prepare_pages(whole_.space);
  EXPECT_EQ(calls(CallKind::record), 1u);
  whole_.dry->simulated_time()->pass(6us);
  EXPECT_TRUE(order_.take_over(whole_.space, stream_index(two_)));
  EXPECT_EQ(calls(CallKind::record), 1u);
  EXPECT_EQ(calls(CallKind::stream_wait), 0u);
  EXPECT_TRUE(fits(4, clean_index));
}

TEST_F(StreamOrderTest, AFailedClaimLeavesTheMemoryWhereItWas) {
  leave_free(4, one_);
  for (const CallKind kind : {CallKind::record, CallKind::stream_wait}) {
    whole_.backend->fail(1, FaultyBackend::Fault::driver_error, kind);
    EXPECT_FALSE(order_.take_over(whole_.space, stream_index(two_)));
    EXPECT_FALSE(fits(4, stream_index(two_)));
    EXPECT_TRUE(fits(4, stream_index(one_)));
  }
  EXPECT_TRUE(order_.take_over(whole_.space, stream_index(two_)));
}

TEST_F(StreamOrderTest, LookingWaitsForNothingAndRecordsNothing) {
  leave_free(4, one_);
  const auto before = whole_.now();
  static_cast<void>(order_.look(whole_.space, false));
  EXPECT_EQ(calls(CallKind::record), 0u);
  EXPECT_FALSE(fits(4, clean_index));
  order_.prepare_pages(whole_.space);
  order_.prepare_pages(whole_.space);
  EXPECT_EQ(calls(CallKind::record), 1u) << "one event covers it";
  static_cast<void>(order_.look(whole_.space, false));
  EXPECT_FALSE(fits(4, clean_index)) << "an event is late";
  EXPECT_EQ(whole_.now(), before);
  whole_.dry->simulated_time()->pass(5us);
  EXPECT_TRUE(order_.look(whole_.space, true));
  EXPECT_TRUE(fits(4, clean_index));
  EXPECT_EQ(calls(CallKind::record), 1u);
  EXPECT_EQ(calls(CallKind::wait), 0u);
}

TEST_F(StreamOrderTest, OfSeveralTheStreamThatFinishesFirstIsWaitedFor) {
  whole_.dry->keep_busy(one_, 1ms);
  whole_.dry->keep_busy(two_, 20us);
  leave_free(4, one_);
  leave_free(3, two_);
  EXPECT_TRUE(order_.await_any(whole_.space, long_enough()));
  EXPECT_EQ(whole_.now(), 25us);
  static_cast<void>(order_.look(whole_.space, false));
  EXPECT_TRUE(fits(3, clean_index));
  EXPECT_FALSE(fits(4, clean_index));
  EXPECT_TRUE(order_.await_any(whole_.space, long_enough()));
  EXPECT_EQ(whole_.now(), 1005us);
  static_cast<void>(order_.look(whole_.space, false));
  EXPECT_TRUE(fits(4, clean_index));
  EXPECT_EQ(calls(CallKind::record), 2u) << "an event a stream";
}

// Else whoever tries again until nothing more can come tries for ever.
TEST_F(StreamOrderTest, WhatIsPastIsNotWaitedForAgain) {
  EXPECT_FALSE(order_.await_any(whole_.space, long_enough()));
  leave_free(1, one_);
  whole_.release(whole_.grow({.granules = 5, .stream_index = stream_index(two_)}, Effort::thorough).id,
                 stream_index(two_));
  int waits = 0;
  while (order_.await_any(whole_.space, long_enough()) && waits < 10) ++waits;
  EXPECT_LE(waits, 2);
  EXPECT_LE(whole_.now(), 6us);
  EXPECT_TRUE(whole_.space.streams_in_use(false).empty());
}

TEST_F(StreamOrderTest, AWaitIsForFreedBlocksThatOthersUseToo) {
  whole_.dry->keep_busy(two_, 50us);
  const std::uint32_t id = whole_.allocate(1, stream_index(one_));
  order_.pending().note_use(id, two_);
  order_.pending().add({id, stream_index(one_), 1, order_.fence_of(id)});
  EXPECT_TRUE(order_.await_any(whole_.space, long_enough()));
  EXPECT_EQ(whole_.now(), 55us);
  EXPECT_TRUE(order_.pending().reclaim(SIZE_MAX, [](const PendingFree&) {}));
  EXPECT_EQ(order_.waits().count, 1u);
}

TEST_F(StreamOrderTest, CleaningWaitsForOneStream) {
  whole_.dry->keep_busy(one_, 30us);
  whole_.dry->keep_busy(two_, 1ms);
  leave_free(4, one_);
  leave_free(3, two_);
  EXPECT_TRUE(order_.clean(whole_.space, stream_index(one_), long_enough()));
  EXPECT_EQ(whole_.now(), 35us);
  EXPECT_TRUE(fits(4, clean_index));
  EXPECT_FALSE(order_.clean(whole_.space, stream_index(two_), core::Deadline()));
  EXPECT_EQ(whole_.now(), 35us);
}

}  // namespace
}  // namespace weir::pool
