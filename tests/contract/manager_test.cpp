// The manager: names, finding and freeing, limits, totals, leaks and reports.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "contract/keeping_sink.hpp"
#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

class Manager : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, Manager, testing::ValuesIn(manager_kinds()), name_of);

constexpr StreamId stream = StreamId::legacy_default;

// --- Names ---

TEST_P(Manager, DuplicateNames) {
  MemoryManager& memory = make_manager({.name = "graph"});
  const auto first = memory.create<float>("nodes", 100);
  const Statistics before = memory.statistics().pool;
  const Said said = error_of<InvalidArgument>([&] { memory.create<float>("nodes", 5); });
  EXPECT_TRUE(says(said, {"\"graph\"", "\"nodes\"", "already"}));
  EXPECT_EQ(said.facts.name, "nodes");
  EXPECT_THROW(static_cast<void>(memory.scoped<int>("nodes", 5)), InvalidArgument);
  EXPECT_TRUE(first.valid());
  EXPECT_EQ(first.size(), 100u);
  EXPECT_TRUE(same_but_refusals(before, memory.statistics().pool));
  EXPECT_NO_THROW(memory.create<float>("Nodes", 5));  // names are bytes
  EXPECT_EQ(memory.statistics().buffers_created, 2u);
}

TEST_P(Manager, ReuseGivesTheBufferThereIs) {
  MemoryManager& memory = make_manager();
  const auto first = memory.find_or_create<std::uint32_t>("kept", 100, {}, stream);
  put(first, 1);
  const auto same = memory.find_or_create<std::uint32_t>("kept", 50, {}, stream);
  EXPECT_EQ(same, first);
  EXPECT_EQ(first.size(), 50u);
  EXPECT_EQ(first.capacity(), 100u);
  EXPECT_TRUE(holds(first, 50, 1));
  memory.find_or_create<std::uint32_t>("kept", 1000, {}, stream);
  EXPECT_EQ(first.size(), 1000u);
  EXPECT_TRUE(holds(first, 50, 1));
  const std::vector<std::uint32_t> data(700, 9);
  memory.find_or_create<std::uint32_t>("kept", data, {}, stream);
  EXPECT_EQ(first.size(), 700u);
  if (pointers()) {
    EXPECT_EQ(memory.download(first), data);
  }
  EXPECT_EQ(memory.statistics().buffers_created, 1u);
  // Its own maximum holds.
  EXPECT_THROW(memory.find_or_create<std::uint32_t>("kept", (1_GiB / 4) + 1, {}, stream), LimitExceeded);
  EXPECT_EQ(first.size(), 700u);
}

TEST_P(Manager, AnUnknownNameListsTheNearest) {
  MemoryManager& memory = make_manager({.name = "graph"});
  const Said none = error_of<NotFound>([&] { static_cast<void>(memory.find("positions")); });
  EXPECT_TRUE(says(none, {"\"graph\"", "\"positions\"", "it has no buffers"}));
  EXPECT_EQ(none.facts.name, "positions");
  for (const char* name : {"positions", "positions_next", "velocities", "edges", "edge"}) memory.create<int>(name, 1);
  const Said near = error_of<NotFound>([&] { memory.free("position"); });
  EXPECT_TRUE(says(near, {"\"position\"", "did you mean \"positions\", \"positions_next\", "}));
  EXPECT_TRUE(
      says(error_of<NotFound>([&] { static_cast<void>(memory.find<int>("edgs")); }), {"\"edge\"", "\"edges\""}));
  EXPECT_TRUE(says(error_of<NotFound>([&] { memory.free("something else"); }), {"did you mean"}));
  EXPECT_FALSE(memory.contains("position"));
  EXPECT_EQ(memory.statistics().buffers, 5u);
}

