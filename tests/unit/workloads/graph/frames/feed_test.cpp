// Frames: each is whole and of one step, whatever the consumer's speed, the lateness of events and the size of the
// graph; no mode loses what it promises, and what fails comes out once. Memory is accounted for at the end.
#include <numeric>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include "device/access.hpp"
#include "open_backend.hpp"
#include "unit/workloads/graph/frames/drawn.hpp"

namespace weir::graph::test {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

class FeedOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND(std::string(GetParam()))
    backend_ = open_backend(GetParam());
    memory_.emplace(device::Access::make_device(backend_, "for frames"),
                    ManagerOptions{.name = "frames", .pool = {.limit = 512_MiB}});
  }
  void TearDown() override {
    if (!memory_) return;
    EXPECT_EQ(memory_->check_leaks().blocks, 0U);
    for (int i = 0; i < 1'000 && memory_->statistics().transfers.pinned.requested.live != 0; ++i) {
      std::this_thread::sleep_for(5ms);  // downloads that were under way at an error
      memory_->maintain();
    }
    EXPECT_EQ(memory_->statistics().transfers.pinned.requested.live, 0U);
    EXPECT_NO_THROW(memory_->pool().verify());
    memory_.reset();
    EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
    EXPECT_EQ(backend_->breach(), "");
  }

  std::shared_ptr<device::FaultyBackend> backend_;
  std::optional<MemoryManager> memory_;
};

std::vector<std::uint64_t> counted(std::uint64_t last) {
  std::vector<std::uint64_t> steps(last);
  std::iota(steps.begin(), steps.end(), 1);
  return steps;
}

TEST_P(FeedOn, EveryGivesEachFrameWholeAndInOrder) {
  for (const auto pause : {0ms, 2ms}) {
    Drawing drawing(*memory_, 10'000);
    Checking sink([&](const Frame& frame) {
      if (frame.step % 5 == 0) std::this_thread::sleep_for(pause);
    });
    Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::every, sink);
    for (std::uint64_t step = 1; step <= 60; ++step) {
      drawing.draw(step);
      feed.take(step);
    }
    feed.finish();
    EXPECT_EQ(sink.steps, counted(60));
    EXPECT_EQ(feed.counts().frames, 60U);
    EXPECT_EQ(feed.counts().dropped, 0U);
  }
}

TEST_P(FeedOn, SyncHasGivenTheFrameWhenTakeReturns) {
  Drawing drawing(*memory_, 3'000);
  Checking sink;
  Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::sync, sink);
  for (std::uint64_t step = 1; step <= 20; ++step) {
    drawing.draw(step);
    feed.take(step);
    EXPECT_EQ(sink.taken.load(), step);
  }
  feed.finish();
  EXPECT_EQ(sink.steps, counted(20));
}

