// The events of a manager: each transfer has one start and one end, with the same number and
// bytes, and as many as are counted; a buffer that grows, by whatever way, has one event of it.
// A download of a snapshot records no device event that it does not need.
#include <map>

#include "contract/transfer_fixture.hpp"
#include "pool/access.hpp"
#include "track/event_reader.hpp"

namespace weir::contract {
namespace {

using device::CallKind;
using track::Event;
using track::EventKind;
using track::EventReader;
using track::EventTap;
using track::EventWay;

constexpr std::size_t moved_size = 300'000;

class TransferEvents : public TransferContract {
 protected:
  void SetUp() override {
    TransferContract::SetUp();
    if (IsSkipped()) return;
    stream_.emplace(device_->stream());
    reader_ = std::make_unique<EventReader>(std::vector{pool::Access::events(make_manager().pool())});
  }
  void TearDown() override {
    TransferContract::TearDown();
    stream_.reset();
  }
  struct Seen {
    std::map<std::uint32_t, Event> started;  ///< by number
    std::map<std::uint32_t, Event> ended;
    std::vector<Event> resizes;
    std::uint64_t refusals = 0;
  };
  /// All since the last look.
  Seen look() {
    Seen seen;
    reader_->drain([&](const Event& event, const EventTap&) {
      const bool start = event.kind == EventKind::transfer_start;
      if (start || event.kind == EventKind::transfer_end) {
        EXPECT_TRUE((start ? seen.started : seen.ended).emplace(event.block, event).second) << "told twice";
      }
      if (event.kind == EventKind::resize) seen.resizes.push_back(event);
      if (event.kind == EventKind::refuse) ++seen.refusals;
    });
    return seen;
  }
  /// That one transfer was told, with these facts.
  static void expect_one(const std::map<std::uint32_t, Event>& seen, EventWay way, std::uint64_t bytes) {
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen.begin()->second.way, way);
    EXPECT_EQ(seen.begin()->second.bytes, bytes);
  }

  std::optional<Stream> stream_;
  std::unique_ptr<EventReader> reader_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, TransferEvents, testing::ValuesIn(kinds_with_contents()), name_of);

TEST_P(TransferEvents, HaveOneStartAndOneEnd) {
  MemoryManager& memory = *memory_;
  const auto buffer = memory.create<std::uint8_t>("frames", moved_size, {.downloads = true}, *stream_);
  static_cast<void>(look());

  memory.upload(buffer, bytes_of(moved_size, 1), *stream_);
  Seen seen = look();
  expect_one(seen.started, EventWay::upload, moved_size);
  expect_one(seen.ended, EventWay::upload, moved_size);
  EXPECT_EQ(seen.started.begin()->first, seen.ended.begin()->first);
  EXPECT_LE(seen.started.begin()->second.time, seen.ended.begin()->second.time);
  EXPECT_EQ(seen.started.begin()->second.stream, static_cast<std::uint32_t>(stream_->id()));

  static_cast<void>(memory.download(buffer, *stream_));
  seen = look();
  expect_one(seen.started, EventWay::download, moved_size);
  expect_one(seen.ended, EventWay::download, moved_size);

  const Transfer ticket = memory.start_upload(buffer, bytes_of(moved_size, 2), *stream_);
  seen = look();
  expect_one(seen.started, EventWay::upload, moved_size);
  EXPECT_EQ(seen.ended.size(), 0u) << "nobody has asked";
  const std::uint32_t number = seen.started.begin()->first;
  ticket.wait();
  ticket.wait();
  EXPECT_TRUE(ticket.done());
  seen = look();
  expect_one(seen.ended, EventWay::upload, moved_size);
  EXPECT_EQ(seen.ended.begin()->first, number);

  memory.start_download(buffer, *stream_);
  seen = look();
  expect_one(seen.started, EventWay::download, moved_size);
  EXPECT_EQ(seen.ended.size(), 0u);
  static_cast<void>(memory.wait_for_download(buffer));
  seen = look();
  expect_one(seen.ended, EventWay::download, moved_size);
  EXPECT_EQ(moved().uploads + moved().downloads, 4u);
}

TEST_P(TransferEvents, OfABatchEndWithIt) {
  MemoryManager& memory = *memory_;
  const auto buffer = memory.create<std::uint8_t>("frames", moved_size, {}, *stream_);
  static_cast<void>(look());
  const TransferStatistics before = moved();
  Batch batch(memory);
  batch.update(buffer, bytes_of(1000, 1));  // moved_size in, so that the batch keeps it
  batch.read(buffer, 0, 1000);
  const auto results = batch.submit(*stream_);
  EXPECT_TRUE(std::ranges::equal(results.at(1).data<std::uint8_t>(), bytes_of(1000, 1)));
  const Seen seen = look();
  EXPECT_EQ(seen.started.size(), 2u);
  EXPECT_EQ(seen.ended.size(), 2u);
  EXPECT_EQ(moved().transfer_latency.count, before.transfer_latency.count + 1) << "its time is that of one";
}

TEST_P(TransferEvents, OfABufferThatGrowsAreOneEachTime) {
  MemoryManager& memory = *memory_;
  auto buffer = memory.create<std::uint8_t>("growing", 1000, {}, *stream_);
  static_cast<void>(look());
  std::size_t count = 1000;
  for (int round = 0; round < 6; ++round) {
    count *= 6;
    const BufferStatistics before = buffer.statistics();
    buffer.ensure_capacity(count, *stream_);
    const BufferStatistics after = buffer.statistics();
    const Seen seen = look();
    if (after.resizes == before.resizes) {
      EXPECT_EQ(seen.resizes.size(), 0u);
      continue;
    }
    ASSERT_EQ(seen.resizes.size(), 1u) << count;
    const Event& resize = seen.resizes[0];
    EXPECT_EQ(resize.bytes, after.requested);
    EXPECT_EQ(std::uint64_t{resize.granules} * Pool::granule, after.allocated);
    EXPECT_EQ(resize.way == EventWay::in_place, after.resizes_in_place != before.resizes_in_place);
    if (after.bytes_moved != before.bytes_moved) {
      EXPECT_EQ(resize.way, EventWay::copied);
    }
  }
}

TEST_P(TransferEvents, OfARefusalAboveThePoolToo) {
  MemoryManager& memory = *memory_;
  auto buffer = memory.create<std::uint8_t>("bounded", 1000, {.max_bytes = 5000}, *stream_);
  static_cast<void>(look());
  EXPECT_THROW(static_cast<void>(buffer.ensure_capacity(6000, *stream_)), LimitExceeded);
  EXPECT_EQ(look().refusals, 1u);
}

// One in the order of the buffer's stream, for the copy on the device comes first, and one at the end, which the slot
// and that copy's memory share.
TEST_P(TransferEvents, ADownloadOfASnapshotRecordsTwoDeviceEvents) {
  if (GetParam().mode == PoolMode::off) GTEST_SKIP() << "a pool that is switched off waits for every free";
  MemoryManager& memory = *memory_;
  const auto buffer = memory.create<std::uint8_t>("frames", moved_size, {.downloads = true}, *stream_);
  memory.upload(buffer, bytes_of(moved_size, 1), *stream_);
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t before = backend_->calls(CallKind::record);
    memory.start_download(buffer, *stream_);
    EXPECT_EQ(backend_->calls(CallKind::record) - before, 2u);
    const auto frame = memory.wait_for_download(buffer);
    EXPECT_TRUE(has_pattern(frame.data(), frame.size(), 1));
  }
  // Used again after the download was queued, the copy's memory waits for that too: see pending_frees_test.
}

}  // namespace
}  // namespace weir::contract
