// Transfers that go on while the program does: order with the work of streams,
// tickets, deadlines, and staging memory that comes back when a copy ends, not
// when a wait does. Streams are held back by gates, so nothing depends on luck.
#include "contract/transfer_fixture.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t ordered_size = 200'001;  // several blocks of 64 KiB, and not whole ones

class TransferOrder : public StreamedTransfers {
 protected:
  /// Work on the stream that takes a while, then writes the pattern of `seed` into the whole buffer.
  void slow_work(const BufferHandle<std::uint8_t>& buffer, std::uint64_t seed) {
    device_->run(*stream_, [span = buffer.access(*stream_), seed] {
      std::this_thread::sleep_for(10ms);
      fill_pattern(span.data(), span.size(), seed);
    });
  }
};

TEST_P(TransferOrder, ADownloadSeesTheWorkQueuedBeforeIt) {
  for (const bool in_place : {false, true}) {
    MemoryManager& memory = make_manager({.staging_block_bytes = 65536, .in_place = in_place});
    const auto buffer = memory.create<std::uint8_t>("seen", ordered_size, {.downloads = true}, *stream_);
    const Pinned<std::uint8_t> pinned = memory.pinned<std::uint8_t>(ordered_size);
    for (std::uint64_t seed = 1; seed < 9; seed += 4) {
      slow_work(buffer, seed);
      EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(ordered_size, seed));
      slow_work(buffer, seed + 1);
      memory.download(buffer, std::span(pinned.data(), ordered_size), *stream_);
      EXPECT_TRUE(has_pattern(pinned.data(), ordered_size, seed + 1));
      slow_work(buffer, seed + 2);
      memory.start_download(buffer, *stream_);
      const auto frame = memory.wait_for_download(buffer);
      EXPECT_TRUE(has_pattern(frame.data(), ordered_size, seed + 2));
      slow_work(buffer, seed + 3);
      memory.start_download(buffer, *stream_, {.snapshot = false});
      const auto other = memory.wait_for_download(buffer);
      EXPECT_TRUE(has_pattern(other.data(), ordered_size, seed + 3));
    }
    memory.free_all();
    EXPECT_TRUE(staging_comes_back(ordered_size));  // the pinned memory of this case
  }
}

TEST_P(TransferOrder, AnUploadComesAfterTheWorkQueuedBeforeItAndBeforeTheNext) {
  for (const bool in_place : {false, true}) {
    MemoryManager& memory = make_manager({.in_place = in_place});
    const auto buffer = memory.create<std::uint8_t>("ordered", ordered_size, {}, *stream_);
    Bytes seen(ordered_size);
    for (const std::size_t count : {std::size_t{1000}, ordered_size}) {
      slow_work(buffer, 1);
      memory.upload(buffer, bytes_of(count, 2), *stream_);
      slow_work(buffer, 3);
      static_cast<void>(memory.start_upload(buffer, bytes_of(count, 4), *stream_));
      device_->run(*stream_,
                   [span = buffer.access(*stream_), &seen] { std::copy_n(span.data(), span.size(), seen.begin()); });
      device_->synchronize(*stream_);
      Bytes expected = bytes_of(ordered_size, 3);
      fill_pattern(expected.data(), count, 4);
      EXPECT_EQ(seen, expected) << count;
    }
    end_manager();
  }
}

TEST_P(TransferOrder, AStartedUploadReturnsAtOnceAndHasTakenTheData) {
  MemoryManager& memory = make_manager();
  for (const std::size_t count : {std::size_t{1}, std::size_t{65536}, std::size_t{65537}, ordered_size}) {
    const auto buffer = memory.scoped<std::uint8_t>("taken", count, {}, *stream_);
    Gate gate(*device_, *stream_);
    Bytes data = bytes_of(count, 1);
    const Transfer ticket = memory.start_upload(buffer, data, *stream_);
    std::fill(data.begin(), data.end(), 0xee);
    EXPECT_FALSE(ticket.done());
    EXPECT_EQ(moved().pinned.requested.live, count > 65536 ? count : 0u);
    gate.open();
    ticket.wait();
    EXPECT_TRUE(ticket.done());
    ticket.wait();
    ticket.wait(0ns);
    EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(count, 1));
    EXPECT_TRUE(staging_comes_back());
  }
}