// The layout goes on while the consumer has the first frame; what the consumer gets next is the newest there is, and
// the last step's frame comes at the end.
TEST_P(FeedOn, LatestNeverStallsAndGivesTheNewest) {
  Drawing drawing(*memory_, 2'000);
  std::binary_semaphore first_is_read(0), go_on(0);
  Checking sink([&](const Frame& frame) {
    if (frame.step != 1) return;
    first_is_read.release();
    EXPECT_TRUE(go_on.try_acquire_for(30s));
  });
  Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::latest, sink);
  drawing.draw(1);
  feed.take(1);
  ASSERT_TRUE(first_is_read.try_acquire_for(30s));
  for (std::uint64_t step = 2; step <= 50; ++step) {
    drawing.draw(step);
    feed.take(step);
  }
  EXPECT_EQ(sink.taken.load(), 0U);
  EXPECT_EQ(feed.counts().dropped, 47U) << "two more frames wait in slots";
  for (int i = 0; i < 30'000 && feed.timeline()->downloads() < 3; ++i) std::this_thread::sleep_for(1ms);
  go_on.release();
  std::uint64_t step = 51;  // the two have been outrun by step 50: the next is of a step from now on
  for (; sink.taken.load() < 2 && step < 100'000; ++step) {
    drawing.draw(step);
    feed.take(step);
    std::this_thread::sleep_for(100us);
  }
  drawing.draw(step);
  feed.take(step);
  feed.finish();
  ASSERT_GE(sink.steps.size(), 2U);
  EXPECT_EQ(sink.steps.front(), 1U);
  EXPECT_GE(sink.steps[1], 51U);
  EXPECT_EQ(sink.steps.back(), step);
  EXPECT_TRUE(std::is_sorted(sink.steps.begin(), sink.steps.end()));
  EXPECT_EQ(feed.counts().frames, sink.steps.size());
  EXPECT_EQ(feed.counts().frames + feed.counts().dropped, step);
}

// Both waiting slots were outrun, but the newer by one step alone.
TEST_P(FeedOn, LatestGivesWhatIsOneStepBehind) {
  Drawing drawing(*memory_, 2'000);
  std::binary_semaphore first_is_read(0), go_on(0);
  Checking sink([&](const Frame& frame) {
    if (frame.step != 1) return;
    first_is_read.release();
    EXPECT_TRUE(go_on.try_acquire_for(30s));
  });
  Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::latest, sink);
  for (std::uint64_t step = 1; step <= 4; ++step) {
    drawing.draw(step);
    feed.take(step);
    if (step == 1) {
      ASSERT_TRUE(first_is_read.try_acquire_for(30s));
    }
  }
  for (int i = 0; i < 30'000 && feed.timeline()->downloads() < 3; ++i) std::this_thread::sleep_for(1ms);
  go_on.release();
  for (int i = 0; i < 30'000 && sink.taken.load() < 2; ++i) std::this_thread::sleep_for(1ms);
  feed.finish();
  EXPECT_EQ(sink.steps, (std::vector<std::uint64_t>{1, 3, 4}));
}

TEST_P(FeedOn, LatestDropsNothingForAConsumerThatKeepsUp) {
  Drawing drawing(*memory_, 2'000);
  Checking sink;
  Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::latest, sink);
  for (std::uint64_t step = 1; step <= 20; ++step) {
    drawing.draw(step);
    feed.take(step);
    for (int i = 0; i < 30'000 && sink.taken.load() < step; ++i) std::this_thread::sleep_for(1ms);
  }
  feed.finish();
  EXPECT_EQ(sink.steps, counted(20));
  EXPECT_EQ(feed.counts().dropped, 0U);
}

TEST_P(FeedOn, NoFrameIsLostWhileTheGraphGrowsAndShrinks) {
  Drawing drawing(*memory_, 100);
  Checking sink;
  std::vector<std::size_t> sizes;
  {
    Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::every, sink);
    std::size_t nodes = 100;
    for (std::uint64_t step = 1; step <= 40; ++step) {
      nodes = step % 7 == 0 ? nodes / 2 : nodes * 5 / 4 + 1;
      drawing.resize(nodes);
      sizes.push_back(nodes);
      drawing.draw(step);
      feed.take(step);
    }
    feed.finish();
  }
  EXPECT_EQ(sink.steps, counted(40));
  EXPECT_EQ(sink.sizes, sizes);
}

TEST_P(FeedOn, LateEventsChangeNothing) {
  backend_->delay_events(3ms);
  for (const FrameMode mode : {FrameMode::sync, FrameMode::every, FrameMode::latest}) {
    Drawing drawing(*memory_, 1'000);
    Checking sink;
    Feed feed(*memory_, drawing.buffers(), drawing.stream(), mode, sink);
    for (std::uint64_t step = 1; step <= 15; ++step) {
      drawing.draw(step);
      feed.take(step);
    }
    feed.finish();
    EXPECT_EQ(sink.steps.back(), 15U);
    EXPECT_EQ(feed.counts().frames + feed.counts().dropped, 15U);
    if (mode != FrameMode::latest) {
      EXPECT_EQ(sink.steps, counted(15));
    }
  }
  backend_->delay_events(0ms);
}

// The third frame ends the run, whichever call is under way; nothing is given after it.
TEST_P(FeedOn, WhatTheSinkThrowsAtFrameThreeComesOut) {
  for (const FrameMode mode : {FrameMode::sync, FrameMode::every, FrameMode::latest}) {
    Drawing drawing(*memory_, 1'000);
    Checking sink([](const Frame& frame) {
      if (frame.step >= 3) throw std::runtime_error("no space left");
    });
    Feed feed(*memory_, drawing.buffers(), drawing.stream(), mode, sink);
    const auto lay_out = [&] {
      for (std::uint64_t step = 1; step <= 1'000; ++step) {
        drawing.draw(step);
        feed.take(step);
      }
      feed.finish();
    };
    EXPECT_THROW(lay_out(), std::runtime_error);
    EXPECT_LE(sink.steps.size(), 2U);
    EXPECT_THROW(feed.take(1'001), std::runtime_error) << "and again";
  }
}

TEST_P(FeedOn, AStopInTheMiddleLeavesNothing) {
  Drawing drawing(*memory_, 50'000);
  Checking sink([](const Frame&) { std::this_thread::sleep_for(5ms); });
  {
    Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::every, sink);
    for (std::uint64_t step = 1; step <= 5; ++step) {
      drawing.draw(step);
      feed.take(step);
    }
  }
  EXPECT_LE(sink.steps.size(), 5U);
  EXPECT_EQ(sink.steps, counted(sink.steps.size()));
}

TEST_P(FeedOn, ADownloadThatDoesNotEndIsATimeout) {
  Drawing drawing(*memory_, 1'000);
  Checking sink;
  {
    Feed feed(*memory_, drawing.buffers(), drawing.stream(), FrameMode::every, sink, 20ms);
    backend_->hold_events();
    drawing.draw(1);
    feed.take(1);
    EXPECT_THROW(feed.finish(), Timeout);
    EXPECT_THROW(feed.take(2), Timeout);
    backend_->let_events_go();
  }
  EXPECT_TRUE(sink.steps.empty());
  EXPECT_EQ(memory_->statistics().transfers.timeouts, 1U);
}

TEST_P(FeedOn, ALimitOnPinnedMemoryIsTypedAndLosesNothingThatWasTaken) {
  MemoryManager memory(memory_->device(), {.name = "small", .transfers = {.pinned_limit = 100'000}});
  Drawing drawing(memory, 2'000);  // a frame has 48,000 B
  Checking sink([](const Frame&) { std::this_thread::sleep_for(20ms); });
  Feed feed(memory, drawing.buffers(), drawing.stream(), FrameMode::every, sink);
  drawing.draw(1);
  feed.take(1);
  drawing.draw(2);
  feed.take(2);
  EXPECT_THROW(feed.take(3), LimitExceeded);
  EXPECT_THROW(feed.finish(), LimitExceeded);
}

// Steps and a consumer that wait, so that a loaded machine has time for both: together they take little more than one
// of them does.
TEST(Feed, TheNextStepComputesWhileTheSinkHasAFrame) {
  MemoryManager memory(open_device({.backend = "host"}), {.name = "frames"});
  constexpr std::uint64_t steps = 15;
  const auto seconds_in = [&](FrameMode mode) {
    Drawing drawing(memory, 1'000);
    Checking sink([](const Frame&) { std::this_thread::sleep_for(20ms); });
    Feed feed(memory, drawing.buffers(), drawing.stream(), mode, sink);
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t step = 1; step <= steps; ++step) {
      drawing.device().run(drawing.stream(), [] { std::this_thread::sleep_for(20ms); });
      drawing.draw(step);
      feed.take(step);
    }
    feed.finish();
    EXPECT_EQ(sink.steps, counted(steps));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double best = 0;
  for (int attempt = 0; attempt < 5 && best < 1.4; ++attempt) {
    best = std::max(best, seconds_in(FrameMode::sync) / seconds_in(FrameMode::every));
  }
  EXPECT_GE(best, 1.4);
}

TEST(Feed, IsNotMadeForNoFrames) {
  MemoryManager memory(open_device({.backend = "host"}), {.name = "frames"});
  Drawing drawing(memory, 10);
  Checking sink;
  EXPECT_THROW(Feed(memory, drawing.buffers(), drawing.stream(), FrameMode::none, sink), InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(, FeedOn, testing::Values("host", "vulkan", cuda_fake, "cuda"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace weir::graph::test
