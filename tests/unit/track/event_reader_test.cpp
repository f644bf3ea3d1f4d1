// A reader of several taps: one order by time, rings of ended threads, what is dropped, the
// switch, and a child of fork().
#include "track/event_reader.hpp"

#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "support/in_child.hpp"

namespace weir::track {
namespace {

/// Writes one event into the calling thread's ring, as a hit does.
bool write(EventTap& tap, const void* owner, std::uint64_t number) {
  EventRing* const ring = tap.ring_of(owner);
  return ring->push({.time = ring->now(), .bytes = number, .thread = ring->thread(), .kind = EventKind::allocate});
}

std::vector<Event> drained(EventReader& reader) {
  std::vector<Event> all;
  reader.drain([&](const Event& event, const EventTap&) { all.push_back(event); });
  return all;
}

TEST(EventReader, HandsOutAllInOneOrderWithTheTimeOfTheSteadyClock) {
  const auto one = std::make_shared<EventTap>("one");
  const auto other = std::make_shared<EventTap>("other");
  EventReader reader({one, other});
  int me = 0;
  const std::uint64_t began = steady_nanoseconds();
  for (std::uint64_t i = 0; i < 100; ++i) {
    if (i % 3 == 0) {
      one->note({.bytes = i, .kind = EventKind::map});
    } else {
      EXPECT_TRUE(write(i % 3 == 1 ? *one : *other, &me, i));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(1));  // beyond what a processor reads early
  }
  std::uint64_t next = 0;
  std::uint64_t before = 0;
  EXPECT_EQ(reader.drain([&](const Event& event, const EventTap& from) {
    EXPECT_EQ(event.bytes, next);
    EXPECT_EQ(from.name(), next % 3 == 2 ? "other" : "one");
    EXPECT_GE(event.time, before);
    before = event.time;
    ++next;
  }),
            100u);
  constexpr std::uint64_t tolerance = 50'000;  // that the clocks were read apart
  EXPECT_GE(before + tolerance, began);
  EXPECT_LE(before, steady_nanoseconds() + tolerance);
  EXPECT_EQ(reader.late(), 0u);
  EXPECT_EQ(reader.dropped(), 0u);
  EXPECT_EQ(drained(reader).size(), 0u);
}

TEST(EventReader, OneAtATime) {
  const auto tap = std::make_shared<EventTap>("pool");
  const auto free = std::make_shared<EventTap>("free");
  {
    const EventReader reader({tap});
    EXPECT_TRUE(tap->on());
    EXPECT_THROW(EventReader({free, tap}), InvalidArgument);
    EXPECT_FALSE(free->on()) << "what it had opened is closed again";
  }
  EXPECT_FALSE(tap->on());
  const EventReader next({tap});
}

TEST(EventReader, TurnsTheSwitchAndNothingIsWrittenWhileItIsOff) {
  const auto tap = std::make_shared<EventTap>("pool");
  std::atomic<std::uint64_t> word{0};
  tap->steer(word, 5);
  EXPECT_EQ(word, 5u);
  tap->note({.bytes = 1});
  {
    EventReader reader({tap});
    EXPECT_EQ(word, EventTap::no_key);
    tap->note({.bytes = 2});
    const std::vector<Event> all = drained(reader);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].bytes, 2u);
    tap->note({.bytes = 3});
  }
  EXPECT_EQ(word, 5u);
  EventReader next({tap});
  EXPECT_EQ(drained(next).size(), 0u) << "what nobody read is not the next reader's";
  std::atomic<std::uint64_t> other{0};
  tap->let_go(other);
  EXPECT_EQ(word, EventTap::no_key) << "the other was not steered";
  tap->let_go(word);
  EXPECT_EQ(word, EventTap::no_key);
}

TEST(EventReader, AThreadThatEndsLeavesWhatItWroteAndItsRing) {
  const auto tap = std::make_shared<EventTap>("pool");
  EventReader reader({tap}, 8);
  std::map<std::uint16_t, std::uint64_t> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    std::thread([&] {
      int me = 0;
      EXPECT_TRUE(write(*tap, &me, 2 * i));
      EXPECT_TRUE(write(*tap, &me, 2 * i + 1));
      tap->leave(&me);
    }).join();
  }
  std::vector<EventRing*> rings;
  tap->list(rings);
  EXPECT_EQ(rings.size(), 3u) << "the shared one, one that serves as long as it is half empty, and the next";
  std::uint64_t next = 0;
  for (const Event& event : drained(reader)) {
    EXPECT_EQ(event.bytes, next++);
    ++threads[event.thread];
  }
  EXPECT_EQ(next, 8u);
  EXPECT_EQ(threads.size(), 4u) << "an event tells which thread wrote it, whose ring it may be now";
}

// Threads come and go and write as fast as they can, while the reader drains: whatever was written comes out in its
// thread's order, or is counted as dropped.
TEST(EventReader, UnderLoadNothingIsLostUntold) {
  constexpr std::uint64_t threads = 3, generations = 4, writes = 20'000;
  const auto tap = std::make_shared<EventTap>("pool");
  EventReader reader({tap}, 1024);
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> ended{0};
  std::vector<std::thread> crew;
  for (std::uint64_t number = 0; number < threads; ++number) {
    crew.emplace_back([&, number] {
      for (std::uint64_t generation = 0; generation < generations; ++generation) {
        std::thread([&] {
          int me = 0;
          EventRing* const ring = tap->ring_of(&me);
          const std::uint64_t base = (number * generations + generation) << 32;
          for (std::uint64_t i = 0; i < writes; ++i) {
            const Event event{.time = ring->now(), .bytes = base + i, .thread = ring->thread()};
            if (!ring->push(event)) ++refused;
            if (i % 100 == 0) tap->note({.bytes = base + i, .kind = EventKind::unmap});
          }
          tap->leave(&me);
        }).join();
      }
      ++ended;
    });
  }
  std::map<std::uint64_t, std::uint64_t> next;  // by writer
  std::uint64_t read = 0, rare = 0;
  const auto visit = [&](const Event& event, const EventTap&) {
    if (event.kind == EventKind::unmap) ++rare;
    if (event.kind != EventKind::allocate) return;
    std::uint64_t& expected = next[event.bytes >> 32];
    EXPECT_GE(event.bytes & UINT32_MAX, expected);
    expected = (event.bytes & UINT32_MAX) + 1;
    ++read;
  };
  while (ended != threads) reader.drain(visit);
  for (std::thread& each : crew) each.join();
  reader.drain(visit);
  const std::uint64_t all = threads * generations * writes;
  EXPECT_EQ(read + refused, all);
  EXPECT_EQ(rare + read + reader.dropped(), all + all / 100);
}

class EventReaderFork : public ForkOfThreads {};

TEST_F(EventReaderFork, AChildOfForkReadsNothingAndHangsNowhere) {
  const auto tap = std::make_shared<EventTap>("pool");
  auto reader = std::make_unique<EventReader>(std::vector{tap});
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) tap->note({.bytes = 1});
  });
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      tap->note({.bytes = 2});
      const std::uint64_t read = reader->drain([](const Event&, const EventTap&) {});
      const bool none = read == 0 && reader->dropped() == 0;
      reader.reset();
      return none;
    }));
  }
  stop = true;
  busy.join();
  EXPECT_GT(reader->drain([](const Event&, const EventTap&) {}), 0u);
}

}  // namespace
}  // namespace weir::track