TEST_P(Manager, NamesThatAreNone) {
  MemoryManager& memory = make_manager();
  const auto refused = [&](const std::string& name, std::string_view why) {
    const Said said = error_of<InvalidArgument>([&] { memory.create<int>(name, 1); });
    EXPECT_TRUE(says(said, {why}));
    EXPECT_FALSE(memory.contains(name));
    EXPECT_THROW(static_cast<void>(memory.find(name)), NotFound);
  };
  refused("", "empty");
  refused(std::string(256, 'a'), "256 bytes");
  refused(std::string(100'000, 'a'), "100000 bytes");
  refused("\xff\xfe", "not UTF-8");
  refused("cut \xe2\x82", "not UTF-8");
  refused("tab\there", "control character");
  refused("line\nbreak", "control character");
  refused(std::string("nul\0", 4), "control character");
  refused("\x7f", "control character");
  EXPECT_NO_THROW(memory.create<int>(std::string(255, 'a'), 1));
  EXPECT_NO_THROW(memory.create<int>("Größe ✓ 位置", 1));
  EXPECT_NO_THROW(memory.create<int>(" ", 1));
  EXPECT_EQ(memory.statistics().buffers, 3u);
}

TEST_P(Manager, Reuse) {
  MemoryManager& memory = make_manager();
  for (int round = 0; round < 50; ++round) {
    const auto buffer = memory.create<float>("again", 10'000);
    EXPECT_EQ(buffer.statistics().accesses, 0u);
    memory.free("again");
    EXPECT_FALSE(buffer.valid());
  }
  const ManagerStatistics known = memory.statistics();
  EXPECT_EQ(known.buffers_created, 50u);
  EXPECT_EQ(known.pool.allocations, 50u);
  EXPECT_EQ(known.pool.frees, 50u);
  EXPECT_EQ(known.pool.requested.cumulative, 50 * 40'000u);
  if (pooling()) {
    EXPECT_EQ(known.pool.misses, 1u);
  }
}

// --- Freeing ---

TEST_P(Manager, CleanupAndDestroy) {
  MemoryManager& memory = make_manager();
  const auto by_name = memory.create<int>("by name", 10);
  const auto by_handle = memory.create<int>("by handle", 10);
  const auto rest = memory.create<int>("rest", 10);
  const Buffer<int> owned = memory.scoped<int>("owned", 10);
  memory.free("by name");
  EXPECT_FALSE(by_name.valid());
  EXPECT_THROW(memory.free("by name"), NotFound);
  memory.free(by_handle);
  EXPECT_THROW(memory.free(by_handle), StaleHandle);
  EXPECT_THROW(memory.free(by_name), StaleHandle);
  EXPECT_EQ(memory.check_leaks().blocks, 2u);
  memory.free_all();
  EXPECT_FALSE(rest.valid());
  EXPECT_FALSE(owned.valid());
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  memory.free_all();
  memory.free_all();
  EXPECT_EQ(memory.statistics().pool.frees, 4u);
  EXPECT_EQ(memory.statistics().pool.errors, 3u);  // the frees of what is gone
  EXPECT_EQ(memory.pool().statistics().errors, 0u);
}

TEST_P(Manager, AnotherManagersBufferIsRefused) {
  MemoryManager& one = make_manager({.name = "one"});
  MemoryManager& other = make_manager({.name = "other"});
  const auto buffer = one.create<float>("mine", 10, {.downloads = true});
  other.create<float>("mine", 10);
  std::vector<float> data(10);
  const auto refused = [](auto call) {
    EXPECT_TRUE(says(error_of<InvalidArgument>(call), {"\"other\"", "\"mine\"", "another manager"}));
  };
  refused([&] { other.free(buffer); });
  refused([&] { other.upload(buffer, data); });
  refused([&] { static_cast<void>(other.download(buffer)); });
  refused([&] { other.start_download(buffer); });
  EXPECT_TRUE(buffer.valid());
  EXPECT_TRUE(other.contains("mine"));
}

// --- Limits ---

TEST_P(Manager, MemoryLimits) {
  constexpr std::uint64_t limit = 96_MiB;
  MemoryManager& memory = make_manager({.name = "bounded", .pool = {.limit = limit}});
  EXPECT_EQ(memory.limit(), limit);
  const BufferOptions options{.max_bytes = 36_MiB};
  memory.create<std::byte>("first", 36_MiB, options);
  memory.create<std::byte>("second", 36_MiB, options);
  const Statistics before = memory.statistics().pool;
  const Said said = error_of<LimitExceeded>([&] { memory.create<std::byte>("third", 36_MiB, options); });
  EXPECT_TRUE(
      says(said, {"buffer \"third\"", "\"bounded\"", "36.00 MiB", "72.00 MiB of the limit of 96.00 MiB", "first"}));
  EXPECT_EQ(said.facts.name, "third");
  EXPECT_EQ(said.facts.bytes_asked, 36_MiB);
  EXPECT_EQ(said.facts.limit, limit);
  EXPECT_EQ(said.facts.free, 24_MiB);
  EXPECT_TRUE(same_but_refusals(before, memory.statistics().pool));
  EXPECT_FALSE(memory.contains("third"));
  // Not their number is bounded, but their bytes.
  for (int i = 0; i < 24; ++i) memory.create<std::byte>("small " + std::to_string(i), 900'000);
  for (int i = 0; i < 24; ++i) memory.free("small " + std::to_string(i));
  memory.free("first");
  EXPECT_NO_THROW(memory.create<std::byte>("third", 36_MiB, options));
  EXPECT_LE(memory.statistics().pool.reserved.peak, limit);
}

TEST_P(Manager, MoreThanTheLimitAtOnceNamesTheBuffer) {
  MemoryManager& memory = make_manager({.pool = {.limit = 10_MiB}});
  const Said said = error_of<LimitExceeded>([&] { memory.create<std::byte>("too much", 11_MiB); });
  EXPECT_TRUE(says(said, {"\"too much\"", "11.00 MiB", "10.00 MiB"}));
  EXPECT_EQ(said.facts.name, "too much");
  EXPECT_EQ(said.facts.bytes_asked, 11_MiB);
  EXPECT_EQ(said.facts.limit, 10_MiB);
  EXPECT_EQ(memory.statistics().pool.allocations, 0u);
}

TEST_P(Manager, TheDefaultLimitIsSixGibibytesOrNineTenths) {
  const MemoryManager& memory = make_manager();
  std::uint64_t expected = std::min<std::uint64_t>(6_GiB, info_.default_limit);
  if (info_.memory_total) expected = std::min(expected, *info_.memory_total / 10 * 9);
  EXPECT_EQ(memory.limit(), expected);
}

TEST_P(Manager, ExternalBytesCount) {
  MemoryManager& memory = make_manager({.pool = {.limit = 64_MiB}});
  {
    const ExternalBytes booked = memory.book_external(40_MiB);
    EXPECT_EQ(memory.statistics().pool.external, 40_MiB);
    EXPECT_THROW(memory.create<std::byte>("b", 30_MiB, {.max_bytes = 30_MiB}), LimitExceeded);
    EXPECT_THROW(static_cast<void>(memory.book_external(30_MiB)), LimitExceeded);
    EXPECT_EQ(memory.statistics().pool.external, 40_MiB);
    EXPECT_EQ(process_statistics().external.live, 40_MiB);
  }
  EXPECT_NO_THROW(memory.create<std::byte>("b", 30_MiB, {.max_bytes = 30_MiB}));
  EXPECT_EQ(memory.statistics().pool.external, 0u);
  ExternalBytes outlives;
  {
    MemoryManager gone(*device_, {.name = "gone"});
    outlives = gone.book_external(5);
  }
  EXPECT_EQ(outlives.bytes(), 5u);
}

// --- Totals, leaks, reports ---

TEST_P(Manager, MemoryTracking) {
  MemoryManager& memory = make_manager();
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  memory.create<std::byte>("one", 1000);
  EXPECT_EQ(memory.check_leaks().blocks, 1u);
  EXPECT_EQ(memory.check_leaks().bytes, 1000u);
  memory.create<std::byte>("two", 5000);
  memory.create<std::byte>("three", 3'000'000);
  ManagerStatistics known = memory.statistics();
  EXPECT_EQ(known.buffers, 3u);
  EXPECT_EQ(known.pool.requested.live, 3'006'000u);
  EXPECT_EQ(known.pool.requested.peak, 3'006'000u);
  EXPECT_EQ(memory.check_leaks().blocks, 3u);
  EXPECT_EQ(memory.check_leaks().bytes, 3'006'000u);
  memory.free("three");
  memory.create<std::byte>("four", 10);
  known = memory.statistics();
  EXPECT_EQ(known.buffers, 3u);
  EXPECT_EQ(known.buffers_created, 4u);
  EXPECT_EQ(known.pool.requested.live, 6010u);
  EXPECT_EQ(known.pool.requested.peak, 3'006'000u);
  EXPECT_EQ(known.pool.requested.cumulative, 3'006'010u);
  EXPECT_TRUE(coherent(known.pool));
  memory.free_all();
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  static_cast<void>(memory.trim());
  EXPECT_EQ(memory.statistics().pool.reserved.live, 0u);
}

TEST_P(Manager, UtilityFunctionsReport) {
  MemoryManager& memory = make_manager({.name = "reported", .pool = {.call_sites = true}});
  memory.create<float>("b", 3000);
  memory.create<double>("a", 100);
  void* const bare = memory.pool().allocate(77, stream, {.tag = memory.pool().tag("by pointer")});
  clock_.advance(3s);
  Report report = memory.report();
  EXPECT_EQ(report.manager, "reported");
  EXPECT_EQ(report.device, info_.name);
  ASSERT_EQ(report.buffers.size(), 2u);
  EXPECT_EQ(report.buffers[0].name, "a");
  EXPECT_EQ(report.buffers[1].name, "b");
  EXPECT_EQ(report.buffers[1].requested, 12'000u);
  EXPECT_EQ(report.buffers[1].age, 3s);
  EXPECT_EQ(report.totals.buffers, 2u);
  ASSERT_EQ(report.blocks.size(), 3u);
  EXPECT_EQ(report.blocks[0].tag, "b");
  EXPECT_NE(report.blocks[0].call_site.find("manager_test.cpp:"), std::string::npos) << report.blocks[0].call_site;
  EXPECT_EQ(report.blocks[2].tag, "by pointer");
  EXPECT_EQ(report.blocks[2].requested, 77u);
  memory.pool().deallocate(bare);
  EXPECT_EQ(memory.name(), "reported");
  EXPECT_EQ(memory.device().info().name, info_.name);
}

TEST_P(Manager, ADestroyedOneReportsWhatIsStillThere) {
  KeepingSink sink(LogLevel::warning);
  Buffer<float> owned;
  {
    MemoryManager memory(
        *device_,
        {.name = "leaky", .pool = {.mode = GetParam().mode, .call_sites = true, .clock = &clock_, .log = &sink}});
    memory.create<float>("forgotten", 100, {.min_elements = 250});
    owned = memory.scoped<float>("outlived", 5);
    memory.create<float>("freed", 5);
    memory.free("freed");
    clock_.advance(90s);
  }
  const auto leaks = sink.of(LogEvent::leak);
  ASSERT_EQ(leaks.size(), 2u);
  const KeepingSink::Kept& leak = leaks[leaks[0].text.find("forgotten") != std::string::npos ? 0 : 1];
  EXPECT_EQ(leak.pool, "leaky");
  EXPECT_EQ(leak.level, LogLevel::error);
  EXPECT_EQ(leak.bytes, 1000u);
  EXPECT_TRUE(says({leak.text, {}}, {"\"forgotten\"", "90", "manager_test.cpp:"}));
  EXPECT_FALSE(owned.valid());
  EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
  { MemoryManager clean(*device_, {.pool = {.mode = GetParam().mode, .log = &sink}}); }
  EXPECT_EQ(sink.of(LogEvent::leak).size(), leaks.size());
}

TEST_P(Manager, ProcessStatisticsSumOverManagers) {
  const ProcessStatistics before = process_statistics();
  EXPECT_EQ(before.managers, 0u);
  MemoryManager& one = make_manager({.name = "one"});
  MemoryManager& other = make_manager({.name = "other"});
  one.create<std::byte>("a", 1000);
  other.create<std::byte>("a", 2'000'000);
  other.create<std::byte>("b", 30);
  const Pinned<float> pinned = other.pinned<float>(1000);
  ProcessStatistics now = process_statistics();
  EXPECT_EQ(now.managers, 2u);
  EXPECT_EQ(now.buffers, 3u);
  EXPECT_EQ(now.requested.live, 2'001'030u);
  EXPECT_EQ(now.requested.cumulative - before.requested.cumulative, 2'001'030u);
  EXPECT_EQ(now.allocated.live, one.statistics().pool.allocated.live + other.statistics().pool.allocated.live);
  EXPECT_EQ(now.reserved.live, one.statistics().pool.reserved.live + other.statistics().pool.reserved.live);
  EXPECT_GE(now.pinned.live, 4000u);
  end_manager(one);
  now = process_statistics();
  EXPECT_EQ(now.managers, 1u);
  EXPECT_EQ(now.buffers, 2u);
  EXPECT_EQ(now.requested.live, 2'000'030u);
  EXPECT_EQ(now.requested.cumulative - before.requested.cumulative, 2'001'030u);  // the closed one's too
}

TEST_P(Manager, AThousandBuffers) {
  MemoryManager& memory = make_manager();
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    memory.create<std::uint32_t>("buffer " + std::to_string(i), i * 7 + 1);
    bytes += (i * 7 + 1) * 4;
  }
  EXPECT_EQ(memory.statistics().buffers, 1000u);
  EXPECT_EQ(memory.statistics().pool.requested.live, bytes);
  EXPECT_EQ(memory.check_leaks().blocks, 1000u);
  EXPECT_EQ(memory.report().buffers.size(), 1000u);
  for (std::uint64_t i = 0; i < 1000; i += 97) {
    EXPECT_EQ(memory.find<std::uint32_t>("buffer " + std::to_string(i)).size(), i * 7 + 1);
  }
  EXPECT_TRUE(says(error_of<NotFound>([&] { memory.free("buffer 1000"); }), {"did you mean \"buffer 100\""}));
  for (std::uint64_t i = 0; i < 1000; i += 2) memory.free("buffer " + std::to_string(i));
  EXPECT_EQ(memory.check_leaks().blocks, 500u);
}

}  // namespace
}  // namespace weir::contract
