// Downloads in rotation: the frame that arrives is the one that was asked for,
// whatever the next work does to the buffer, and it stays as it is for as long as
// was promised. Slots, deadlines, and ends in the middle.
#include <deque>
#include <semaphore>

#include "contract/transfer_fixture.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t elements = 100'003;
constexpr BufferOptions downloads{.downloads = true};
constexpr BufferOptions three_slots{.downloads = true, .download_slots = 3};

class Downloads : public StreamedTransfers {
 protected:
  using Frame = std::span<const std::uint8_t>;

  BufferHandle<std::uint8_t> make_buffer(const BufferOptions& options = downloads, std::size_t count = elements) {
    return memory_->create<std::uint8_t>("frames", count, options, *stream_);
  }
  /// Queues the work of frame `n`: fills the buffer with its pattern.
  void draw(const BufferHandle<std::uint8_t>& buffer, std::uint64_t n) {
    device_->run(*stream_, [span = buffer.access(*stream_), n] { fill_pattern(span.data(), span.size(), n); });
  }
  static testing::AssertionResult shows(Frame frame, std::uint64_t n, std::size_t count = elements) {
    if (frame.size() != count) return testing::AssertionFailure() << frame.size() << " B, not " << count;
    if (!has_pattern(frame.data(), count, n)) return testing::AssertionFailure() << "not the contents of frame " << n;
    return testing::AssertionSuccess();
  }
};

TEST_P(Downloads, ASnapshotLetsTheNextWorkOverwriteAtOnce) {
  MemoryManager& memory = make_manager();
  const auto buffer = make_buffer();
  Gate gate(*device_, *stream_);
  draw(buffer, 1);
  memory.start_download(buffer, *stream_);
  draw(buffer, 2);
  static_cast<void>(memory.start_upload(buffer, bytes_of(elements, 3), *stream_));
  expect_error<Timeout>("frames", [&] { static_cast<void>(memory.wait_for_download(buffer, 0ns)); });
  gate.open();
  EXPECT_TRUE(shows(memory.wait_for_download(buffer), 1));
  EXPECT_EQ(memory.download(buffer, *stream_), bytes_of(elements, 3));
}

TEST_P(Downloads, WithoutASnapshotTheFrameIsReadWhereItLies) {
  MemoryManager& memory = make_manager();
  const auto buffer = make_buffer();
  const std::uint64_t copies = backend_->calls(device::CallKind::copy);
  for (std::uint64_t n = 1; n < 20; ++n) {
    draw(buffer, n);
    memory.start_download(buffer, *stream_, {.snapshot = false});
    EXPECT_TRUE(shows(memory.wait_for_download(buffer), n));
  }
  EXPECT_EQ(backend_->calls(device::CallKind::copy), copies);
  EXPECT_EQ(memory.check_leaks().blocks, 1u);
}

// Two buffers in turn: the caller leaves the one alone that is under way.
TEST_P(Downloads, CallersMayPingPong) {
  MemoryManager& memory = make_manager();
  const BufferHandle<std::uint8_t> pair[] = {memory.create<std::uint8_t>("even", elements, downloads, *stream_),
                                             memory.create<std::uint8_t>("odd", elements, downloads, *stream_)};
  for (std::uint64_t n = 0; n < 40; ++n) {
    draw(pair[n % 2], n);
    memory.start_download(pair[n % 2], *stream_, {.snapshot = false});
    if (n > 0) {
      EXPECT_TRUE(shows(memory.wait_for_download(pair[(n - 1) % 2]), n - 1));
    }
  }
  EXPECT_TRUE(shows(memory.wait_for_download(pair[1]), 39));
}

// The consumer is a frame behind, and now and then early or late; each frame's span is looked at
// when it comes, and again when the next one was started.
TEST_P(Downloads, ManyFramesWithConsumersOfAllSpeeds) {
  MemoryManager& memory = make_manager();
  const auto buffer = make_buffer();
  draw(buffer, 0);
  memory.start_download(buffer, *stream_);
  constexpr std::uint64_t frames = 150;
  for (std::uint64_t n = 1; n < frames; ++n) {
    draw(buffer, n);
    const bool early = n % 7 == 0;
    if (!early) memory.start_download(buffer, *stream_);
    if (n % 11 == 0) std::this_thread::sleep_for(2ms);
    const Frame last = memory.wait_for_download(buffer);
    ASSERT_TRUE(shows(last, n - 1));
    if (early) memory.start_download(buffer, *stream_);
    draw(buffer, 1000 + n);  // overwritten at once
    if (n % 5 == 0) device_->synchronize(*stream_);
    ASSERT_TRUE(shows(last, n - 1));
  }
  ASSERT_TRUE(shows(memory.wait_for_download(buffer), frames - 1));
  EXPECT_EQ(moved().downloads, frames);
  EXPECT_EQ(moved().asynchronous, frames);
  EXPECT_EQ(moved().bytes_downloaded, frames * elements);
  EXPECT_EQ(buffer.statistics().downloads, frames);
  EXPECT_EQ(moved().pinned.requested.live, 2 * elements);
  EXPECT_EQ(memory.check_leaks().blocks, 1u);  // snapshots are gone
}