TEST_P(TransferOrder, PinnedMemoryIsReadWhenTheStreamGetsThere) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("late", ordered_size, {}, *stream_);
  const Pinned<std::uint8_t> pinned = memory.pinned<std::uint8_t>(ordered_size);
  device_->run(*stream_, [&] {
    std::this_thread::sleep_for(10ms);
    fill_pattern(pinned.data(), ordered_size, 7);
  });
  memory.start_upload(buffer, pinned, *stream_).wait();
  EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(ordered_size, 7));
}

TEST_P(TransferOrder, ATicketThatTimesOutCanBeWaitedForAgain) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("slow", ordered_size, {}, *stream_);
  Gate gate(*device_, *stream_);
  const Transfer ticket = memory.start_upload(buffer, bytes_of(ordered_size, 1), *stream_);
  const Transfer copy = ticket;
  for (const auto deadline : {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-5),
                              std::chrono::nanoseconds::min(), std::chrono::nanoseconds(20ms)}) {
    const auto started = std::chrono::steady_clock::now();
    expect_error<Timeout>("slow", [&] { ticket.wait(deadline); });
    EXPECT_GE(std::chrono::steady_clock::now() - started, deadline);
  }
  EXPECT_EQ(moved().timeouts, 4u);
  EXPECT_FALSE(copy.done());
  gate.open();
  copy.wait(std::chrono::nanoseconds::max());
  EXPECT_TRUE(ticket.done());
  EXPECT_EQ(moved().timeouts, 4u);
  EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(ordered_size, 1));
}

TEST_P(TransferOrder, ATimedOutTransferGoesOnAndItsStagingMemoryComesBack) {
  MemoryManager& memory = make_manager({.staging_block_bytes = 65536});
  const auto buffer = memory.create<std::uint8_t>("timed", ordered_size, {}, *stream_);
  memory.upload(buffer, bytes_of(ordered_size, 1), *stream_);
  std::uint64_t timeouts = 0;
  for (const auto deadline : {std::chrono::nanoseconds(40ms), std::chrono::nanoseconds(20ms)}) {
    {
      Gate gate(*device_, *stream_);
      expect_error<Timeout>("timed",
                            [&] { memory.upload(buffer, bytes_of(5000, 2), *stream_, {.deadline = deadline}); });
      const auto late =
          caught<Timeout>([&] { memory.upload(buffer, bytes_of(ordered_size, 3), *stream_, {.deadline = deadline}); });
      ASSERT_TRUE(late);
      EXPECT_EQ(late->facts().name, "timed");
      EXPECT_EQ(late->facts().bytes_asked, ordered_size);
      EXPECT_EQ(late->facts().bytes_done, 2 * 65536u);  // as much as its staging memory holds
      EXPECT_EQ(late->facts().limit, deadline / 1ms);
      EXPECT_NE(late->message().find("within " + std::to_string(deadline / 1ms) + " ms"), std::string::npos)
          << late->message();
      EXPECT_EQ(moved().pinned.requested.live, 2 * 65536u);  // both blocks are still read
      Bytes into(ordered_size, 0xcd);
      expect_error<Timeout>("timed",
                            [&] { memory.download(buffer, std::span(into), *stream_, {.deadline = deadline}); });
      EXPECT_EQ(into, Bytes(ordered_size, 0xcd));
      EXPECT_EQ(moved().pinned.requested.live, 4 * 65536u);
      memory.maintain();
      EXPECT_EQ(moved().pinned.requested.live, 4 * 65536u);
      EXPECT_EQ(moved().timeouts, timeouts += 3);
    }
    device_->synchronize(*stream_);
    memory.maintain();
    EXPECT_EQ(moved().pinned.requested.live, 0u);
    // What was queued before the deadline has happened: the two first blocks.
    Bytes expected = bytes_of(ordered_size, 3);
    const Bytes old = bytes_of(ordered_size, 1);
    std::copy(old.begin() + 2 * 65536, old.end(), expected.begin() + 2 * 65536);
    EXPECT_EQ(memory.download(buffer, *stream_), expected);
  }
}

