// A history against the pool's own books and against a look at every moment; levels and regions against brute force.
#include "replay/history.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "monitor/pool_state.hpp"
#include "replay/address_regions.hpp"
#include "replay/durations.hpp"
#include "replay/history_bands.hpp"
#include "replay/history_levels.hpp"
#include "unit/replay/random_pool.hpp"

namespace weir::replay {
namespace {

using testing::event_of;
using testing::RandomPool;
using track::EventKind;
using track::EventWay;

/// The books of the first `moment` changes, counted anew.
struct Counted {
  std::uint64_t requested = 0;
  std::uint64_t allocated = 0;
  std::uint64_t reserved = 0;
  std::vector<std::uint64_t> bands;
};

Counted count(const History& history, const Bands& bands, std::size_t moment) {
  Counted books{.reserved = history.reserved_before, .bands = std::vector<std::uint64_t>(bands.names.size())};
  for (std::size_t i = 0; i < history.lives.size(); ++i) {
    const Life& life = history.lives[i];
    if (life.begin >= moment || (life.end != History::never && life.end < moment)) continue;
    books.requested += life.bytes;
    books.allocated += life.allocated;
    books.bands[bands.of_life[i]] += life.bytes;
  }
  for (std::size_t i = 0; i < moment; ++i) {
    if (history.changes[i].kind == Change::Kind::take) books.reserved += history.changes[i].what;
    if (history.changes[i].kind == Change::Kind::give) books.reserved -= history.changes[i].what;
  }
  return books;
}

TEST(History, IsWhatThePoolCountsAfterEveryEvent) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    const RandomPool random(seed, 400);
    const History history = history_of(random.pool, 0);
    const Bands bands = bands_of(random.pool, random.names, history);
    monitor::PoolState state;
    std::size_t moment = 0;
    for (const track::Event& event : random.pool.events) {
      const auto blocks = state.live();
      static_cast<void>(state.apply(event));
      if (event.kind == EventKind::allocate || event.kind == EventKind::free || event.kind == EventKind::create ||
          event.kind == EventKind::destroy) {
        ++moment;
      } else if (event.kind == EventKind::resize) {
        const track::Event& before = blocks.at(event.block);
        if (before.bytes != event.bytes || before.address != event.address) moment += 2;
      }
      const Counted books = count(history, bands, moment);
      ASSERT_EQ(books.requested, state.counts().requested.live) << seed;
      ASSERT_EQ(books.reserved, state.counts().reserved.live) << seed;
    }
    EXPECT_EQ(moment, history.changes.size());
    EXPECT_TRUE(std::is_sorted(history.changes.begin(), history.changes.end(),
                               [](const Change& a, const Change& b) { return a.time < b.time; }));
  }
}

TEST(History, EveryChangeIsOfALifeThatNamesIt) {
  const RandomPool random(3);
  const History history = history_of(random.pool, 0);
  std::vector<int> begun(history.lives.size());
  std::vector<int> ended(history.lives.size());
  for (std::size_t i = 0; i < history.changes.size(); ++i) {
    const Change& change = history.changes[i];
    if (change.kind == Change::Kind::begin) {
      EXPECT_EQ(history.lives[change.what].begin, i);
      ++begun[change.what];
    } else if (change.kind == Change::Kind::end) {
      EXPECT_EQ(history.lives[change.what].end, i);
      ++ended[change.what];
    }
  }
  for (std::size_t i = 0; i < history.lives.size(); ++i) {
    EXPECT_EQ(begun[i], 1);
    const Life& life = history.lives[i];
    EXPECT_LE(life.born, life.begin);
    // A resize ends a life and begins the next at once.
    if (life.born != life.begin) {
      EXPECT_EQ(history.changes[life.begin - 1].kind, Change::Kind::end);
      EXPECT_EQ(history.lives[history.changes[life.begin - 1].what].born, life.born);
    }
    EXPECT_EQ(ended[i], history.lives[i].end == History::never ? 0 : 1);
  }
}