TEST_P(Downloads, AFrameStaysWhileTheNextIsInFlight) {
  MemoryManager& memory = make_manager();
  const auto buffer = make_buffer();
  draw(buffer, 1);
  memory.start_download(buffer, *stream_);
  const Frame first = memory.wait_for_download(buffer);
  draw(buffer, 2);
  memory.start_download(buffer, *stream_);
  const Frame second = memory.wait_for_download(buffer);  // the copy is over, the first span is not
  EXPECT_TRUE(shows(first, 1));
  EXPECT_TRUE(shows(second, 2));
  EXPECT_NE(first.data(), second.data());
}

TEST_P(Downloads, ThreeSlotsHoldThreeFrames) {
  MemoryManager& memory = make_manager();
  const auto buffer = make_buffer(three_slots);
  std::deque<std::pair<std::uint64_t, Frame>> kept;
  std::uint64_t awaited = 0;
  for (std::uint64_t n = 0; n < 30; ++n) {
    draw(buffer, n);
    memory.start_download(buffer, *stream_);
    device_->synchronize(*stream_);
    // The new frame took the slot of the third before it.
    while (!kept.empty() && kept.front().first + 3 <= n) kept.pop_front();
    for (const auto& [number, frame] : kept) ASSERT_TRUE(shows(frame, number));
    if (n % 3 != 2) continue;
    for (; awaited <= n; ++awaited) kept.emplace_back(awaited, memory.wait_for_download(buffer));
    for (const auto& [number, frame] : kept) ASSERT_TRUE(shows(frame, number));
  }
  EXPECT_EQ(moved().pinned.requested.live, 3 * elements);
}

// The thread that starts downloads goes on with the buffer while another waits for them, and holds as many frames as
// there are slots less one; sizes change in between.
TEST_P(Downloads, OneThreadStartsThemWhileAnotherWaits) {
  MemoryManager& memory = make_manager();
  auto buffer = make_buffer(three_slots);
  constexpr std::uint64_t frames = 200;
  const auto count = [](std::uint64_t n) { return elements - 1'000 * (n % 3); };
  std::counting_semaphore<> free_slots(3), started(0);
  TestThread consumer([&] {
    for (std::uint64_t n = 0; n < frames; ++n) {
      ASSERT_TRUE(started.try_acquire_for(10s));
      const Frame frame = memory.wait_for_download(buffer);
      EXPECT_TRUE(shows(frame, n, count(n)));
      if (n % 16 == 0) std::this_thread::sleep_for(1ms);
      EXPECT_TRUE(shows(frame, n, count(n)));
      free_slots.release();
    }
  });
  for (std::uint64_t n = 0; n < frames; ++n) {
    ASSERT_TRUE(free_slots.try_acquire_for(10s));
    buffer.resize(count(n), *stream_);
    draw(buffer, n);
    memory.start_download(buffer, *stream_);
    started.release();
    draw(buffer, 1000 + n);
  }
  consumer.join();
  EXPECT_EQ(moved().downloads, frames);
  EXPECT_EQ(memory.check_leaks().blocks, 1u);
}

TEST_P(Downloads, OneTooManyIsRefusedOrWaitsAsChosen) {
  MemoryManager& memory = make_manager();
  for (const unsigned slots : {2u, 3u}) {
    const auto buffer = make_buffer({.downloads = true, .download_slots = slots});
    for (std::uint64_t n = 0; n < slots; ++n) {
      draw(buffer, n);
      memory.start_download(buffer, *stream_);
    }
    draw(buffer, 100);
    const std::uint64_t started = moved().downloads;
    expect_error<InvalidArgument>("frames", [&] { memory.start_download(buffer, *stream_); });
    EXPECT_EQ(moved().downloads, started);
    memory.start_download(buffer, *stream_, {.when_full = WhenFull::wait});  // frame 0 is lost
    for (std::uint64_t n = 1; n < slots; ++n) EXPECT_TRUE(shows(memory.wait_for_download(buffer), n));
    EXPECT_TRUE(shows(memory.wait_for_download(buffer), 100));
    memory.free(buffer);
  }
}

TEST_P(Downloads, WhatWasNotAskedForIsRefusedByName) {
  MemoryManager& memory = make_manager();
  auto buffer = make_buffer({});
  expect_error<InvalidArgument>("frames", [&] { memory.start_download(buffer, *stream_); });
  expect_error<InvalidArgument>("frames", [&] { static_cast<void>(memory.wait_for_download(buffer)); });
  memory.free(buffer);
  buffer = make_buffer();
  expect_error<InvalidArgument>("frames", [&] { static_cast<void>(memory.wait_for_download(buffer)); });
  draw(buffer, 1);
  memory.start_download(buffer, *stream_);
  EXPECT_TRUE(shows(memory.wait_for_download(buffer), 1));
  expect_error<InvalidArgument>("frames", [&] { static_cast<void>(memory.wait_for_download(buffer)); });
  memory.free(buffer);
  expect_error<StaleHandle>("frames", [&] { memory.start_download(buffer, *stream_); });
  expect_error<StaleHandle>("frames", [&] { static_cast<void>(memory.wait_for_download(buffer)); });
  expect_error<InvalidArgument>("frames", [&] { make_buffer({.downloads = true, .download_slots = 1}); });
}

TEST_P(Downloads, ABufferMayChangeItsSizeBetweenFrames) {
  MemoryManager& memory = make_manager();
  auto buffer = make_buffer({.max_bytes = 64_MiB, .downloads = true}, 10);
  const std::size_t sizes[] = {10, 5'000, 0, 3_MiB + 1, 3_MiB + 1, 70'000, 7_MiB, 1};
  Frame last;
  std::size_t last_count = 0;
  for (std::uint64_t n = 0; n < std::size(sizes); ++n) {
    buffer.resize(sizes[n], *stream_);
    draw(buffer, n);
    memory.start_download(buffer, *stream_);
    if (n > 0) {
      EXPECT_TRUE(shows(last, n - 1, last_count));
    }
    last = memory.wait_for_download(buffer);
    last_count = sizes[n];
    EXPECT_TRUE(shows(last, n, last_count));
  }
  // While one is under way, too.
  Gate gate(*device_, *stream_);
  draw(buffer, 50);
  memory.start_download(buffer, *stream_);
  buffer.resize(9_MiB, *stream_);
  draw(buffer, 51);
  memory.start_download(buffer, *stream_, {.snapshot = false});
  gate.open();
  EXPECT_TRUE(shows(memory.wait_for_download(buffer), 50, 1));
  EXPECT_TRUE(shows(memory.wait_for_download(buffer), 51, 9_MiB));
}

TEST_P(Downloads, ATimedOutWaitMayBeRepeated) {
  MemoryManager& memory = make_manager();
  const auto buffer = make_buffer();
  Gate gate(*device_, *stream_);
  for (const std::uint64_t n : {1u, 2u}) {
    draw(buffer, n);
    memory.start_download(buffer, *stream_);
  }
  for (const auto deadline :
       {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1), std::chrono::nanoseconds(10ms)}) {
    expect_error<Timeout>("frames", [&] { static_cast<void>(memory.wait_for_download(buffer, deadline)); });
  }
  EXPECT_EQ(moved().timeouts, 3u);
  expect_error<InvalidArgument>("frames", [&] { memory.start_download(buffer, *stream_); });
  gate.open();
  EXPECT_TRUE(shows(memory.wait_for_download(buffer), 1));
  EXPECT_TRUE(shows(memory.wait_for_download(buffer), 2));
}

