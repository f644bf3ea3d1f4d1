// Recordings of real pools: what they come to is what the pools counted, in one file for
// several pools, by option and by the environment; and in memory, where the oldest is forgotten
// but what was live is not.
#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "unit/monitor/recorded.hpp"

namespace weir {
namespace {

TEST_F(Recorded, ComeToWhatThePoolCounted) {
  const std::string file = path("a.weir");
  for (const PoolMode mode : {PoolMode::pages, PoolMode::segments, PoolMode::off}) {
    Statistics counted;
    Seen seen;
    {
      Pool pool(host(), {.name = "recorded", .mode = mode, .record = {.file = file}});
      run(pool, 3, mode == PoolMode::off ? 500 : 20'000, 2);
      EXPECT_EQ(pool.try_allocate(std::uint64_t{1} << 59), std::nullopt);
      counted = pool.statistics();
      flush_recordings();
      seen = look_at(file);
    }
    ASSERT_FALSE(seen.pools.empty());
    const auto& [number, recorded] = *seen.pools.rbegin();
    EXPECT_TRUE(same_counts(recorded.state.counts(), counted)) << "mode " << static_cast<int>(mode);
    EXPECT_EQ(recorded.unmatched, 0u);
    EXPECT_EQ(recorded.state.live().size(), 2u);
    EXPECT_EQ(seen.whole, seen.bytes);
    const Seen last = look_at(file);
    const Seen::Pool& ended = last.pools.at(number);
    EXPECT_EQ(ended.last.at(monitor::Count::allocations), counted.allocations);
    EXPECT_EQ(ended.last.at(monitor::Count::requested_peak), counted.requested.peak);
    EXPECT_EQ(ended.last.at(monitor::Count::events_lost), 0u);
    EXPECT_EQ(ended.state.counts().reserved.live, 0u) << "its end gives all back, and that is recorded too";
  }
  EXPECT_EQ(status_of(file).lost, 0u);
  EXPECT_EQ(status_of(file).error, "");
  EXPECT_GT(status_of(file).events, 40'000u);
}

TEST_F(Recorded, HaveTagsByTheirNameOfTheMoment) {
  const std::string file = path("a.weir");
  {
    Pool pool(host(), {.record = {.file = file}});
    std::uint32_t number = 0;
    for (const std::string name : {"first", "second", "third"}) {
      const Tag tag = pool.tag(name);
      if (number != 0) {
        EXPECT_EQ(static_cast<std::uint32_t>(tag), number) << "numbers are used again";
      }
      number = static_cast<std::uint32_t>(tag);
      void* const block = pool.allocate(5000, StreamId::legacy_default, {.tag = tag});
      if (name == "second") flush_recordings();
      pool.deallocate(block);
      pool.drop_tag(tag);
    }
  }
  const Seen seen = look_at(file);
  EXPECT_EQ(seen.names, (std::vector<std::string>{"first", "second", "third"}));
}

TEST_F(Recorded, EveryEventHasItsAddressAndThread) {
  const std::string file = path("a.weir");
  std::vector<std::uint64_t> addresses;
  {
    Pool pool(host(), {.record = {.file = file}});
    const auto work = [&](std::size_t bytes) {
      void* const block = pool.allocate(bytes);
      addresses.push_back(reinterpret_cast<std::uint64_t>(block));
      pool.deallocate(block);
    };
    work(1000);
    work(1000);
    std::thread([&] { work(5'000'000); }).join();
  }
  std::vector<std::uint64_t> recorded;
  std::vector<std::uint16_t> threads;
  for (const track::Event& event : look_at(file).pools.at(1).events) {
    if (event.kind == track::EventKind::map) {
      EXPECT_NE(event.address, 0u);
    }
    if (event.kind != track::EventKind::allocate) continue;
    recorded.push_back(event.address);
    threads.push_back(event.thread);
  }
  EXPECT_EQ(recorded, addresses);
  ASSERT_EQ(threads.size(), 3u);
  EXPECT_EQ(threads[0], threads[1]);
  EXPECT_NE(threads[0], threads[2]);
}

TEST_F(Recorded, PoolsShareAFileAtOnceAndOneAfterAnother) {
  const std::string file = path("shared.weir");
  Statistics counted[3];
  std::vector<std::thread> crew;
  for (int number = 0; number < 2; ++number) {
    crew.emplace_back([&, number] {
      Pool pool(host(), {.name = "at once", .record = {.file = file}});
      run(pool, static_cast<std::uint64_t>(number), 30'000);
      counted[number] = pool.statistics();
    });
  }
  for (std::thread& each : crew) each.join();
  {
    Pool pool(host(), {.name = "later", .record = {.file = file}});
    run(pool, 9, 1000);
    counted[2] = pool.statistics();
  }
  const Seen seen = look_at(file);
  ASSERT_EQ(seen.pools.size(), 3u);
  std::multiset<std::uint64_t> recorded;
  std::multiset<std::uint64_t> expected;
  for (const auto& [number, pool] : seen.pools) recorded.insert(pool.state.counts().requested.cumulative);
  for (const Statistics& each : counted) expected.insert(each.requested.cumulative);
  EXPECT_EQ(recorded, expected);
}

TEST_F(Recorded, OfAManagerHaveItsPinnedMemoryItsTransfersAndItsBuffersNames) {
  const std::string file = path("manager.weir");
  {
    MemoryManager memory(host(),
                         {.name = "scene", .pool = {.record = {.file = file}}, .transfers = {.in_place = false}});
    const std::vector<float> data(100'000, 1.0F);
    const auto buffer = memory.create<float>("positions", std::span<const float>(data));
    EXPECT_EQ(memory.download(buffer), data);
  }
  const Seen seen = look_at(file);
  ASSERT_EQ(seen.pools.size(), 2u) << "device memory and pinned memory";
  EXPECT_EQ(seen.names, std::vector<std::string>{"positions"});
  std::map<track::EventKind, int> kinds;
  for (const track::Event& event : seen.pools.at(1).events) ++kinds[event.kind];
  EXPECT_EQ(kinds[track::EventKind::transfer_start], 2);
  EXPECT_EQ(kinds[track::EventKind::transfer_end], 2);
}

TEST_F(Recorded, ByTheEnvironmentWithoutAWordOfTheProgram) {
  const std::string file = path("environment.weir");
  setenv("WEIR_RECORD", file.c_str(), 1);
  Statistics counted;
  {
    Pool pool(host());
    run(pool, 5, 2000);
    counted = pool.statistics();
  }
  EXPECT_EQ(look_at(file).pools.at(1).state.counts().requested.cumulative, counted.requested.cumulative);
}

TEST_F(Recorded, InMemoryTheNewestAreKeptAndWhatWasLiveBefore) {
  const std::string file = path("ring.weir");
  Statistics counted;
  {
    Pool pool(host(), {.name = "ringed", .record = {.ring_bytes = 256 << 10}});
    const Tag old = pool.tag("old");
    void* const first = pool.allocate(123'456, StreamId::legacy_default, {.tag = old});
    run(pool, 3, 200'000, 5);
    save_recording(file);
    counted = pool.statistics();
    pool.deallocate(first);
  }
  const Seen seen = look_at(file);
  EXPECT_TRUE(seen.ended);
  EXPECT_LT(seen.bytes, 300u << 10);
  ASSERT_EQ(seen.pools.size(), 1u);
  const Seen::Pool& pool = seen.pools.begin()->second;
  EXPECT_LT(pool.events.size(), 100'000u) << "the oldest are gone";
  EXPECT_EQ(pool.unmatched, 0u) << "but what they left live is not";
  EXPECT_EQ(pool.state.counts().requested.live, counted.requested.live);
  EXPECT_EQ(pool.state.counts().requested.cumulative, counted.requested.cumulative);
  EXPECT_EQ(pool.state.counts().allocations, counted.allocations);
  EXPECT_EQ(pool.state.counts().frees, counted.frees);
  EXPECT_EQ(pool.state.live().size(), 6u);
  const auto old = std::find_if(pool.state.live().begin(), pool.state.live().end(),
                                [](const auto& each) { return each.second.bytes == 123'456; });
  ASSERT_NE(old, pool.state.live().end());
  EXPECT_EQ(pool.state.name_of(old->second.tag), "old");
}

// Three threads as fast as they can: whatever is lost is counted, and nobody hangs.
TEST_F(Recorded, OfFastThreadsLoseNothingUncounted) {
  const std::string file = path("fast.weir");
  Statistics counted;
  {
    Pool pool(host(), {.record = {.file = file}});
    std::vector<std::thread> crew;
    for (int number = 0; number < 3; ++number) {
      crew.emplace_back([&] {
        for (int i = 0; i < 200'000; ++i) pool.deallocate(pool.allocate(1000));
      });
    }
    for (std::thread& each : crew) each.join();
    counted = pool.statistics();
  }
  const Seen seen = look_at(file);
  const Seen::Pool& pool = seen.pools.at(1);
  const Statistics& recorded = pool.state.counts();
  EXPECT_EQ(pool.last.at(monitor::Count::allocations), counted.allocations);
  EXPECT_LE(recorded.allocations, counted.allocations);
  EXPECT_GE(recorded.allocations + recorded.frees + pool.last.at(monitor::Count::events_lost),
            counted.allocations + counted.frees);
}

}  // namespace
}  // namespace weir