TEST(History, MapsAreAsTheyWereAtEveryMoment) {
  RandomPool random(5, 600);
  const History history = history_of(random.pool, 0);
  std::map<std::uint64_t, bool> pages;  // by address, 2 MiB each
  std::size_t moment = 0;
  std::size_t maps = 0;
  monitor::PoolState state;
  for (const track::Event& event : random.pool.events) {
    const auto blocks = state.live();
    static_cast<void>(state.apply(event));
    const bool change = event.kind == EventKind::allocate || event.kind == EventKind::free ||
                        event.kind == EventKind::create || event.kind == EventKind::destroy;
    if (change) ++moment;
    if (event.kind == EventKind::resize) {
      const track::Event& before = blocks.at(event.block);
      if (before.bytes != event.bytes || before.address != event.address) moment += 2;
    }
    if (event.kind == EventKind::map || event.kind == EventKind::unmap) {
      ++maps;
      for (std::uint64_t at = 0; at < event.bytes; at += std::uint64_t{1} << 21) {
        pages[event.address + at] = event.kind == EventKind::map;
      }
    } else if (!change) {
      continue;
    }
    std::map<std::uint64_t, int> known;
    for (const MappedRange& each : history.mapped) {
      if (each.begin > moment || each.end <= moment) continue;
      ASSERT_EQ(each.bytes % (std::uint64_t{1} << 21), 0u);
      for (std::uint64_t at = 0; at < each.bytes; at += std::uint64_t{1} << 21) ++known[each.address + at];
    }
    // Between two maps without a change of the books there is no moment of its own: the last of them counts.
    if (event.kind == EventKind::map || event.kind == EventKind::unmap) {
      for (const auto& [address, mapped] : pages) ASSERT_EQ(known[address], mapped ? 1 : 0) << moment;
    }
  }
  EXPECT_GT(maps, 20u);
}

TEST(History, TransfersAreMatchedAndRareEventsKept) {
  const RandomPool random(8, 2000);
  const History history = history_of(random.pool, 0);
  std::size_t starts = 0;
  std::size_t ends = 0;
  std::size_t refused = 0;
  for (const track::Event& event : random.pool.events) {
    starts += event.kind == EventKind::transfer_start ? 1 : 0;
    ends += event.kind == EventKind::transfer_end ? 1 : 0;
    refused += event.kind == EventKind::refuse ? 1 : 0;
  }
  EXPECT_EQ(history.transfers.size(), starts);
  EXPECT_EQ(static_cast<std::size_t>(
                std::count_if(history.transfers.begin(), history.transfers.end(),
                              [](const RecordedTransfer& each) { return each.end != History::no_time; })),
            ends);
  EXPECT_EQ(history.marks.size(), refused);
  for (const RecordedTransfer& each : history.transfers) EXPECT_GE(each.end, each.start);
}

TEST(History, OfARingBeginsWithWhatWasLive) {
  RecordedPool pool;
  track::Event before = event_of(EventKind::allocate, 10, 700);
  before.granules = 2;
  before.block = 4;
  pool.live_before = {before};
  pool.before.reserved.live = 4096;
  track::Event end = event_of(EventKind::free, 100);
  end.block = 4;
  pool.events = {event_of(EventKind::create, 90, 100), end};
  const History history = history_of(pool, 90);
  ASSERT_EQ(history.lives.size(), 1u);
  EXPECT_EQ(history.lives[0].bytes, 700u);
  EXPECT_EQ(history.lives[0].allocated, 1024u);
  EXPECT_EQ(history.changes.front().time, 0u);
  EXPECT_EQ(history.changes.back().time, 10u);
  EXPECT_EQ(history.reserved_before, 4096u);
}

TEST(History, ABlockWhoseEndIsNotToldEndsWithTheNextOfItsNumber) {
  RecordedPool pool;
  track::Event first = event_of(EventKind::allocate, 1, 100);
  first.granules = 1;
  track::Event second = event_of(EventKind::allocate, 2, 300);
  second.granules = 1;
  track::Event unknown = event_of(EventKind::free, 3);
  unknown.block = 99;
  pool.events = {first, second, unknown};
  const History history = history_of(pool, 0);
  ASSERT_EQ(history.lives.size(), 2u);
  EXPECT_EQ(history.changes.size(), 3u);
  EXPECT_EQ(history.lives[0].end, 1u);
  EXPECT_EQ(history.lives[1].end, History::never);
}

