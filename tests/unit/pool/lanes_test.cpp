// Lanes: a number for each stream, events that cover exactly what was freed
// before them, and numbers that come back when a stream is done.
#include "pool/lanes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "device/faulty_backend.hpp"

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
      std::make_shared<FaultyBackend>(open_device({.backend = "host"}).shared_backend());
  Device device_{backend_};
};

TEST_F(LanesTest, AStreamHasOneLaneAndNoneIsTheCleanOne) {
  Lanes lanes(*backend_);
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
  Lanes lanes(*backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  const std::uint64_t before = lanes.epoch(lane);
  {
    const auto point = lanes.record(lane);
    ASSERT_TRUE(point.has_value());
    EXPECT_GE(point->epoch, before);
    EXPECT_GT(lanes.epoch(lane), point->epoch);  // what is freed now is not covered
    EXPECT_EQ(backend_->balance().events, 1u);
  }
  EXPECT_EQ(backend_->balance().events, 0u);  // released with its last user
}

TEST_F(LanesTest, ARetiredLaneKeepsItsLastEventUntilItIsForgotten) {
  Lanes lanes(*backend_);
  Stream stream = device_.stream();
  const Lane lane = lanes.of(stream);
  lanes.retire(stream);
  lanes.retire(stream);
  EXPECT_TRUE(lanes.retired(lane));
  EXPECT_EQ(backend_->balance().events, 1u);
  const std::uint64_t records = backend_->calls(CallKind::record);
  const auto point = lanes.record(lane);
  EXPECT_EQ(backend_->calls(CallKind::record), records);
  lanes.forget(lane, *point);
  EXPECT_FALSE(lanes.retired(lane));
  Stream next = device_.stream();
  EXPECT_EQ(lanes.of(next), lane);  // its number is used again
  EXPECT_GT(lanes.epoch(lane), point->epoch);
}

TEST_F(LanesTest, ARetiredStreamThatIsUsedAfterAllIsFollowedAnew) {
  Lanes lanes(*backend_);
  Stream stream = device_.stream();
  const Lane lane = lanes.of(stream);
  lanes.retire(stream);
  const auto old = lanes.record(lane);
  EXPECT_EQ(lanes.of(stream), lane);
  EXPECT_FALSE(lanes.retired(lane));
  EXPECT_GT(lanes.epoch(lane), old->epoch);  // what is freed now comes after the last point
  lanes.forget(lane, *old);                  // of its former life: nothing happens
  EXPECT_EQ(lanes.stream(lane), stream.id());
  const std::uint64_t records = backend_->calls(CallKind::record);
  static_cast<void>(lanes.record(lane));
  EXPECT_EQ(backend_->calls(CallKind::record), records + 1);
}

TEST_F(LanesTest, NamesTheRetiredUntilTheyAreForgottenOrUsedAgain) {
  Lanes lanes(*backend_);
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
  lanes.forget(all[1], *lanes.record(all[1]));
  static_cast<void>(lanes.of(streams[3]));
  EXPECT_THAT(lanes.retired_last(100), testing::UnorderedElementsAre(all[0], all[2], all[4]));
}

TEST_F(LanesTest, ADestroyedStreamHasNoWorkLeft) {
  Lanes lanes(*backend_);
  std::optional<Stream> stream = device_.stream();
  const Lane lane = lanes.of(*stream);
  const StreamId id = *stream;
  stream.reset();
  const auto point = lanes.record(lane);
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->event(), device::EventId::none);
  EXPECT_NO_THROW(lanes.retire(id));
  EXPECT_NO_THROW(lanes.retire(StreamId{123456}));
}

TEST_F(LanesTest, AFailedRecordChangesNothingButTheEpoch) {
  Lanes lanes(*backend_);
  const Lane lane = lanes.of(StreamId::legacy_default);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(static_cast<void>(lanes.record(lane)), DriverError);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(lanes.retire(StreamId::legacy_default), DriverError);
  EXPECT_FALSE(lanes.retired(lane));
  EXPECT_TRUE(lanes.record(lane).has_value());
}

TEST_F(LanesTest, AreBoundedAndSaySo) {
  Lanes lanes(*backend_);
  std::uint32_t next = 1'000'000;
  for (int i = 0; i < 65'535; ++i) static_cast<void>(lanes.of(static_cast<StreamId>(next++)));
  EXPECT_THROW(static_cast<void>(lanes.of(static_cast<StreamId>(next))), Unsupported);
}

}  // namespace
}  // namespace weir::pool