TEST_P(TransferOrder, ADeadlineThatHasPassedStartsNothing) {
  MemoryManager& memory = make_manager({.staging_block_bytes = 65536});
  const auto buffer = memory.create<std::uint8_t>("too late", bytes_of(ordered_size, 1), {}, *stream_);
  const Pinned<std::uint8_t> pinned = memory.pinned<std::uint8_t>(ordered_size);
  fill_pattern(pinned.data(), ordered_size, 2);
  const TransferStatistics before = moved();
  const std::uint64_t accesses = buffer.statistics().accesses;
  std::uint64_t timeouts = 0;
  for (const std::size_t count : {std::size_t{1}, std::size_t{5000}, ordered_size}) {
    for (const auto deadline : {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1s)}) {
      const auto refused = [&](auto call) {
        const auto error = caught<Timeout>(call);
        ASSERT_TRUE(error);
        EXPECT_EQ(error->facts().name, "too late");
        EXPECT_EQ(error->facts().bytes_asked, count);
        EXPECT_EQ(error->facts().bytes_done, 0u);
        EXPECT_EQ(error->facts().limit, 0u);
        EXPECT_NE(error->message().find(std::to_string(deadline / 1ms) + " ms"), std::string::npos);
        ++timeouts;
      };
      refused([&] { memory.upload(buffer, bytes_of(count, 3), *stream_, {.deadline = deadline}); });
      refused([&] { memory.upload(buffer, std::span(pinned.data(), count), *stream_, {.deadline = deadline}); });
      Bytes into(count, 0xcd);
      refused([&] { memory.download(buffer, std::span(into), *stream_, {.deadline = deadline}); });
      EXPECT_EQ(into, Bytes(count, 0xcd));
      refused([&] { memory.download(buffer, std::span(pinned.data(), count), *stream_, {.deadline = deadline}); });
    }
  }
  memory.upload(buffer, bytes_of(0, 0), *stream_, {.deadline = 0ns});  // nothing to be late with
  EXPECT_EQ(moved().timeouts, timeouts);
  EXPECT_EQ(moved().uploads, before.uploads);
  EXPECT_EQ(moved().bytes_staged, before.bytes_staged);
  EXPECT_EQ(moved().pinned.allocations, before.pinned.allocations);
  EXPECT_EQ(buffer.statistics().accesses, accesses);
  EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(ordered_size, 1));
  EXPECT_TRUE(has_pattern(pinned.data(), ordered_size, 2));
}

TEST_P(TransferOrder, InPlaceADeadlineThatPassesChangesNothing) {
  if (!device_->info().pointers) GTEST_SKIP() << "the host cannot write this device's memory";
  MemoryManager& memory = make_manager({.in_place = true});
  const auto buffer = memory.create<std::uint8_t>("in place", bytes_of(ordered_size, 1), {}, *stream_);
  for (const auto deadline : {std::chrono::nanoseconds(0), std::chrono::nanoseconds(20ms)}) {
    Gate gate(*device_, *stream_);
    const auto late =
        caught<Timeout>([&] { memory.upload(buffer, bytes_of(ordered_size, 2), *stream_, {.deadline = deadline}); });
    ASSERT_TRUE(late);
    EXPECT_EQ(late->facts().bytes_done, 0u);
    gate.open();
    EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(ordered_size, 1));
  }
}

TEST_P(TransferOrder, PinnedMemoryMayBeDroppedInMidCopy) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("dropped", ordered_size, {}, *stream_);
  Transfer ticket;
  {
    Gate gate(*device_, *stream_);
    {
      const Pinned<std::uint8_t> up = memory.pinned<std::uint8_t>(ordered_size);
      fill_pattern(up.data(), ordered_size, 3);
      ticket = memory.start_upload(buffer, up, *stream_);
      const Pinned<std::uint8_t> down = memory.pinned<std::uint8_t>(ordered_size);
      expect_error<Timeout>("dropped", [&] {
        memory.download(buffer, std::span(down.data(), ordered_size), *stream_, {.deadline = 20ms});
      });
    }
    EXPECT_EQ(moved().pinned.requested.live, 2 * ordered_size);  // kept for the copies
    const Pinned<std::uint8_t> next = memory.pinned<std::uint8_t>(ordered_size);
    fill_pattern(next.data(), ordered_size, 4);  // must not be the same memory
    EXPECT_EQ(moved().pinned.requested.live, 3 * ordered_size);
  }
  ticket.wait();
  EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(ordered_size, 3));
  EXPECT_TRUE(staging_comes_back());
}

