// The events of a pool: replayed through a model they give exactly its statistics, in every kind
// of pool; while they are read, or a log hears of every block, hits stay hits. Growth, refusals,
// and many threads at once.
#include <atomic>
#include <random>
#include <thread>
#include <unordered_map>

#include "contract/keeping_sink.hpp"
#include "contract/pool_kinds.hpp"
#include "pool/access.hpp"
#include "track/event_reader.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using track::Event;
using track::EventKind;
using track::EventReader;
using track::EventTap;
using track::EventWay;

/// What a reader can know of a pool.
class Model {
 public:
  void apply(const Event& event) {
    ++counts[event.kind];
    switch (event.kind) {
      case EventKind::allocate: allocate(event); break;
      case EventKind::free: free(event); break;
      case EventKind::resize: resize(event); break;
      case EventKind::create:
        now.reserved.live += event.bytes;
        now.reserved.cumulative += event.bytes;
        now.reserved.peak = std::max(now.reserved.peak, now.reserved.live);
        break;
      case EventKind::destroy: now.reserved.live -= event.bytes; break;
      case EventKind::map:
        now.page_maps += event.block;
        mapped += event.bytes;
        EXPECT_LE(event.generation, event.block) << "a handle has at least a page";
        break;
      case EventKind::unmap: mapped -= event.bytes; break;
      case EventKind::refuse: ++now.refusals; break;
      case EventKind::lost: ADD_FAILURE() << event.bytes << " events were lost"; break;
      default: break;
    }
  }
  void drain(EventReader& reader) {
    reader.drain([&](const Event& event, const EventTap&) { apply(event); });
  }

