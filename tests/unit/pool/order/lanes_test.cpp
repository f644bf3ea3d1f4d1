// Lanes: a number for each stream, events that cover exactly what was freed
// before them, and numbers that come back when a stream is done.
#include "pool/order/lanes.hpp"
#include "device/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "support/faulty_backend.hpp"

namespace weir::pool {
namespace {

using device::CallKind;
using device::FaultyBackend;

class LanesTest : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_EQ(backend_->balance().events, 0u);
    EXPECT_EQ(backend_->breach(), "");
  }
  std::shared_ptr<FaultyBackend> backend_ =
      std::make_shared<FaultyBackend>(device::Access::shared_backend(open_device({.backend = "host"})));
  /// The point that covers all that was freed on the lane so far.
  static Lanes::Point cover(Lanes& lanes, Lane lane) {
    const auto point = lanes.covering(lane, lanes.epoch(lane));
    EXPECT_TRUE(point.has_value());
    return point.value_or(Lanes::Point{});
  }
  static void await(const Lanes::Point& point) {
    if (point.event) {
      EXPECT_TRUE(point.event->wait(core::Deadline(std::chrono::seconds(10))));
    }
  }

  Device device_ = device::Access::make_device(backend_);
};

TEST_F(LanesTest, AStreamHasOneLaneAndNoneIsTheCleanOne) {
  Lanes lanes(backend_);
  Stream stream = device_.stream();
  const Lane first = lanes.of(StreamId::legacy_default);
  const Lane second = lanes.of(stream);
  EXPECT_NE(first, clean_lane);
  EXPECT_NE(second, clean_lane);
  EXPECT_NE(first, second);
  EXPECT_EQ(lanes.of(stream), second);
  EXPECT_EQ(lanes.stream(second), stream.id());
  EXPECT_EQ(lanes.all().size(), 2u);
  EXPECT_EQ(lanes.epoch(clean_lane), 0u);
}