TEST_P(Downloads, EndsInMidFlightLoseNothing) {
  for (const int end : {0, 1, 2}) {
    MemoryManager& memory = make_manager();
    auto scoped = memory.scoped<std::uint8_t>("frames", elements, downloads, *stream_);
    const auto gate = std::make_shared<Gate>(*device_, *stream_);
    for (const std::uint64_t n : {1u, 2u}) {
      draw(scoped, n);
      memory.start_download(scoped, *stream_, {.snapshot = n == 1});
    }
    if (end == 0) memory.free(scoped);
    if (end == 1) scoped.reset();
    if (end == 2) {
      TestThread opener([gate] {
        std::this_thread::sleep_for(30ms);
        gate->open();
      });
      memory_.reset();
      opener.join();
      EXPECT_FALSE(scoped.valid());
      EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
      continue;
    }
    EXPECT_EQ(moved().pinned.requested.live, 2 * elements);  // the device is about to write there
    gate->open();
    EXPECT_TRUE(staging_comes_back());
    end_manager();
  }
}

TEST_P(Downloads, LimitsRefuseASnapshotOrASlotAndNothingChanges) {
  MemoryManager& memory = make_manager({.pinned_limit = 8_MiB}, 24_MiB);
  const auto buffer = make_buffer({.downloads = true}, 8_MiB);
  draw(buffer, 1);
  {
    const auto filler = memory.scoped<std::uint8_t>("filler", 10_MiB);
    static_cast<void>(caught<LimitExceeded>([&] { memory.start_download(buffer, *stream_); }));
  }
  EXPECT_EQ(moved().downloads, 0u);
  memory.start_download(buffer, *stream_);  // its slot is all the pinned memory there is
  static_cast<void>(caught<LimitExceeded>([&] { memory.start_download(buffer, *stream_); }));
  EXPECT_TRUE(shows(memory.wait_for_download(buffer), 1, 8_MiB));
  EXPECT_EQ(moved().downloads, 1u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Downloads, testing::ValuesIn(kinds_with_contents()), name_of);

}  // namespace
}  // namespace weir::contract