  /// Whether the pool counted the same.
  [[nodiscard]] testing::AssertionResult agrees(const Statistics& pool, bool moved = false) const {
    std::ostringstream text;
    const auto compare = [&](const char* what, std::uint64_t here, std::uint64_t there) {
      if (here != there) text << "\n  " << what << ": events " << here << ", pool " << there;
    };
    compare("requested.live", now.requested.live, pool.requested.live);
    compare("requested.cumulative", now.requested.cumulative, pool.requested.cumulative);
    compare("allocated.live", now.allocated.live, pool.allocated.live);
    // What was copied from one place to another was allocated twice for a moment, which no event says.
    if (!moved) compare("allocated.cumulative", now.allocated.cumulative, pool.allocated.cumulative);
    compare("reserved.live", now.reserved.live, pool.reserved.live);
    compare("reserved.cumulative", now.reserved.cumulative, pool.reserved.cumulative);
    compare("reserved.peak", now.reserved.peak, pool.reserved.peak);
    compare("cache_hits", now.cache_hits, pool.cache_hits);
    compare("arena_hits", now.arena_hits, pool.arena_hits);
    compare("misses", now.misses, pool.misses);
    compare("allocations", now.allocations, pool.allocations);
    compare("frees", now.frees, pool.frees);
    compare("refusals", now.refusals, pool.refusals);
    compare("page_maps", now.page_maps, pool.page_maps);
    if (text.str().empty()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "they differ:" << text.str();
  }

  struct Known {
    std::uint64_t requested, allocated;
    std::uint32_t generation;
  };
  std::unordered_map<std::uint32_t, Known> live;
  std::unordered_map<EventKind, std::uint64_t> counts;
  Statistics now;
  std::uint64_t mapped = 0;

 private:
  static std::uint64_t allocated(const Event& event) { return std::uint64_t{event.granules} * Pool::granule; }
  void take(Amount& amount, std::uint64_t before, std::uint64_t after) {
    amount.live += after - before;
    if (after > before) amount.cumulative += after - before;
  }
  void allocate(const Event& event) {
    const bool fresh = live.emplace(event.block, Known{event.bytes, allocated(event), event.generation}).second;
    EXPECT_TRUE(fresh) << "block " << event.block << " was handed out twice";
    EXPECT_LE(event.bytes, allocated(event));
    take(now.requested, 0, event.bytes);
    take(now.allocated, 0, allocated(event));
    ++now.allocations;
    EXPECT_TRUE(event.way == EventWay::cache || event.way == EventWay::arena || event.way == EventWay::miss);
    now.cache_hits += event.way == EventWay::cache;
    now.arena_hits += event.way == EventWay::arena;
    now.misses += event.way == EventWay::miss;
  }
  void free(const Event& event) {
    const auto found = live.find(event.block);
    ASSERT_NE(found, live.end()) << "block " << event.block << " came back, but was not out";
    EXPECT_EQ(found->second.requested, event.bytes);
    EXPECT_EQ(found->second.allocated, allocated(event));
    EXPECT_EQ(found->second.generation, event.generation);
    take(now.requested, event.bytes, 0);
    take(now.allocated, allocated(event), 0);
    ++now.frees;
    live.erase(found);
  }
  void resize(const Event& event) {
    const auto found = live.find(event.block);
    ASSERT_NE(found, live.end());
    take(now.requested, found->second.requested, event.bytes);
    take(now.allocated, found->second.allocated, allocated(event));
    found->second = {event.bytes, allocated(event), event.generation};
  }
};

class Events : public PoolContract {
 protected:
  /// A random program by pointers, the same for the same seed; `after` is called now and then.
  template <class After>
  void run(Pool& pool, std::uint64_t seed, int steps, const std::vector<Stream>& streams, After after) {
    std::mt19937_64 dice(seed);
    struct Out {
      void* address;
      StreamId stream;
    };
    std::vector<Out> out;
    const auto free_one = [&](std::size_t index) {
      const Out gone = out[index];
      out[index] = out.back();
      out.pop_back();
      const StreamId elsewhere = streams[dice() % streams.size()];
      if (dice() % 8 == 0) pool.used_on(gone.address, elsewhere);
      pool.deallocate(gone.address, dice() % 8 == 0 ? elsewhere : gone.stream);
    };
    for (int step = 0; step < steps; ++step) {
      const StreamId stream = streams[dice() % streams.size()];
      const std::size_t size = dice() % 16 == 0 ? dice() % 3'000'000 : (dice() % 12 + 1) * 700;
      if (out.size() < 10 || (out.size() < 60 && dice() % 2 == 0)) {
        if (dice() % 4 == 0) {
          if (const auto block = pool.try_allocate(size, stream); block && *block) out.push_back({*block, stream});
        } else if (void* const block = pool.allocate(size, stream)) {
          out.push_back({block, stream});
        }
      } else {
        free_one(dice() % out.size());
      }
      if (step % 100 == 99) {
        clock_.advance(1ms);
        after();
      }
    }
    while (!out.empty()) free_one(out.size() - 1);
    after();
  }
  std::vector<Stream> streams(std::size_t count) {
    std::vector<Stream> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(device_->stream());
    return made;
  }
  [[nodiscard]] bool late() const { return GetParam().late.count() != 0; }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Events, testing::ValuesIn(kinds()), name_of);

TEST_P(Events, ReplayedGiveExactlyTheStatistics) {
  Pool& pool = make_pool();
  EventReader reader({pool::Access::events(pool)});
  Model model;
  run(pool, 7, pooling() ? 3000 : 600, streams(3), [&] {
    model.drain(reader);
    EXPECT_TRUE(model.agrees(pool.statistics()));
  });
  EXPECT_TRUE(model.live.empty());
  static_cast<void>(pool.trim());
  model.drain(reader);
  EXPECT_TRUE(model.agrees(pool.statistics()));
  EXPECT_EQ(reader.dropped(), 0u);
  EXPECT_EQ(reader.late(), 0u);
  EXPECT_GE(model.now.reserved.live, model.mapped);
  if (caching()) {
    EXPECT_GT(model.now.cache_hits, 0u);
  }
}

// With one stream, and events that are past at once, each run of a program does the same.
TEST_P(Events, AreReadWhileHitsStayHits) {
  const std::vector<Stream> one = streams(1);
  const int steps = pooling() ? 3000 : 600;
  Pool& plain = make_pool();
  run(plain, 11, steps, one, [] {});
  const Statistics expected = plain.statistics();
  end_pool(plain);

  Pool& read = make_pool();
  {
    EventReader reader({pool::Access::events(read)});
    run(read, 11, steps, one, [&] { reader.drain([](const Event&, const EventTap&) {}); });
    EXPECT_EQ(reader.dropped(), 0u);
  }
  // Where events are late it depends on the moment what is past, and so what is cached.
  EXPECT_EQ(read.statistics().allocations, expected.allocations);
  if (!late()) {
    EXPECT_TRUE(same_but_refusals(expected, read.statistics()));
  }
  end_pool(read);

  KeepingSink sink(LogLevel::debug);
  Pool& logged = make_pool({.log = &sink});
  run(logged, 11, steps, one, [] {});
  const Statistics seen = logged.statistics();
  EXPECT_EQ(seen.allocations, expected.allocations);
  if (!late()) {
    EXPECT_TRUE(same_but_refusals(expected, seen));
  }
  EXPECT_EQ(sink.of(LogEvent::reuse).size(), seen.cache_hits);
  EXPECT_EQ(sink.of(LogEvent::allocate).size(), seen.arena_hits + seen.misses);
  EXPECT_EQ(sink.of(LogEvent::free).size(), seen.frees);
}

// A hit is one while it is read: no driver is asked, no lock taken that others hold, no memory of the host needed.
TEST_P(Events, OfAHitTellAllOfIt) {
  if (!caching()) GTEST_SKIP() << "without thread caches there are no hits";
  Pool& pool = make_pool();
  const Stream stream = device_->stream();
  const Tag tag = pool.tag("owner");
  pool.deallocate(pool.allocate(5000, stream), stream);
  EventReader reader({pool::Access::events(pool)});
  void* const block = pool.allocate(4700, stream, {.tag = tag});
  const BlockHandle handle = pool.handle(block);
  pool.deallocate(block, stream);
  std::vector<Event> all;
  EXPECT_EQ(reader.drain([&](const Event& event, const EventTap& from) {
    all.push_back(event);
    EXPECT_EQ(from.name(), pool.options().name);
  }),
            2u);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kind, EventKind::allocate);
  EXPECT_EQ(all[1].kind, EventKind::free);
  for (const Event& event : all) {
    EXPECT_EQ(event.way, EventWay::cache);
    EXPECT_EQ(event.bytes, 4700u);
    EXPECT_EQ(event.granules, 10u);
    EXPECT_EQ(event.block, handle.id);
    EXPECT_EQ(event.tag, static_cast<std::uint32_t>(tag));
    EXPECT_EQ(event.stream, static_cast<std::uint32_t>(stream.id()));
    EXPECT_EQ(event.thread, all[0].thread);
    EXPECT_EQ(event.generation, all[0].generation);
  }
  EXPECT_LE(all[0].time, all[1].time);
  EXPECT_NE(all[0].thread, 0u);
  EXPECT_EQ(pool.statistics().cache_hits, 1u);
}

