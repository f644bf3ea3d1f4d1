// A lost device comes back: what is kept of buffers is there again, the rest is marked lost, handles stay, sums are
// exact, and what the lost device gave ends in peace.
#include <cstring>

#include "contract/keeping_sink.hpp"
#include "contract/recovering.hpp"
#include "pool/access.hpp"
#include "track/event_reader.hpp"

namespace weir::contract {
namespace {

using testing::HasSubstr;

class Recovery : public Recovering {};
INSTANTIATE_TEST_SUITE_P(Kinds, Recovery, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(Recovery, BringsBackWhatIsKeptAndMarksTheRest) {
  MemoryManager& memory = make();
  const Words kept = memory.create<std::uint32_t>("kept", data_of(1));
  const Words made = memory.create<std::uint32_t>("made", data_of(2));
  const Words gone = memory.create<std::uint32_t>("gone", data_of(3));
  const Words staging = memory.create<std::uint32_t>("staging", data_of(4), {.usage = Usage::staging_upload});
  memory.keep_host_copy(kept);
  memory.upload(kept, data_of(9));  // later than the copy
  memory.on_restore(made, [&](const AnyBuffer& buffer, StreamId stream) {
    EXPECT_EQ(buffer.name(), "made");
    memory.upload(memory.find<std::uint32_t>("made"), data_of(2), stream);
  });
  void* const raw = memory.pool().allocate(1000);
  EXPECT_NE(raw, nullptr);
  lose();
  EXPECT_THROW(static_cast<void>(memory.download(kept)), DeviceLost);

  const RecoveryReport report = memory.recover();
  EXPECT_TRUE(report.same_device);
  EXPECT_EQ(report.attempts, 1u);
  EXPECT_EQ(report.device, memory.device().facts().name);
  EXPECT_GT(report.duration, 0ns);
  EXPECT_EQ(report.restored_buffers, 3u);
  EXPECT_EQ(report.restored_bytes, 3 * words * sizeof(std::uint32_t));
  ASSERT_EQ(report.lost.size(), 1u);
  EXPECT_EQ(report.lost[0].name, "gone");
  EXPECT_EQ(report.lost[0].bytes, words * sizeof(std::uint32_t));
  EXPECT_EQ(report.lost_bytes, words * sizeof(std::uint32_t) + 1000);
  EXPECT_TRUE(report.refusals.empty());
  EXPECT_THAT(memory.device().why(), HasSubstr("opened again after it was lost"));

  expect_data(kept, data_of(1));
  expect_data(made, data_of(2));
  expect_data(staging, data_of(4));
  EXPECT_EQ(kept.residency(), Residency::device);
  EXPECT_EQ(gone.residency(), Residency::lost);
  EXPECT_EQ(gone.statistics().allocated, 0u);
  EXPECT_EQ(memory.check_leaks().blocks, 4u);
  EXPECT_EQ(memory.find<std::uint32_t>("kept"), kept);
  const ManagerStatistics now = memory.statistics();
  EXPECT_EQ(now.recoveries, 1u);
  EXPECT_EQ(now.recovery_latency.count, 1u);
  EXPECT_EQ(now.lost_bytes, report.lost_bytes);
  EXPECT_EQ(now.restored_bytes, report.restored_bytes);
  EXPECT_EQ(now.host_copies, words * sizeof(std::uint32_t));
  EXPECT_EQ(first_->balance(), (device::FaultyBackend::Balance{})) << "of the lost device nothing is held";
  expect_exact();
  memory.drop_host_copy(kept);
  EXPECT_EQ(memory.statistics().host_copies, 0u);
}

TEST_P(Recovery, ALostBufferIsBackOnceItIsWrittenWhole) {
  MemoryManager& memory = make({.transfers = {.in_place = false}});
  const Words gone = memory.create<std::uint32_t>("gone", data_of(1), {.downloads = true});
  const Words other = memory.create<std::uint32_t>("other", data_of(2));
  lose();
  static_cast<void>(memory.recover());
  const Data data = data_of(7);
  const auto refused = [&](auto&& call) {
    const Said said = error_of<DeviceLost>(call);
    EXPECT_TRUE(says(said, {"\"gone\"", "lost", "upload all"}));
    EXPECT_EQ(said.facts.name, "gone");
  };
  refused([&] { static_cast<void>(gone.access()); });
  refused([&] { static_cast<void>(gone.use()); });
  refused([&] { static_cast<void>(memory.download(gone)); });
  refused([&] { memory.start_download(gone); });
  refused([&] { memory.upload(gone, std::span(data).first(10)); });
  refused([&] { static_cast<void>(memory.start_upload(gone, std::span(data).first(10))); });
  refused([&] { memory.copy(other, memory, gone); });
  refused([&] { memory.keep_host_copy(gone); });
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  newest().fail(1, device::FaultyBackend::Fault::driver_error, device::CallKind::upload);
  EXPECT_THROW(memory.upload(gone, data), DriverError);
  newest().heal();
  EXPECT_EQ(gone.residency(), Residency::lost);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  memory.upload(gone, data);
  EXPECT_EQ(gone.residency(), Residency::device);
  expect_data(gone, data);
  memory.copy(other, memory, gone);
  expect_data(other, data);
  memory.start_download(gone);
  static_cast<void>(memory.wait_for_download(gone));
}

TEST_P(Recovery, ALostBufferChangesItsSizeWithoutMemory) {
  MemoryManager& memory = make();
  Words gone = memory.create<std::uint32_t>("gone", data_of(1));
  lose();
  static_cast<void>(memory.recover());
  gone.resize(2 * words);
  gone.resize(100);
  gone.shrink();
  EXPECT_EQ(gone.size(), 100u);
  EXPECT_EQ(gone.capacity(), 100u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  EXPECT_EQ(memory.find_or_create<std::uint32_t>("gone", 200).residency(), Residency::lost);
  static_cast<void>(memory.start_upload(gone, data_of(5, 200)));
  expect_data(gone, data_of(5, 200));
}

TEST_P(Recovery, ASetOfBuffersIsOneState) {
  MemoryManager& memory = make();
  const Words one = memory.create<std::uint32_t>("one", data_of(1));
  Words other = memory.create<std::uint32_t>("other", data_of(2));
  const Words host = memory.create<std::uint32_t>("host", data_of(3), {.usage = Usage::staging_upload});
  memory.keep_host_copy({one, other, host});
  memory.upload(one, data_of(11));
  other.resize(words / 2);
  memory.upload(other, data_of(12, words / 2));
  memory.upload(host, data_of(13));
  std::uint64_t failed = 0;
  for (std::uint64_t n = 1;; ++n) {
    newest().fail(n, device::FaultyBackend::Fault::driver_error);
    try {
      memory.keep_host_copy({one, other, host});
    } catch (const DriverError&) {
      ++failed;
      EXPECT_EQ(memory.statistics().host_copies, 3 * words * sizeof(std::uint32_t)) << "the first state";
      continue;
    }
    break;
  }
  EXPECT_GT(failed, 0u);
  newest().heal();
  EXPECT_EQ(memory.statistics().host_copies, (2 * words + words / 2) * sizeof(std::uint32_t));
  memory.upload(one, data_of(21));
  other.resize(2 * words);
  memory.upload(host, data_of(23));
  lose();
  const RecoveryReport report = memory.recover();
  EXPECT_TRUE(report.lost.empty());
  EXPECT_EQ(report.lost_bytes, 0u);
  expect_data(one, data_of(11));
  expect_data(other, data_of(12, words / 2));
  expect_data(host, data_of(13));
  EXPECT_EQ(other.capacity(), 2 * words);
}

TEST_P(Recovery, SpilledBuffersStayOnTheHost) {
  MemoryManager& memory = make({.pool = {.limit = 8_MiB}, .transfers = {.spill_limit = 64_MiB}});
  std::vector<Words> all;
  const std::size_t count = 2_MiB / sizeof(std::uint32_t);
  for (std::uint32_t i = 0; i < 6; ++i) {
    clock_.advance(1ms);
    all.push_back(memory.create<std::uint32_t>("buffer " + std::to_string(i), data_of(i, count)));
  }
  const std::uint64_t spilled = memory.statistics().transfers.spilled;
  ASSERT_GE(spilled, 4_MiB);
  lose();
  const RecoveryReport report = memory.recover();
  EXPECT_EQ(report.restored_bytes, spilled);
  EXPECT_EQ(memory.statistics().transfers.spilled, spilled);
  EXPECT_EQ(report.lost.size(), 6 - spilled / 2_MiB);
  for (std::uint32_t i = 0; i < 6; ++i) {
    clock_.advance(1ms);
    if (all[i].residency() == Residency::lost) {
      memory.upload(all[i], data_of(i, count));
    }
    expect_data(all[i], data_of(i, count));
  }
  EXPECT_GT(memory.statistics().transfers.spills, spilled / 2_MiB) << "counts go on";
}

TEST_P(Recovery, TagsHandlersLimitAndCountsGoOn) {
  KeepingSink sink(LogLevel::info);
  MemoryManager& memory = make({.pool = {.limit = 16_MiB, .reclaim_deadline = 50ms, .log = &sink}});
  Pool& pool = memory.pool();
  const Tag tag = pool.tag("mine");
  unsigned asked = 0;
  const PressureRegistration handler = pool.on_pressure([&](const MemoryPressure&) {
    ++asked;
    return false;
  });
  const BlockHandle block = pool.acquire(1_MiB, StreamId::legacy_default, {.tag = tag});
  const ExternalBytes booked = memory.book_external(4_MiB);
  const Words gone = memory.create<std::uint32_t>("gone", data_of(1));
  const ManagerStatistics before = memory.statistics();
  lose();
  static_cast<void>(memory.recover());
  EXPECT_EQ(&memory.pool(), &pool);
  EXPECT_EQ(memory.limit(), 16_MiB);
  EXPECT_FALSE(pool.holds(block));
  EXPECT_THROW(pool.release(block), StaleHandle);
  EXPECT_EQ(booked.bytes(), 4_MiB);
  const ManagerStatistics after = memory.statistics();
  EXPECT_EQ(after.pool.external, 0u);
  EXPECT_EQ(after.pool.requested.live, 0u);
  EXPECT_EQ(after.pool.requested.peak, before.pool.requested.peak);
  EXPECT_EQ(after.pool.requested.cumulative, before.pool.requested.cumulative);
  EXPECT_EQ(after.pool.allocations, before.pool.allocations);
  EXPECT_EQ(after.pool.frees, before.pool.allocations);
  EXPECT_GE(after.pool.driver_calls, before.pool.driver_calls);
  EXPECT_EQ(after.transfers.uploads, before.transfers.uploads);
  EXPECT_EQ(after.transfers.bytes_uploaded, before.transfers.bytes_uploaded);
  expect_exact();
  const BlockHandle again = pool.acquire(1_MiB, StreamId::legacy_default, {.tag = tag});
  EXPECT_EQ(pool.describe(again).tag, "mine");
  EXPECT_THROW(static_cast<void>(pool.allocate(16_MiB)), LimitExceeded);
  EXPECT_EQ(asked, 1u);
  pool.release(again);
  EXPECT_TRUE(sink.of(LogEvent::leak).empty()) << "what the device took is no leak";
  const auto told = sink.of(LogEvent::recover);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[0].text, HasSubstr("buffer \"gone\" was lost with its device"));
  EXPECT_THAT(told[1].text, HasSubstr("was lost and opened again after 1 attempts"));
}

TEST_P(Recovery, EventsGoOnAndTellOfBlocksThatAreGone) {
  MemoryManager& memory = make();
  track::EventReader reader({pool::Access::events(memory.pool())});
  const Words kept = memory.create<std::uint32_t>("kept", data_of(1));
  const Words gone = memory.create<std::uint32_t>("gone", data_of(2));
  memory.keep_host_copy(kept);
  for (int i = 0; i < 10; ++i) static_cast<void>(memory.pool().allocate(1000));
  std::int64_t live = 0;
  const auto drain = [&] {
    reader.drain([&](const track::Event& event, const track::EventTap&) {
      if (event.kind == track::EventKind::allocate) ++live;
      if (event.kind == track::EventKind::free) --live;
    });
  };
  drain();
  EXPECT_EQ(live, 12);
  lose();
  static_cast<void>(memory.recover());
  drain();
  EXPECT_EQ(live, 1) << "the kept one has a new block";
  void* const block = memory.pool().allocate(1000);
  drain();
  EXPECT_EQ(live, 2);
  memory.pool().deallocate(block);
  drain();
  EXPECT_EQ(live, 1);
  EXPECT_EQ(reader.dropped(), 0u);
}

TEST_P(Recovery, WhatTheLostDeviceGaveEndsAtAnyTime) {
  MemoryManager& memory = make({.transfers = {.in_place = false}});
  std::optional<Stream> stream(device_->stream());
  Buffer<std::uint32_t> owned = memory.scoped<std::uint32_t>("owned", words, {.downloads = true});
  memory.upload(owned, data_of(1));
  std::optional<BufferUse<std::uint32_t>> use(owned.use(*stream));
  std::optional<Pinned<std::uint32_t>> pinned(memory.pinned<std::uint32_t>(words));
  std::memcpy(pinned->data(), data_of(5).data(), words * sizeof(std::uint32_t));
  Transfer ticket = memory.start_upload(owned, *pinned, *stream);
  memory.start_download(owned, *stream);
  const Words handle = owned;
  lose();
  static_cast<void>(memory.recover());
  EXPECT_THROW(ticket.wait(), DeviceLost);
  EXPECT_THROW(static_cast<void>(memory.wait_for_download(owned)), InvalidArgument);
  EXPECT_TRUE(std::equal(pinned->begin(), pinned->end(), data_of(5).begin())) << "the host's memory stays";
  memory.upload(handle, *pinned);
  expect_data(handle, data_of(5));
  use.reset();
  stream.reset();
  ticket = {};
  pinned.reset();
  owned.reset();
  EXPECT_THROW(static_cast<void>(handle.size()), StaleHandle);
  device_.reset();
}

}  // namespace
}  // namespace weir::contract
