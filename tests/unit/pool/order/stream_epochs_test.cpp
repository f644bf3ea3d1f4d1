// Streams have an index each, events cover exactly what was freed
// before them, and indices come back when a stream is done.
#include "pool/order/stream_epochs.hpp"
#include "device/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "support/on_faulty_host.hpp"

namespace weir::pool {
namespace {

using device::CallKind;
using device::FaultyBackend;

class StreamEpochsTest : public device::OnFaultyHost {
 protected:
  /// The checkpoint that covers all that was freed on the stream so far.
  static StreamEpochs::Checkpoint cover(StreamEpochs& epochs, StreamIndex index) {
    const auto checkpoint = epochs.covering(index, epochs.epoch(index));
    EXPECT_TRUE(checkpoint.has_value());
    return checkpoint.value_or(StreamEpochs::Checkpoint{});
  }
  static void await(const StreamEpochs::Checkpoint& checkpoint) {
    if (checkpoint.event) {
      EXPECT_TRUE(checkpoint.event->wait(core::Deadline(std::chrono::seconds(10))));
    }
  }

  Device device_ = device::Access::make_device(backend_);
};

TEST_F(StreamEpochsTest, AStreamHasOneIndexAndNoneHasTheCleanOne) {
  StreamEpochs epochs(backend_);
  Stream stream = device_.stream();
  const StreamIndex first = epochs.index_of(StreamId::legacy_default);
  const StreamIndex second = epochs.index_of(stream);
  EXPECT_NE(first, clean_index);
  EXPECT_NE(second, clean_index);
  EXPECT_NE(first, second);
  EXPECT_EQ(epochs.index_of(stream), second);
  EXPECT_EQ(epochs.stream(second), stream.id());
  EXPECT_EQ(epochs.all().size(), 2u);
  EXPECT_EQ(epochs.epoch(clean_index), 0u);
}

TEST_F(StreamEpochsTest, AnEventCoversWhatWasFreedBeforeIt) {
  StreamEpochs epochs(backend_);
  const StreamIndex index = epochs.index_of(StreamId::legacy_default);
  const std::uint64_t before = epochs.epoch(index);
  {
    const StreamEpochs::Checkpoint checkpoint = cover(epochs, index);
    EXPECT_GE(checkpoint.epoch, before);
    EXPECT_GT(epochs.epoch(index), checkpoint.epoch);  // what is freed now is not covered
    EXPECT_EQ(backend_->balance().events, 1u);
    await(checkpoint);
    EXPECT_EQ(epochs.done_epoch(index), checkpoint.epoch);
    EXPECT_EQ(backend_->balance().events, 1u);
  }
  EXPECT_EQ(backend_->balance().events, 0u);  // released with its last user
}

// An event is late: whoever looks asks for those of before, and nobody records one for that.
TEST_F(StreamEpochsTest, LookingAsksForEarlierCheckpointsAndRecordsNone) {
  StreamEpochs epochs(backend_);
  const StreamIndex index = epochs.index_of(StreamId::legacy_default);
  EXPECT_EQ(epochs.done_epoch(index), 0u);
  EXPECT_EQ(backend_->calls(CallKind::record), 0u);
  EXPECT_EQ(backend_->calls(CallKind::query), 0u) << "there is nothing to ask for";
  backend_->hold_events();
  const StreamEpochs::Checkpoint first = cover(epochs, index);
  const StreamEpochs::Checkpoint second = cover(epochs, index);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
  for (int i = 0; i < 5; ++i) EXPECT_LT(epochs.done_epoch(index), first.epoch);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
  EXPECT_EQ(backend_->calls(CallKind::query), 5u) << "of those that are not done only the oldest is asked";
  EXPECT_EQ(epochs.oldest(index).event, first.event);
  backend_->let_events_go();
  await(second);
  EXPECT_EQ(epochs.done_epoch(index), second.epoch);
  EXPECT_EQ(epochs.oldest(index).event, nullptr);
  EXPECT_EQ(epochs.oldest(index).epoch, second.epoch);
  const std::uint64_t queries = backend_->calls(CallKind::query);
  EXPECT_EQ(epochs.done_epoch(index), second.epoch);
  EXPECT_EQ(backend_->calls(CallKind::query), queries) << "what is done is not asked again";
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
}

TEST_F(StreamEpochsTest, ACheckpointThatCoversIsUsedAgain) {
  StreamEpochs epochs(backend_);
  const StreamIndex index = epochs.index_of(StreamId::legacy_default);
  const std::uint64_t early = epochs.epoch(index);
  backend_->hold_events();
  const StreamEpochs::Checkpoint first = cover(epochs, index);
  const std::uint64_t late = epochs.epoch(index);
  EXPECT_EQ(epochs.covering(index, early)->event, first.event);
  EXPECT_EQ(backend_->calls(CallKind::record), 1u);
  const StreamEpochs::Checkpoint second = cover(epochs, index);
  EXPECT_NE(second.event, first.event);
  EXPECT_GE(second.epoch, late);
  EXPECT_EQ(epochs.covering(index, early)->event, first.event) << "the first that covers it";
  EXPECT_EQ(epochs.covering(index, late)->event, second.event);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
  backend_->let_events_go();
  await(second);
  EXPECT_EQ(epochs.done_epoch(index), second.epoch);
  EXPECT_EQ(epochs.covering(index, late)->event, nullptr) << "it is long done";
  EXPECT_EQ(epochs.covering(clean_index, 0)->event, nullptr);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
}

TEST_F(StreamEpochsTest, CheckpointsAreBoundedAndTheLastIsAlwaysThere) {
  StreamEpochs epochs(backend_);
  const StreamIndex index = epochs.index_of(StreamId::legacy_default);
  backend_->hold_events();
  std::vector<std::uint64_t> covered;
  for (int i = 0; i < 100; ++i) covered.push_back(cover(epochs, index).epoch);
  EXPECT_LE(backend_->balance().events, 16u);
  EXPECT_EQ(epochs.oldest(index).epoch, covered.front());
  for (const std::uint64_t epoch : covered) EXPECT_GE(epochs.covering(index, epoch)->epoch, epoch);
  EXPECT_EQ(backend_->calls(CallKind::record), 100u) << "what was dropped is covered by a later one";
  backend_->let_events_go();
  await(*epochs.covering(index, covered.back()));
  EXPECT_EQ(epochs.done_epoch(index), covered.back());
}

TEST_F(StreamEpochsTest, ARetiredStreamKeepsItsLastEventUntilItIsForgotten) {
  StreamEpochs epochs(backend_);
  Stream stream = device_.stream();
  const StreamIndex index = epochs.index_of(stream);
  const std::uint64_t freed = epochs.epoch(index);
  epochs.retire(stream);
  epochs.retire(stream);
  EXPECT_TRUE(epochs.retired(index));
  EXPECT_EQ(backend_->balance().events, 1u);
  EXPECT_EQ(backend_->calls(CallKind::record), 1u);
  const std::uint64_t last = epochs.epoch(index);
  std::uint64_t covered = 0;
  {
    const auto checkpoint = epochs.covering(index, freed);
    ASSERT_TRUE(checkpoint.has_value());
    covered = checkpoint->epoch;
    epochs.forget(index, covered);  // not while its checkpoint is to come
    EXPECT_TRUE(epochs.retired(index));
    // What comes late is after all of its work too: there is nothing to record.
    EXPECT_EQ(epochs.covering(index, last)->event, checkpoint->event);
    EXPECT_EQ(backend_->calls(CallKind::record), 1u);
    await(*checkpoint);
  }
  const std::uint64_t done = epochs.done_epoch(index);
  EXPECT_GE(done, covered);
  epochs.forget(index, done);
  EXPECT_FALSE(epochs.retired(index));
  EXPECT_EQ(backend_->balance().events, 0u);
  Stream next = device_.stream();
  EXPECT_EQ(epochs.index_of(next), index);  // its number is used again
  EXPECT_GT(epochs.epoch(index), done);
}

TEST_F(StreamEpochsTest, ARetiredStreamThatIsUsedAfterAllIsFollowedAnew) {
  StreamEpochs epochs(backend_);
  Stream stream = device_.stream();
  const StreamIndex index = epochs.index_of(stream);
  epochs.retire(stream);
  const StreamEpochs::Checkpoint old = cover(epochs, index);
  await(old);
  const std::uint64_t done = epochs.done_epoch(index);
  EXPECT_EQ(epochs.index_of(stream), index);
  EXPECT_FALSE(epochs.retired(index));
  EXPECT_GT(epochs.epoch(index), done);  // what is freed now comes after the last checkpoint
  epochs.forget(index, done);            // of its former life: nothing happens
  EXPECT_EQ(epochs.stream(index), stream.id());
  const std::uint64_t records = backend_->calls(CallKind::record);
  static_cast<void>(cover(epochs, index));
  EXPECT_EQ(backend_->calls(CallKind::record), records + 1);
}

TEST_F(StreamEpochsTest, NamesTheRetiredUntilTheyAreForgottenOrUsedAgain) {
  StreamEpochs epochs(backend_);
  std::vector<Stream> streams;
  std::vector<StreamIndex> all;
  for (int i = 0; i < 5; ++i) {
    streams.push_back(device_.stream());
    all.push_back(epochs.index_of(streams.back()));
    epochs.retire(streams.back());
    epochs.retire(streams.back());
    EXPECT_EQ(epochs.retired_last(1), std::vector<StreamIndex>{all.back()});
  }
  EXPECT_EQ(epochs.retired_last(100), all);
  await(cover(epochs, all[1]));
  epochs.forget(all[1], epochs.done_epoch(all[1]));
  static_cast<void>(epochs.index_of(streams[3]));
  EXPECT_THAT(epochs.retired_last(100), testing::UnorderedElementsAre(all[0], all[2], all[4]));
}

TEST_F(StreamEpochsTest, ADestroyedStreamHasNoWorkLeft) {
  StreamEpochs epochs(backend_);
  std::optional<Stream> stream = device_.stream();
  const StreamIndex index = epochs.index_of(*stream);
  const StreamId id = *stream;
  stream.reset();
  const std::uint64_t freed = epochs.epoch(index);
  const auto checkpoint = epochs.covering(index, freed);
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(checkpoint->event, nullptr);
  EXPECT_GE(epochs.done_epoch(index), freed);
  EXPECT_NO_THROW(epochs.retire(id));
  EXPECT_NO_THROW(epochs.retire(StreamId{123456}));
}

TEST_F(StreamEpochsTest, AFailedRecordChangesNothingButTheEpoch) {
  StreamEpochs epochs(backend_);
  const StreamIndex index = epochs.index_of(StreamId::legacy_default);
  const std::uint64_t freed = epochs.epoch(index);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(static_cast<void>(epochs.covering(index, freed)), DriverError);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(epochs.retire(StreamId::legacy_default), DriverError);
  EXPECT_FALSE(epochs.retired(index));
  EXPECT_LT(epochs.done_epoch(index), freed);
  const auto checkpoint = epochs.covering(index, freed);
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_GE(checkpoint->epoch, freed);
}

TEST_F(StreamEpochsTest, AFailedLookChangesNothing) {
  StreamEpochs epochs(backend_);
  const StreamIndex index = epochs.index_of(StreamId::legacy_default);
  const StreamEpochs::Checkpoint checkpoint = cover(epochs, index);
  await(checkpoint);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::query);
  EXPECT_THROW(static_cast<void>(epochs.done_epoch(index)), DriverError);
  EXPECT_EQ(epochs.done_epoch(index), checkpoint.epoch);
}

TEST_F(StreamEpochsTest, AreBoundedAndSaySo) {
  StreamEpochs epochs(backend_);
  std::uint32_t next = 1'000'000;
  for (int i = 0; i < 65'535; ++i) static_cast<void>(epochs.index_of(static_cast<StreamId>(next++)));
  EXPECT_THROW(static_cast<void>(epochs.index_of(static_cast<StreamId>(next))), Unsupported);
}

}  // namespace
}  // namespace weir::pool