TEST_P(Events, OfGrowthSayHow) {
  Pool& pool = make_pool();
  EventReader reader({pool::Access::events(pool)});
  Model model;
  const Stream stream = device_->stream();
  const BlockHandle block = pool.acquire_growable(3_MiB, 64_MiB, stream);
  std::vector<Event> resizes;
  const auto look = [&] {
    resizes.clear();
    reader.drain([&](const Event& event, const EventTap&) {
      model.apply(event);
      if (event.kind == EventKind::resize) resizes.push_back(event);
    });
  };
  look();
  if (pool.resize(block, 9_MiB, stream)) {
    look();
    ASSERT_EQ(resizes.size(), 1u);
    EXPECT_EQ(resizes[0].way, EventWay::in_place);
    EXPECT_EQ(resizes[0].bytes, 9_MiB);
    EXPECT_EQ(std::uint64_t{resizes[0].granules} * Pool::granule, pool.allocated(block));
    ASSERT_TRUE(pool.resize(block, 5_MiB, stream));
  }
  const BlockHandle ordinary = pool.acquire(5_MiB, stream);
  look();
  const auto enlarged = pool.enlarge(ordinary, 20_MiB, 64_MiB, 5_MiB, stream);
  look();
  ASSERT_EQ(resizes.size(), enlarged ? 1u : 0u);
  if (enlarged) {
    EXPECT_EQ(resizes[0].way, enlarged->bytes_copied == 0 ? EventWay::remapped : EventWay::copied);
    EXPECT_EQ(resizes[0].bytes, 20_MiB);
  }
  EXPECT_TRUE(model.agrees(pool.statistics(), true));
  pool.release(ordinary, stream);
  pool.release(block, stream);
  look();
  EXPECT_TRUE(model.agrees(pool.statistics(), true));
}