TEST(HistoryLevels, EachBucketIsWhatALookAtEachOfItsChangesFinds) {
  for (const std::size_t events : {0u, 1u, 63u, 64u, 65u, 700u, 30'000u}) {
    const RandomPool random(static_cast<std::uint32_t>(events) + 1, events);
    const History history = history_of(random.pool, 0);
    const Bands bands = bands_of(random.pool, random.names, history);
    const Levels levels = levels_of(history, bands);
    const std::size_t width = bands.names.size();
    // Of every change, by adding up; what `count` does, which takes too long here.
    std::vector<Counted> after;
    Counted books{.bands = std::vector<std::uint64_t>(width)};
    for (const Change& change : history.changes) {
      const bool block = change.kind == Change::Kind::begin || change.kind == Change::Kind::end;
      if (block) {
        const Life& life = history.lives[change.what];
        const std::uint64_t sign = change.kind == Change::Kind::begin ? 1 : ~std::uint64_t{0};
        books.requested += sign * life.bytes;
        books.allocated += sign * life.allocated;
        books.bands[bands.of_life[change.what]] += sign * life.bytes;
      } else {
        books.reserved += change.kind == Change::Kind::take ? change.what : -change.what;
      }
      after.push_back(books);
    }
    for (std::size_t at = 1; at < after.size(); at += 97) {
      const Counted anew = count(history, bands, at + 1);
      ASSERT_EQ(after[at].requested, anew.requested);
      ASSERT_EQ(after[at].bands, anew.bands);
    }
    ASSERT_FALSE(levels.levels.empty());
    EXPECT_LE(levels.levels.back().buckets.size(), Levels::few);
    std::uint32_t step = Levels::first_step;
    for (const Level& level : levels.levels) {
      EXPECT_EQ(level.step, step);
      step *= Levels::factor;
      ASSERT_EQ(level.buckets.size(), (after.size() + level.step - 1) / level.step);
      ASSERT_EQ(level.bands.size(), level.buckets.size() * width);
      for (std::size_t i = 0; i < level.buckets.size(); ++i) {
        const Bucket& bucket = level.buckets[i];
        const std::size_t start = i * level.step;
        const std::size_t end = std::min(after.size(), start + level.step);
        Bucket found{.highest = static_cast<std::uint32_t>(start),
                     .requested = after[start].requested,
                     .lowest = std::numeric_limits<std::uint64_t>::max()};
        for (std::size_t at = start; at < end; ++at) {
          if (after[at].requested > found.requested) {
            found.requested = after[at].requested;
            found.highest = static_cast<std::uint32_t>(at);
          }
          found.lowest = std::min(found.lowest, after[at].requested);
          found.allocated = std::max(found.allocated, after[at].allocated);
          found.reserved = std::max(found.reserved, after[at].reserved);
          if (history.changes[at].kind != Change::Kind::begin) continue;
          const EventWay way = history.lives[history.changes[at].what].way;
          found.cache += way == EventWay::cache ? 1 : 0;
          found.arena += way == EventWay::arena ? 1 : 0;
          found.miss += way == EventWay::miss ? 1 : 0;
        }
        ASSERT_EQ(bucket.highest, found.highest);
        ASSERT_EQ(bucket.requested, found.requested);
        ASSERT_EQ(bucket.lowest, found.lowest);
        ASSERT_EQ(bucket.allocated, found.allocated);
        ASSERT_EQ(bucket.reserved, found.reserved);
        ASSERT_EQ(bucket.cache, found.cache);
        ASSERT_EQ(bucket.arena, found.arena);
        ASSERT_EQ(bucket.miss, found.miss);
        for (std::size_t band = 0; band < width; ++band) {
          ASSERT_EQ(level.bands[i * width + band], after[found.highest].bands[band]);
        }
      }
    }
    ASSERT_EQ(levels.checkpoints.size(), (after.size() + Levels::first_step - 1) / Levels::first_step + 1);
    for (std::size_t i = 0; i < levels.checkpoints.size(); ++i) {
      const std::size_t moment = std::min(after.size(), i * Levels::first_step);
      if (moment == 0) continue;
      EXPECT_EQ(levels.checkpoints[i].allocated, after[moment - 1].allocated);
      EXPECT_EQ(levels.checkpoints[i].reserved, after[moment - 1].reserved);
    }
  }
}

TEST(HistoryBands, AreTheOwnersWithTheHighestPeaks) {
  RecordedPool pool;
  std::vector<std::string> names{""};
  for (std::uint32_t i = 1; i <= 20; ++i) {
    names.push_back("owner " + std::to_string(i));
    track::Event event = event_of(EventKind::allocate, i, 1000 * i);
    event.block = i;
    event.tag = i;
    pool.events.push_back(event);
  }
  const History history = history_of(pool, 0);
  const Bands bands = bands_of(pool, names, history);
  EXPECT_FALSE(bands.by_size);
  ASSERT_EQ(bands.names.size(), Bands::max_count);
  EXPECT_EQ(bands.names.front(), "owner 20");
  EXPECT_EQ(bands.names.back(), "9 other owners");
  EXPECT_EQ(bands.of_life[19], 0);
  EXPECT_EQ(bands.of_life[0], Bands::max_count - 1);
}

TEST(HistoryBands, AreSizesWhereOwnersTellNothing) {
  RecordedPool pool;
  std::vector<std::string> names{""};
  for (std::uint32_t i = 1; i <= 200; ++i) {
    names.push_back(std::to_string(i));
    track::Event event = event_of(EventKind::allocate, i, i == 1 ? 4097 : 4096);
    event.block = i;
    event.tag = i;
    pool.events.push_back(event);
  }
  const History history = history_of(pool, 0);
  const Bands bands = bands_of(pool, names, history);
  EXPECT_TRUE(bands.by_size);
  EXPECT_EQ(bands.names[bands.of_life[0]], "up to 64 KiB");
  EXPECT_EQ(bands.names[bands.of_life[1]], "up to 4 KiB");
}

TEST(AddressRegions, HaveEveryBlockAndNoLargeGap) {
  History history;
  std::mt19937_64 dice(4);
  for (int i = 0; i < 3000; ++i) {
    Life life;
    life.address = ((dice() % 2000) << 32) + (dice() % 1000) * 512;
    life.allocated = 512 * (1 + dice() % 8);
    history.lives.push_back(life);
  }
  const std::vector<AddressRegion> regions = regions_of(history);
  EXPECT_LE(regions.size(), 256u);
  std::uint64_t offset = 0;
  for (const AddressRegion& each : regions) {
    EXPECT_EQ(each.offset, offset);
    offset += each.bytes;
  }
  for (const Life& life : history.lives) {
    const auto in = std::find_if(regions.begin(), regions.end(), [&](const AddressRegion& each) {
      return life.address >= each.address && life.address + life.allocated <= each.address + each.bytes;
    });
    ASSERT_NE(in, regions.end());
    EXPECT_EQ(offset_in(regions, life.address), in->offset + (life.address - in->address));
  }
}

TEST(AddressRegions, OfTwoFarApartAreTwoAndAtTheEndOfAllAddresses) {
  History history;
  history.mapped.push_back({.address = 4096, .bytes = 4096});
  history.mapped.push_back({.address = ~std::uint64_t{0} - 511, .bytes = 4096});
  const std::vector<AddressRegion> regions = regions_of(history);
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0].bytes, 4096u);
  EXPECT_EQ(regions[1].bytes, 512u);
}

TEST(Durations, AreTheRanksOfASort) {
  EXPECT_EQ(durations_of({}).count, 0u);
  std::vector<std::uint64_t> all;
  std::mt19937_64 dice(2);
  for (std::size_t size = 1; size < 300; ++size) {
    all.push_back(dice() % 1000);
    std::vector<std::uint64_t> sorted = all;
    std::sort(sorted.begin(), sorted.end());
    const Durations known = durations_of(all);
    EXPECT_EQ(known.count, size);
    EXPECT_EQ(known.p50, sorted[(size + 1) / 2 - 1]);
    EXPECT_EQ(known.p99, sorted[(size * 99 + 99) / 100 - 1]);
    EXPECT_EQ(known.max, sorted.back());
  }
}

}  // namespace
}  // namespace weir::replay