TEST_P(TransferOrder, TicketsAndPinnedMemoryOutliveTheManager) {
  Transfer ticket;
  Transfer small;
  Pinned<std::uint8_t> pinned;
  std::optional<Gate> gate(std::in_place, *device_, *stream_);
  {
    MemoryManager& memory = make_manager();
    const auto buffer = memory.create<std::uint8_t>("outlived", ordered_size, {}, *stream_);
    ticket = memory.start_upload(buffer, bytes_of(ordered_size, 1), *stream_);
    small = memory.start_upload(buffer, bytes_of(100, 1), *stream_);
    pinned = memory.pinned<std::uint8_t>(1000);
    expect_error<Timeout>("outlived", [&] { ticket.wait(0ns); });
  }
  TestThread opener([&] {
    std::this_thread::sleep_for(50ms);
    gate->open();
  });
  memory_.reset();  // waits for the copies into its memory
  opener.join();
  ticket.wait();
  EXPECT_TRUE(small.done());
  fill_pattern(pinned.data(), 1000, 1);
  EXPECT_TRUE(has_pattern(pinned.data(), 1000, 1));
  EXPECT_GT(backend_->balance().pinned_bytes, 0u);
  pinned = {};
  ticket = {};
  small = {};
}

TEST_P(TransferOrder, ABufferFreedInMidUploadIsNotReusedBeforeItsEnd) {
  MemoryManager& memory = make_manager();
  auto first = memory.scoped<std::uint8_t>("first", ordered_size, {}, *stream_);
  Gate gate(*device_, *stream_);
  const Transfer ticket = memory.start_upload(first, bytes_of(ordered_size, 1), *stream_);
  first.reset();
  // It may be given the same memory, in the order of the streams.
  const auto second = memory.create<std::uint8_t>("second", ordered_size);
  const Transfer next = memory.start_upload(second, bytes_of(ordered_size, 2));
  gate.open();
  ticket.wait();
  next.wait();
  EXPECT_EQ(memory.download(second), bytes_of(ordered_size, 2));
}

TEST_P(TransferOrder, ThreadsMoveTheirBuffersAtTheSameTime) {
  MemoryManager& memory = make_manager({.staging_block_bytes = 8192});
  constexpr unsigned threads = 4;
  constexpr unsigned rounds = 20;
  std::vector<TestThread> all;
  for (unsigned thread = 0; thread < threads; ++thread) {
    all.emplace_back([&, thread] {
      const Stream own = device_->stream();
      const std::size_t count = 30'000 + 40'000 * thread;
      const auto buffer = memory.scoped<std::uint8_t>("of " + std::to_string(thread), count, {}, own);
      const Pinned<std::uint8_t> pinned = memory.pinned<std::uint8_t>(count);
      for (unsigned round = 0; round < rounds; ++round) {
        const std::uint64_t seed = thread * rounds + round;
        if (round % 3 == 0) memory.upload(buffer, bytes_of(count, seed), own);
        if (round % 3 == 1) static_cast<void>(memory.start_upload(buffer, bytes_of(count, seed), own));
        if (round % 3 == 2) {
          fill_pattern(pinned.data(), count, seed);
          memory.start_upload(buffer, pinned, own).wait();
        }
        if (round % 2 == 0) {
          ASSERT_EQ(memory.download(buffer, own), bytes_of(count, seed));
        } else {
          memory.download(buffer, std::span(pinned.data(), count), own);
          ASSERT_TRUE(has_pattern(pinned.data(), count, seed));
        }
      }
    });
  }
  for (TestThread& each : all) each.join();
  EXPECT_EQ(moved().uploads, threads * rounds);
  EXPECT_EQ(moved().downloads, threads * rounds);
}

// Each thread has a default stream of its own, also for one buffer that goes from thread to thread.
TEST_P(TransferOrder, ABufferGoesFromThreadToThreadOnTheirDefaultStreams) {
  if (GetParam().backend == cuda_fake) {
    GTEST_SKIP()
        << "CUDA orders the default streams of all threads by the legacy one where a thread asks for another's";
  }
  MemoryManager& memory = make_manager();
  constexpr StreamId own = StreamId::per_thread_default;
  auto buffer = memory.scoped<std::uint8_t>("passed on", ordered_size, {}, own);
  memory.upload(buffer, bytes_of(ordered_size, 1), own);
  std::promise<void> open;
  std::promise<void> queued;
  TestThread other([&] {
    device_->run(own, [opened = open.get_future().share(), span = buffer.access(own)] {
      opened.wait();
      fill_pattern(span.data(), span.size(), 2);
    });
    queued.set_value();
    device_->synchronize(own);
  });
  queued.get_future().wait();
  buffer.reset();
  const auto next = memory.create<std::uint8_t>("next", bytes_of(ordered_size, 3), {}, own);
  open.set_value();
  other.join();
  EXPECT_EQ(memory.download(next, own), bytes_of(ordered_size, 3));
}

INSTANTIATE_TEST_SUITE_P(Kinds, TransferOrder, testing::ValuesIn(kinds_with_contents()), name_of);

}  // namespace
}  // namespace weir::contract