TEST_P(Events, OfRefusalsAndFallbacksAreAsManyAsTheLogHears) {
  KeepingSink sink(LogLevel::warning);
  Pool& pool = make_pool({.limit = 64_MiB, .log = &sink});
  EventReader reader({pool::Access::events(pool)});
  Model model;
  EXPECT_EQ(pool.try_allocate(65_MiB), std::nullopt);
  EXPECT_THROW(static_cast<void>(pool.allocate(66_MiB)), LimitExceeded);
  model.drain(reader);
  EXPECT_EQ(model.counts[EventKind::refuse], 2u);
  backend_->fail(1, device::FaultyBackend::Fault::driver_error);
  try {
    pool.deallocate(pool.allocate(3_MiB));
  } catch (const Error&) {
    EXPECT_FALSE(pooling()) << "others fall back";
  }
  backend_->heal();
  model.drain(reader);
  EXPECT_EQ(model.counts[EventKind::refuse], sink.of(LogEvent::refuse).size());
  EXPECT_EQ(model.counts[EventKind::fall_back], sink.of(LogEvent::fallback).size());
  EXPECT_TRUE(model.agrees(pool.statistics()));
}

// Blocks go from thread to thread: each comes out before it comes back, and is never out twice, whoever had it.
TEST_P(Events, OfManyThreadsAreInOneOrder) {
  constexpr int threads = 3;
  const int rounds = pooling() ? 3000 : 200;
  Pool& pool = make_pool();
  EventReader reader({pool::Access::events(pool)}, 1U << 17);
  Model model;
  std::array<std::atomic<void*>, 16> shelf{};
  std::atomic<int> ended{0};
  std::vector<std::thread> crew;
  for (int number = 0; number < threads; ++number) {
    crew.emplace_back([&, number] {
      std::mt19937_64 dice(static_cast<std::uint64_t>(number));
      for (int round = 0; round < rounds; ++round) {
        void* const mine = pool.allocate((dice() % 40 + 1) * 512);
        if (void* const other = shelf[dice() % shelf.size()].exchange(mine)) pool.deallocate(other);
      }
      ++ended;
    });
  }
  while (ended != threads) model.drain(reader);
  for (std::thread& each : crew) each.join();
  for (auto& each : shelf) {
    if (void* const left = each.load()) pool.deallocate(left);
  }
  model.drain(reader);
  ASSERT_EQ(reader.dropped(), 0u);
  EXPECT_TRUE(model.live.empty());
  EXPECT_TRUE(model.agrees(pool.statistics()));
}

TEST_P(Events, QuickStatisticsAreTheSameButForRangesAndTimes) {
  Pool& pool = make_pool();
  run(pool, 3, 300, streams(2), [&] {
    Statistics all = pool.statistics();
    all.largest_free_range = 0;
    EXPECT_TRUE(same_but_refusals(all, pool.quick_statistics()));
    EXPECT_EQ(pool.quick_statistics().arena_latency.count, 0u);
  });
}

}  // namespace
}  // namespace weir::contract
