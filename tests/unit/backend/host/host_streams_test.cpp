// Host streams: work in order on a thread of its own, events in that order,
// waits across streams without the host, and ends that lose nothing.
#include "backend/host/host_streams.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::backend::host {
namespace {

using namespace std::chrono_literals;
using device::EventId;

/// A door that work waits at until it is opened.
class Gate {
 public:
  void wait() const {
    while (!open_) std::this_thread::sleep_for(100us);
  }
  void open() { open_ = true; }

 private:
  std::atomic<bool> open_{false};
};

TEST(HostStreams, AnEventIsDoneWhenTheWorkBeforeItIs) {
  HostStreams streams;
  const StreamId stream = streams.create();
  Gate first;
  Gate second;
  EXPECT_EQ(streams.record(stream), EventId::none);  // nothing was queued yet
  streams.run(stream, [&] { first.wait(); });
  const EventId middle = streams.record(stream);
  streams.run(stream, [&] { second.wait(); });
  const EventId end = streams.record(stream);
  EXPECT_FALSE(streams.query(middle));
  EXPECT_FALSE(streams.wait(middle, 1ms));
  first.open();
  EXPECT_TRUE(streams.wait(middle, 10s));
  EXPECT_FALSE(streams.query(end));
  second.open();
  EXPECT_TRUE(streams.wait(end, 10s));
  EXPECT_TRUE(streams.query(middle));
  EXPECT_TRUE(streams.query(EventId::none));
  EXPECT_TRUE(streams.wait(EventId::none, 0ns));
}

// The end of such a wait is no time that the clock can tell.
TEST(HostStreams, TheLongestDeadlineIsNotOver) {
  HostStreams streams;
  const StreamId stream = streams.create();
  streams.run(stream, [] { std::this_thread::sleep_for(5ms); });
  EXPECT_TRUE(streams.wait(streams.record(stream), std::chrono::nanoseconds::max()));
}

// Whoever waits for an early event is woken for it, and does not keep those who wait for later ones from waking.
TEST(HostStreams, EveryWaiterWakesAtItsOwnEvent) {
  constexpr std::size_t steps = 6;
  HostStreams streams;
  const StreamId stream = streams.create();
  std::array<Gate, steps> gates;
  std::array<EventId, steps> events{};
  for (std::size_t i = 0; i < steps; ++i) {
    streams.run(stream, [&gate = gates[i]] { gate.wait(); });
    events[i] = streams.record(stream);
  }
  std::array<std::atomic<bool>, steps> woken{};
  std::vector<std::jthread> waiters;
  for (std::size_t i = steps; i-- > 0;) {  // the last first, so that nearer ones come later
    waiters.emplace_back([&, i] { woken[i] = streams.wait(events[i], 20s); });
    EXPECT_FALSE(streams.wait(events[i], 1ms));  // one that gives up leaves the others waiting
  }
  for (std::size_t i = 0; i < steps; ++i) {
    gates[i].open();
    waiters[steps - 1 - i].join();
    EXPECT_TRUE(woken[i]);
    for (std::size_t later = i + 1; later < steps; ++later) EXPECT_FALSE(woken[later]);
  }
}

TEST(HostStreams, RunBesideEachOther) {
  HostStreams streams;
  const StreamId first = streams.create();
  const StreamId second = streams.create();
  Gate gate;
  streams.run(first, [&] { gate.wait(); });
  streams.run(second, [&] { gate.open(); });  // would never run, were they one queue
  EXPECT_TRUE(streams.wait(streams.record(first), 10s));
}

TEST(HostStreams, WaitForEachOtherWithoutTheHost) {
  HostStreams streams;
  const StreamId first = streams.create();
  const StreamId second = streams.create();
  Gate gate;
  std::atomic<bool> first_done{false};
  std::atomic<bool> in_order{false};
  streams.run(first, [&] {
    gate.wait();
    first_done = true;
  });
  streams.stream_wait(second, streams.record(first));
  streams.run(second, [&] { in_order = first_done.load(); });
  EXPECT_FALSE(streams.wait(streams.record(second), 5ms));
  gate.open();
  EXPECT_TRUE(streams.wait(streams.record(second), 10s));
  EXPECT_TRUE(in_order);
}

TEST(HostStreams, FinishTheirWorkBeforeTheyEnd) {
  HostStreams streams;
  const StreamId stream = streams.create();
  std::atomic<int> done{0};
  for (int i = 0; i < 20; ++i) {
    streams.run(stream, [&] {
      std::this_thread::sleep_for(100us);
      ++done;
    });
  }
  const EventId event = streams.record(stream);
  streams.destroy(stream);
  EXPECT_EQ(done, 20);
  EXPECT_TRUE(streams.query(event));
  EXPECT_THROW(streams.run(stream, [] {}), InvalidArgument);
  EXPECT_THROW(static_cast<void>(streams.record(stream)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(streams.resolve(stream)), InvalidArgument);
  streams.destroy(stream);  // nothing left to do
}

// While an ending stream's work still runs, its events are not done.
TEST(HostStreams, AreNotDoneWhileTheyEnd) {
  HostStreams streams;
  const StreamId stream = streams.create();
  Gate gate;
  std::atomic<bool> started{false};
  streams.run(stream, [&] {
    started = true;
    gate.wait();
  });
  const EventId event = streams.record(stream);
  while (!started) std::this_thread::sleep_for(100us);
  std::thread ending([&] { streams.destroy(stream); });
  std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(streams.query(event));
  EXPECT_FALSE(streams.wait(event, 1ms));
  gate.open();
  EXPECT_TRUE(streams.wait(event, 10s));
  ending.join();
}

TEST(HostStreams, AWaitForSeveralEndsWithTheFirstThatIsDone) {
  HostStreams streams;
  const StreamId first = streams.create();
  const StreamId second = streams.create();
  Gate gate;
  streams.run(first, [&] { gate.wait(); });
  const EventId slow = streams.record(first);
  EXPECT_FALSE(streams.wait_any(std::array{slow, slow}, 1ms));
  streams.run(second, [] { std::this_thread::sleep_for(2ms); });
  const EventId quick = streams.record(second);
  EXPECT_TRUE(streams.wait_any(std::array{slow, quick}, 10s));
  EXPECT_FALSE(streams.query(slow));
  EXPECT_TRUE(streams.query(quick));
  EXPECT_TRUE(streams.wait_any(std::array{slow, quick}, 0ns));
  EXPECT_TRUE(streams.wait_any(std::array{slow, EventId::none}, 0ns));
  EXPECT_TRUE(streams.wait_any({}, 0ns));
  gate.open();
  EXPECT_TRUE(streams.wait_any(std::array{slow}, 10s));
}

// Many threads wait for overlapping sets while the streams work: each is woken, none by what it did not ask for.
TEST(HostStreams, WaitsForSeveralFromManyThreads) {
  HostStreams streams;
  std::array<StreamId, 3> ids{};
  for (StreamId& id : ids) id = streams.create();
  std::vector<std::thread> crew;
  std::atomic<int> wrong{0};
  for (std::size_t t = 0; t < 4; ++t) {
    crew.emplace_back([&, t] {
      for (std::size_t round = 0; round < 200; ++round) {
        std::array<EventId, 2> events{};
        for (std::size_t i = 0; i < events.size(); ++i) {
          const StreamId on = ids[(t + round + i) % ids.size()];
          streams.run(on, [] { std::this_thread::yield(); });
          events[i] = streams.record(on);
        }
        if (!streams.wait_any(events, 20s)) ++wrong;
        if (!streams.query(events[0]) && !streams.query(events[1])) ++wrong;
      }
    });
  }
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(HostStreams, AWaitingStreamOutlivesTheOneItWaitsFor) {
  HostStreams streams;
  const StreamId first = streams.create();
  const StreamId second = streams.create();
  std::atomic<bool> done{false};
  streams.run(first, [&] {
    std::this_thread::sleep_for(2ms);
    done = true;
  });
  streams.stream_wait(second, streams.record(first));
  std::atomic<bool> in_order{false};
  streams.run(second, [&] { in_order = done.load(); });
  streams.destroy(first);
  EXPECT_TRUE(streams.wait(streams.record(second), 10s));
  EXPECT_TRUE(in_order);
}

TEST(HostStreams, RunEverythingBeforeTheyAllGo) {
  std::atomic<int> done{0};
  {
    HostStreams streams;
    for (int i = 0; i < 4; ++i) {
      const StreamId stream = streams.create();
      for (int k = 0; k < 10; ++k) streams.run(stream, [&] { ++done; });
    }
    streams.run(StreamId::legacy_default, [&] { ++done; });
  }
  EXPECT_EQ(done, 41);
}

TEST(HostStreams, EndAfterTheirWorkWithoutAWait) {
  HostStreams streams;
  const StreamId stream = streams.create();
  Gate gate;
  std::atomic<bool> done{false};
  streams.run(stream, [&] {
    gate.wait();
    done = true;
  });
  const EventId event = streams.record(stream);
  streams.end_after_work(stream);
  EXPECT_FALSE(streams.query(event));
  EXPECT_EQ(streams.resolve(stream), stream);
  EXPECT_THROW(streams.run(stream, [] {}), InvalidArgument);
  gate.open();
  EXPECT_TRUE(streams.wait(event, 10s));
  EXPECT_TRUE(done);
  const StreamId next = streams.create();  // looks at those that end
  EXPECT_THROW(static_cast<void>(streams.resolve(stream)), InvalidArgument);
  EXPECT_TRUE(streams.query(event));
  streams.end_after_work(next);  // without work it is gone at once
  EXPECT_THROW(static_cast<void>(streams.resolve(next)), InvalidArgument);
  streams.end_after_work(next);
}

}  // namespace
}  // namespace weir::backend::host