TEST_F(LanesTest, AnEventCoversWhatWasFreedBeforeIt) {
  Lanes lanes(backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  const std::uint64_t before = lanes.epoch(lane);
  {
    const Lanes::Point point = cover(lanes, lane);
    EXPECT_GE(point.epoch, before);
    EXPECT_GT(lanes.epoch(lane), point.epoch);  // what is freed now is not covered
    EXPECT_EQ(backend_->balance().events, 1u);
    await(point);
    EXPECT_EQ(lanes.past(lane), point.epoch);
    EXPECT_EQ(backend_->balance().events, 1u);
  }
  EXPECT_EQ(backend_->balance().events, 0u);  // released with its last user
}

// An event is late: whoever looks asks for those of before, and nobody records one for that.
TEST_F(LanesTest, LookingAsksForEarlierPointsAndRecordsNone) {
  Lanes lanes(backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  EXPECT_EQ(lanes.past(lane), 0u);
  EXPECT_EQ(backend_->calls(CallKind::record), 0u);
  EXPECT_EQ(backend_->calls(CallKind::query), 0u) << "there is nothing to ask for";
  backend_->hold_events();
  const Lanes::Point first = cover(lanes, lane);
  const Lanes::Point second = cover(lanes, lane);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
  for (int i = 0; i < 5; ++i) EXPECT_LT(lanes.past(lane), first.epoch);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
  EXPECT_EQ(backend_->calls(CallKind::query), 5u) << "of those that are not done only the oldest is asked";
  EXPECT_EQ(lanes.oldest(lane).event, first.event);
  backend_->let_events_go();
  await(second);
  EXPECT_EQ(lanes.past(lane), second.epoch);
  EXPECT_EQ(lanes.oldest(lane).event, nullptr);
  EXPECT_EQ(lanes.oldest(lane).epoch, second.epoch);
  const std::uint64_t queries = backend_->calls(CallKind::query);
  EXPECT_EQ(lanes.past(lane), second.epoch);
  EXPECT_EQ(backend_->calls(CallKind::query), queries) << "what is past is not asked again";
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
}

TEST_F(LanesTest, APointThatCoversIsUsedAgain) {
  Lanes lanes(backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  const std::uint64_t early = lanes.epoch(lane);
  backend_->hold_events();
  const Lanes::Point first = cover(lanes, lane);
  const std::uint64_t late = lanes.epoch(lane);
  EXPECT_EQ(lanes.covering(lane, early)->event, first.event);
  EXPECT_EQ(backend_->calls(CallKind::record), 1u);
  const Lanes::Point second = cover(lanes, lane);
  EXPECT_NE(second.event, first.event);
  EXPECT_GE(second.epoch, late);
  EXPECT_EQ(lanes.covering(lane, early)->event, first.event) << "the first that covers it";
  EXPECT_EQ(lanes.covering(lane, late)->event, second.event);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
  backend_->let_events_go();
  await(second);
  EXPECT_EQ(lanes.past(lane), second.epoch);
  EXPECT_EQ(lanes.covering(lane, late)->event, nullptr) << "it is long past";
  EXPECT_EQ(lanes.covering(clean_lane, 0)->event, nullptr);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
}

TEST_F(LanesTest, PointsAreBoundedAndTheLastIsAlwaysThere) {
  Lanes lanes(backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  backend_->hold_events();
  std::vector<std::uint64_t> epochs;
  for (int i = 0; i < 100; ++i) epochs.push_back(cover(lanes, lane).epoch);
  EXPECT_LE(backend_->balance().events, 16u);
  EXPECT_EQ(lanes.oldest(lane).epoch, epochs.front());
  for (const std::uint64_t epoch : epochs) EXPECT_GE(lanes.covering(lane, epoch)->epoch, epoch);
  EXPECT_EQ(backend_->calls(CallKind::record), 100u) << "what was dropped is covered by a later one";
  backend_->let_events_go();
  await(*lanes.covering(lane, epochs.back()));
  EXPECT_EQ(lanes.past(lane), epochs.back());
}

TEST_F(LanesTest, ARetiredLaneKeepsItsLastEventUntilItIsForgotten) {
  Lanes lanes(backend_);
  Stream stream = device_.stream();
  const Lane lane = lanes.of(stream);
  const std::uint64_t freed = lanes.epoch(lane);
  lanes.retire(stream);
  lanes.retire(stream);
  EXPECT_TRUE(lanes.retired(lane));
  EXPECT_EQ(backend_->balance().events, 1u);
  EXPECT_EQ(backend_->calls(CallKind::record), 1u);
  const std::uint64_t last = lanes.epoch(lane);
  std::uint64_t covered = 0;
  {
    const auto point = lanes.covering(lane, freed);
    ASSERT_TRUE(point.has_value());
    covered = point->epoch;
    lanes.forget(lane, covered);  // not while its point is to come
    EXPECT_TRUE(lanes.retired(lane));
    // What comes late is after all of its work too: there is nothing to record.
    EXPECT_EQ(lanes.covering(lane, last)->event, point->event);
    EXPECT_EQ(backend_->calls(CallKind::record), 1u);
    await(*point);
  }
  const std::uint64_t past = lanes.past(lane);
  EXPECT_GE(past, covered);
  lanes.forget(lane, past);
  EXPECT_FALSE(lanes.retired(lane));
  EXPECT_EQ(backend_->balance().events, 0u);
  Stream next = device_.stream();
  EXPECT_EQ(lanes.of(next), lane);  // its number is used again
  EXPECT_GT(lanes.epoch(lane), past);
}

TEST_F(LanesTest, ARetiredStreamThatIsUsedAfterAllIsFollowedAnew) {
  Lanes lanes(backend_);
  Stream stream = device_.stream();
  const Lane lane = lanes.of(stream);
  lanes.retire(stream);
  const Lanes::Point old = cover(lanes, lane);
  await(old);
  const std::uint64_t past = lanes.past(lane);
  EXPECT_EQ(lanes.of(stream), lane);
  EXPECT_FALSE(lanes.retired(lane));
  EXPECT_GT(lanes.epoch(lane), past);  // what is freed now comes after the last point
  lanes.forget(lane, past);            // of its former life: nothing happens
  EXPECT_EQ(lanes.stream(lane), stream.id());
  const std::uint64_t records = backend_->calls(CallKind::record);
  static_cast<void>(cover(lanes, lane));
  EXPECT_EQ(backend_->calls(CallKind::record), records + 1);
}

TEST_F(LanesTest, NamesTheRetiredUntilTheyAreForgottenOrUsedAgain) {
  Lanes lanes(backend_);
  std::vector<Stream> streams;
  std::vector<Lane> all;
  for (int i = 0; i < 5; ++i) {
    streams.push_back(device_.stream());
    all.push_back(lanes.of(streams.back()));
    lanes.retire(streams.back());
    lanes.retire(streams.back());
    EXPECT_EQ(lanes.retired_last(1), std::vector<Lane>{all.back()});
  }
  EXPECT_EQ(lanes.retired_last(100), all);
  await(cover(lanes, all[1]));
  lanes.forget(all[1], lanes.past(all[1]));
  static_cast<void>(lanes.of(streams[3]));
  EXPECT_THAT(lanes.retired_last(100), testing::UnorderedElementsAre(all[0], all[2], all[4]));
}

TEST_F(LanesTest, ADestroyedStreamHasNoWorkLeft) {
  Lanes lanes(backend_);
  std::optional<Stream> stream = device_.stream();
  const Lane lane = lanes.of(*stream);
  const StreamId id = *stream;
  stream.reset();
  const std::uint64_t freed = lanes.epoch(lane);
  const auto point = lanes.covering(lane, freed);
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->event, nullptr);
  EXPECT_GE(lanes.past(lane), freed);
  EXPECT_NO_THROW(lanes.retire(id));
  EXPECT_NO_THROW(lanes.retire(StreamId{123456}));
}

TEST_F(LanesTest, AFailedRecordChangesNothingButTheEpoch) {
  Lanes lanes(backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  const std::uint64_t freed = lanes.epoch(lane);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(static_cast<void>(lanes.covering(lane, freed)), DriverError);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(lanes.retire(StreamId::legacy_default), DriverError);
  EXPECT_FALSE(lanes.retired(lane));
  EXPECT_LT(lanes.past(lane), freed);
  const auto point = lanes.covering(lane, freed);
  ASSERT_TRUE(point.has_value());
  EXPECT_GE(point->epoch, freed);
}

TEST_F(LanesTest, AFailedLookChangesNothing) {
  Lanes lanes(backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  const Lanes::Point point = cover(lanes, lane);
  await(point);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::query);
  EXPECT_THROW(static_cast<void>(lanes.past(lane)), DriverError);
  EXPECT_EQ(lanes.past(lane), point.epoch);
}

TEST_F(LanesTest, AreBoundedAndSaySo) {
  Lanes lanes(backend_);
  std::uint32_t next = 1'000'000;
  for (int i = 0; i < 65'535; ++i) static_cast<void>(lanes.of(static_cast<StreamId>(next++)));
  EXPECT_THROW(static_cast<void>(lanes.of(static_cast<StreamId>(next))), Unsupported);
}

}  // namespace
}  // namespace weir::pool
