// Events at the edges of a pool's life: a child of fork(), a reader that outlives its pool,
// threads that come and go, and a live view while another thread is inside an arena.
#include "pool/events.hpp"

#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/dry/dry_backend.hpp"
#include "device/access.hpp"
#include "pool/access.hpp"
#include "support/in_child.hpp"
#include "track/event_reader.hpp"
#include "unit/pool/whole_space.hpp"

namespace weir::pool {
namespace {

using track::Event;
using track::EventKind;
using track::EventReader;
using track::EventTap;

Device dry_device() { return device::Access::make_device(backend::dry::make_dry_backend(1_GiB)); }

class EventsOfForks : public ForkOfThreads {};

TEST_F(EventsOfForks, AChildThatHasAReaderHangsNowhere) {
  auto pool = std::make_unique<Pool>(dry_device());
  auto reader = std::make_unique<EventReader>(std::vector{pool::Access::events(*pool)});
  const auto tap = pool::Access::events(*pool);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) pool->deallocate(pool->allocate(1000));
  });
  void* const block = pool->allocate(1000);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      const bool refused = is_unsupported([&] { return pool->allocate(1000); }) && is_unsupported([&] {
                             pool->deallocate(block);
                             return 0;
                           });
      const bool no_reader = is_unsupported([&] { return std::make_unique<EventReader>(std::vector{tap}); });
      const bool nothing = reader->drain([](const Event&, const EventTap&) {}) == 0;
      reader.reset();
      pool.reset();
      // Its own pool has its own events.
      Pool own(dry_device());
      EventReader of_own({pool::Access::events(own)});
      own.deallocate(own.allocate(1000));
      return refused && no_reader && nothing && of_own.drain([](const Event&, const EventTap&) {}) >= 2;
    }));
  }
  stop = true;
  busy.join();
  pool->deallocate(block);
}

TEST(EventsOfPools, AReaderMayOutliveItsPool) {
  auto pool = std::make_unique<Pool>(dry_device());
  EventReader reader({pool::Access::events(*pool)});
  pool->deallocate(pool->allocate(1000));
  pool.reset();
  std::uint64_t allocations = 0, frees = 0;
  std::int64_t created = 0;
  reader.drain([&](const Event& event, const EventTap&) {
    allocations += event.kind == EventKind::allocate;
    frees += event.kind == EventKind::free;
    if (event.kind == EventKind::create) created += static_cast<std::int64_t>(event.bytes);
    if (event.kind == EventKind::destroy) created -= static_cast<std::int64_t>(event.bytes);
  });
  EXPECT_EQ(allocations, 1u);
  EXPECT_EQ(frees, 1u);
  EXPECT_EQ(created, 0) << "the end of the pool gives all back";
}

// Turned on and off while threads hit, and a new thread each time: what ended left its ring.
TEST(EventsOfPools, AreTurnedOnAndOffWhileThreadsAllocate) {
  Pool pool(dry_device());
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) pool.deallocate(pool.allocate(1000));
  });
  for (int i = 0; i < 200; ++i) {
    EventReader reader({pool::Access::events(pool)}, 64);
    std::thread([&] { pool.deallocate(pool.allocate(2000)); }).join();
    std::uint64_t out = 0, back = 0;
    reader.drain([&](const Event& event, const EventTap&) {
      if (event.bytes != 2000) return;
      out += event.kind == EventKind::allocate;
      back += event.kind == EventKind::free;
    });
    EXPECT_EQ(out, 1u);
    EXPECT_EQ(back, 1u);
  }
  stop = true;
  busy.join();
  std::vector<track::EventRing*> rings;
  pool::Access::events(pool)->list(rings);
  EXPECT_LE(rings.size(), 4u) << "rings of threads that ended serve others";
  EXPECT_EQ(pool.check_leaks().blocks, 0u);
}

// A thread that gives a cache back, as its stream was retired, goes on with its ring: no other gets that.
TEST(EventsOfPools, AThreadKeepsItsRingWhenItGivesACacheUp) {
  const Device device = dry_device();
  Pool pool(device);
  EventReader reader({pool::Access::events(pool)});
  Device own = device;
  const Stream stream = own.stream();
  std::promise<void> used, retired, given_up, done;
  std::thread thread([&] {
    pool.deallocate(pool.allocate(1000));
    pool.deallocate(pool.allocate(1000, stream), stream);
    used.set_value();
    retired.get_future().wait();
    pool.map_ahead(4096, stream);
    given_up.set_value();
    done.get_future().wait();
    pool.deallocate(pool.allocate(3000));
  });
  used.get_future().wait();
  pool.retire(stream);
  retired.set_value();
  given_up.get_future().wait();
  std::thread([&] { pool.deallocate(pool.allocate(2000)); }).join();
  done.set_value();
  thread.join();
  std::uint16_t first = 0, other = 0, last = 0;
  reader.drain([&](const Event& event, const EventTap&) {
    if (event.kind != EventKind::allocate) return;
    if (event.bytes == 1000 && first == 0) first = event.thread;
    if (event.bytes == 2000) other = event.thread;
    if (event.bytes == 3000) last = event.thread;
  });
  EXPECT_NE(first, 0);
  EXPECT_NE(other, 0);
  EXPECT_EQ(last, first);
  EXPECT_NE(other, first);
}

TEST(EventsOfPools, ANewReaderIsNotToldOfFormerLosses) {
  Pool pool(dry_device());
  {
    EventReader full({pool::Access::events(pool)}, 4);
    for (int i = 0; i < 100; ++i) pool.deallocate(pool.allocate(1000));
    EXPECT_GT(full.dropped(), 0u);
  }
  EventReader reader({pool::Access::events(pool)}, 4);
  pool.deallocate(pool.allocate(1000));
  std::uint64_t seen = 0, lost = 0;
  reader.drain([&](const Event& event, const EventTap&) {
    ++seen;
    lost += event.kind == EventKind::lost;
  });
  EXPECT_EQ(seen, 2u);
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(reader.dropped(), 0u);
}

// All that Pool::quick_statistics() asks of the space, while a thread stands in the middle of an arena.
TEST(EventsOfPools, ALiveViewTakesNoLockOfAnArena) {
  WholeSpace whole(64);
  whole.release(whole.allocate(8));
  std::promise<void> inside, over;
  std::thread holder([&] {
    const auto lock = whole.space.home(0).lock();
    inside.set_value();
    over.get_future().wait();
  });
  inside.get_future().wait();
  auto view = std::async(std::launch::async, [&] {
    const PageStore& store = whole.space.store();
    return whole.space.free_bytes() + store.held() + store.reserved() + store.peak() + store.total() +
           store.external() + store.page_maps() + store.page_remaps();
  });
  EXPECT_EQ(view.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  auto whole_statistics = std::async(std::launch::async, [&] { return whole.space.largest_free(); });
  EXPECT_EQ(whole_statistics.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout)
      << "the largest range is what only the full statistics have";
  over.set_value();
  holder.join();
  EXPECT_GT(view.get(), 0u);
  EXPECT_GT(whole_statistics.get(), 0u);
}

}  // namespace
}  // namespace weir::pool
