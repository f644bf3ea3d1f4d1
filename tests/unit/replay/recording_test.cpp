// Recordings as replay reads them: what they come to is what the pool counted, also where blocks
// changed their size; a trace of one has the same blocks; and each format that is written is read
// back as the same.
#include "replay/recording.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "replay/convert.hpp"
#include "replay/findings.hpp"
#include "replay/read_trace.hpp"
#include "unit/replay/trace_facts.hpp"

namespace weir::replay {
namespace {

using namespace weir::literals;

class RecordingOfAPool : public ::testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }

  /// A manager's buffers, of which some grow, and blocks by pointer; in ten of the file's blocks at least.
  Statistics run(int operations = 3000) {
    MemoryManager memory(open_device({.backend = "host"}),
                         {.name = "scene", .pool = {.mode = PoolMode::pages, .record = {.file = path_}}});
    auto edges = memory.create<std::uint8_t>("edges", 1000);
    auto points = memory.create<std::uint8_t>("points", 100'000);
    std::vector<void*> out;
    std::mt19937_64 dice(3);
    for (int i = 0; i < operations; ++i) {
      if (i % (operations / 10) == 0) {
        edges.ensure_capacity(edges.capacity() * 2);
        flush_recordings();
      }
      if (out.size() > 40 || (out.size() > 5 && dice() % 2 == 0)) {
        std::swap(out[dice() % out.size()], out.back());
        memory.pool().deallocate(out.back());
        out.pop_back();
      } else {
        out.push_back(memory.pool().allocate(dice() % 100'000 + 1));
      }
    }
    for (void* each : out) memory.pool().deallocate(each);
    const Statistics known = memory.statistics().pool;
    return known;
  }
  std::vector<std::byte> bytes() const {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream contents;
    contents << file.rdbuf();
    const std::string all = contents.str();
    const auto view = std::as_bytes(std::span(all));
    return {view.begin(), view.end()};
  }
  Recording read() const { return read_recording(bytes()); }

  const std::string path_ = std::filesystem::temp_directory_path() /
                            ("weir-replay-" + std::to_string(getpid()) + "-" +
                             ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".weir");
};

void expect_same(const Statistics& recorded, const Statistics& pool) {
  EXPECT_EQ(recorded.requested.live, pool.requested.live);
  EXPECT_EQ(recorded.requested.peak, pool.requested.peak);
  EXPECT_EQ(recorded.requested.cumulative, pool.requested.cumulative);
  EXPECT_EQ(recorded.allocated.live, pool.allocated.live);
  EXPECT_EQ(recorded.reserved.peak, pool.reserved.peak);
  EXPECT_EQ(recorded.reserved.cumulative, pool.reserved.cumulative);
  EXPECT_EQ(recorded.allocations, pool.allocations);
  EXPECT_EQ(recorded.cache_hits, pool.cache_hits);
  EXPECT_EQ(recorded.arena_hits, pool.arena_hits);
  EXPECT_EQ(recorded.misses, pool.misses);
  EXPECT_EQ(recorded.refusals, pool.refusals);
  EXPECT_EQ(recorded.page_maps, pool.page_maps);
}

TEST_F(RecordingOfAPool, ComesToWhatItCounted) {
  run();
  const Recording recording = read();
  ASSERT_EQ(recording.pools.size(), 2u);
  const RecordedPool& pool = recording.pools[0];
  EXPECT_EQ(pool.name, "scene");
  EXPECT_EQ(recording.pools[1].name, "scene pinned");
  EXPECT_EQ(pool.backend, "host");
  EXPECT_NE(pool.page_bytes, 0u);
  EXPECT_EQ(pool.lost, 0u);
  EXPECT_EQ(pool.unmatched + pool.replaced, 0u);
  ASSERT_TRUE(pool.at_end);
  expect_same(pool.totals, *pool.at_end);
  EXPECT_FALSE(recording.damaged_at);
  EXPECT_EQ(recording.process, static_cast<std::uint32_t>(getpid()));
}

TEST_F(RecordingOfAPool, AsATraceHasItsBlocksAndOwners) {
  run();
  const Recording recording = read();
  const Trace trace = trace_of(recording);
  EXPECT_EQ(testing::broken_promise(trace), "");
  const RecordedPool& pool = recording.pools[0];
  const testing::TraceFacts facts = testing::facts_of(trace.devices[0]);
  EXPECT_EQ(facts.peak_live, pool.totals.requested.peak);
  EXPECT_EQ(facts.allocations, pool.totals.allocations + trace.resizes);
  const auto& labels = trace.devices[0].labels;
  EXPECT_NE(std::find(labels.begin(), labels.end(), "edges"), labels.end());
  EXPECT_EQ(trace.devices[0].times.size(), trace.devices[0].events.size());
}

TEST_F(RecordingOfAPool, InEveryFormatIsTheSameWhenItIsReadBack) {
  run();
  const Recording recording = read();
  const testing::TraceFacts expected = testing::facts_of(trace_of(recording).devices[0]);
  for (const Target target : {Target::weir_recording, Target::pytorch_snapshot, Target::rmm_csv}) {
    std::string text;
    const Losses losses = write_recording(recording, target, [&](std::string_view part) { text.append(part); });
    EXPECT_EQ(losses.empty(), target == Target::weir_recording);
    const Trace again = read_trace(std::as_bytes(std::span(text)));
    EXPECT_EQ(testing::broken_promise(again), "");
    const testing::TraceFacts facts = testing::facts_of(again.devices[0]);
    EXPECT_EQ(facts.allocations, expected.allocations) << to_string(again.format);
    EXPECT_EQ(facts.frees, expected.frees);
    EXPECT_EQ(facts.peak_live, expected.peak_live);
    if (target != Target::rmm_csv) {
      const auto& labels = again.devices[0].labels;
      EXPECT_TRUE(std::any_of(labels.begin(), labels.end(),
                              [](const std::string& each) { return each.find("edges") != std::string::npos; }));
    }
  }
}

TEST_F(RecordingOfAPool, ThatIsCutAnywhereIsReadUpToThere) {
  run(30'000);  // more than one block holds
  const std::vector<std::byte> whole = bytes();
  std::size_t events = 0;
  for (std::size_t cut = 48; cut < whole.size(); cut += whole.size() / 97) {
    const Recording some = read_recording(std::span(whole).first(cut));
    std::size_t here = 0;
    for (const RecordedPool& pool : some.pools) here += pool.events.size();
    EXPECT_GE(here, events);
    events = here;
    EXPECT_FALSE(some.ended);
    EXPECT_FALSE(notes_on(some).empty());
  }
  EXPECT_GT(events, 1000u);
}

TEST_F(RecordingOfAPool, ABufferThatIsCopiedAsItGrowsIsFoundByName) {
  run();
  const std::vector<Finding> found = find_findings(read());
  EXPECT_TRUE(std::any_of(found.begin(), found.end(),
                          [](const Finding& each) { return each.rule == "growth" && each.owner == "edges"; }));
}

TEST_F(RecordingOfAPool, GrowthAndLeaksAreFoundByName) {
  {
    Pool pool(open_device({.backend = "host"}), {.name = "leaky", .mode = PoolMode::pages, .record = {.file = path_}});
    const Tag tag = pool.tag("edges");
    static_cast<void>(pool.allocate(5000, StreamId::legacy_default, {.tag = tag}));
    const BlockHandle growing = pool.acquire_growable(3_MiB, 64_MiB, StreamId::legacy_default, {.tag = tag});
    for (std::size_t size = 4; size < 20; ++size) {
      ASSERT_TRUE(pool.resize(growing, size * 1_MiB));
    }
    pool.release(growing);
  }
  const std::vector<Finding> found = find_findings(read());
  const auto by = [&](const std::string& rule) {
    return std::find_if(found.begin(), found.end(), [&](const Finding& each) { return each.rule == rule; });
  };
  ASSERT_NE(by("leaks"), found.end());
  EXPECT_EQ(by("leaks")->owner, "edges");
  EXPECT_NE(by("leaks")->text.find("1 block of 4.88 KiB"), std::string::npos) << by("leaks")->text;
  ASSERT_NE(by("growth"), found.end());
  EXPECT_NE(by("growth")->text.find("16 times"), std::string::npos) << by("growth")->text;
  EXPECT_NE(by("growth")->setting.find("BufferOptions::growth"), std::string::npos);
}

}  // namespace
}  // namespace weir::replay
