// One ring: it wraps, it drops what does not fit, counts it exactly and tells where, also under load.
#include "track/event_ring.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::track {
namespace {

Event numbered(std::uint64_t number) { return {.time = number, .bytes = number, .kind = EventKind::allocate}; }

std::vector<Event> read_all(EventRing& ring) {
  std::vector<Event> all;
  for (const std::uint64_t end = ring.written(); ring.read() != end; ring.advance(ring.read() + 1)) {
    all.push_back(ring.at(ring.read()));
  }
  return all;
}

TEST(EventRing, RoundsItsCapacityUpToAPowerOfTwo) {
  EXPECT_EQ(EventRing(0, false).capacity(), EventRing::min_capacity);
  EXPECT_EQ(EventRing(4, false).capacity(), 4u);
  EXPECT_EQ(EventRing(5, false).capacity(), 8u);
}

TEST(EventRing, KeepsTheOrderHoweverOftenItWraps) {
  EventRing ring(8, false);
  std::uint64_t next = 0;
  for (std::uint64_t round = 0; round < 100; ++round) {
    const std::uint64_t first = next;
    for (std::uint64_t i = 0; i < 1 + round % 8; ++i) EXPECT_TRUE(ring.push(numbered(next++)));
    const std::vector<Event> all = read_all(ring);
    ASSERT_EQ(all.size(), next - first);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].bytes, first + i);
  }
  EXPECT_EQ(ring.dropped(), 0u);
}

TEST(EventRing, DropsTheNewestAndTellsWhere) {
  EventRing ring(4, false);
  ring.set_thread(7);
  for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(ring.push(numbered(i)), i < 4);
  EXPECT_EQ(ring.dropped(), 6u);
  EXPECT_EQ(read_all(ring).size(), 4u);
  EXPECT_TRUE(ring.push(numbered(10)));
  const std::vector<Event> all = read_all(ring);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kind, EventKind::lost);
  EXPECT_EQ(all[0].bytes, 6u);
  EXPECT_EQ(all[0].time, 10u);
  EXPECT_EQ(all[0].thread, 7u);
  EXPECT_EQ(all[1].bytes, 10u);
  EXPECT_EQ(ring.dropped(), 6u) << "what tells of a loss is none";
}

TEST(EventRing, WithSpaceForOneItDropsOnRatherThanHideALoss) {
  EventRing ring(4, false);
  for (std::uint64_t i = 0; i < 5; ++i) static_cast<void>(ring.push(numbered(i)));
  ring.advance(1);
  EXPECT_FALSE(ring.push(numbered(5)));
  ring.advance(2);
  EXPECT_TRUE(ring.push(numbered(6)));
  const std::vector<Event> all = read_all(ring);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[2].kind, EventKind::lost);
  EXPECT_EQ(all[2].bytes, 2u);
  EXPECT_EQ(all[3].bytes, 6u);
}

// The reader is slower than the writer at times, so that both ends meet the other's.
TEST(EventRing, UnderLoadReadAndDroppedAreWhatWasPushed) {
  constexpr std::uint64_t pushes = 300'000;
  EventRing ring(64, false);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < pushes; ++i) static_cast<void>(ring.push(numbered(i)));
    done = true;
  });
  std::uint64_t read = 0, told = 0, expected = 0;
  for (bool last = false;;) {
    for (const Event& event : read_all(ring)) {
      if (event.kind == EventKind::lost) {
        told += event.bytes;
        expected += event.bytes;  // each gap is told of where it is
        continue;
      }
      ASSERT_EQ(event.bytes, expected++);
      ++read;
    }
    if (last) break;
    last = done;
    if (!last) std::this_thread::yield();
  }
  writer.join();
  EXPECT_EQ(read + ring.dropped(), pushes);
  EXPECT_LE(told, ring.dropped());
}

}  // namespace
}  // namespace weir::track
