// The manager as programs use it: the buffers of a small network, and what the pool
// saves them against a manager without one.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

class ManagerUses : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, ManagerUses, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(ManagerUses, NetworkSizeBuffers) {
  MemoryManager& memory = make_manager();
  constexpr std::size_t input = 4;
  constexpr std::size_t hidden = 128;
  constexpr std::size_t output = 3;
  const std::map<std::string, std::size_t> sizes{
      {"input", input},
      {"hidden", hidden},
      {"output", output},
      {"weights hidden", input * hidden},
      {"bias hidden", hidden},
      {"weights output", hidden * output},
      {"bias output", output},
      {"gradient weights hidden", input * hidden},
      {"gradient bias hidden", hidden},
      {"gradient weights output", hidden * output},
      {"gradient bias output", output},
  };
  ASSERT_EQ(sizes.size(), 11u);
  std::uint64_t bytes = 0;
  std::uint64_t seed = 0;
  for (const auto& [name, count] : sizes) {
    put(memory.create<float>(name, count), ++seed);
    bytes += count * sizeof(float);
  }
  seed = 0;
  for (const auto& [name, count] : sizes) {
    const auto buffer = memory.find<float>(name);
    EXPECT_EQ(buffer.size(), count) << name;
    EXPECT_TRUE(holds(buffer, count, ++seed)) << name;
  }
  const ManagerStatistics known = memory.statistics();
  EXPECT_EQ(known.buffers, 11u);
  EXPECT_EQ(known.pool.requested.live, bytes);
  // Each was there before any was made: none shares memory with another.
  EXPECT_EQ(memory.report().blocks.size(), 11u);
}

TEST_P(ManagerUses, Pooling) {
  MemoryManager& memory = make_manager();
  const auto round = [&] {
    for (std::uint32_t i = 0; i < 10; ++i) memory.create<float>("feature " + std::to_string(i), 10'000 + i);
    memory.free_all();
  };
  round();
  const ManagerStatistics before = memory.statistics();
  const std::uint64_t segments = backend_->calls(device::CallKind::allocate_segment);
  for (int i = 0; i < 20; ++i) round();
  const ManagerStatistics after = memory.statistics();
  EXPECT_EQ(after.pool.allocations - before.pool.allocations, 200u);
  if (pooling()) {
    EXPECT_EQ(after.pool.misses, before.pool.misses);
    EXPECT_EQ(after.pool.driver_calls, before.pool.driver_calls);
    EXPECT_EQ(after.pool.reserved.peak, before.pool.reserved.peak);
  } else {
    // Each buffer is the driver's own, and goes back at once.
    EXPECT_EQ(backend_->calls(device::CallKind::allocate_segment) - segments, 200u);
    EXPECT_EQ(after.pool.cache_hits + after.pool.arena_hits, 0u);
    EXPECT_EQ(after.pool.reserved.live, 0u);
  }
}

TEST_P(ManagerUses, MultipleFrees) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<int>("once", 100);
  memory.free(buffer);
  const Statistics before = memory.statistics().pool;
  EXPECT_TRUE(says(error_of<StaleHandle>([&] { memory.free(buffer); }), {"\"once\""}));
  EXPECT_TRUE(says(error_of<NotFound>([&] { memory.free("once"); }), {"\"once\""}));
  EXPECT_EQ(memory.statistics().pool.frees, before.frees);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  // The name is free again, and the old handle does not reach the new buffer.
  memory.create<int>("once", 7);
  EXPECT_THROW(memory.free(buffer), StaleHandle);
  EXPECT_EQ(memory.find<int>("once").size(), 7u);
}

TEST_P(ManagerUses, Leaks) {
  MemoryManager& memory = make_manager();
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  memory.create<double>("one", 100);
  EXPECT_EQ(memory.check_leaks().blocks, 1u);
  EXPECT_EQ(memory.check_leaks().bytes, 800u);
  for (std::uint32_t i = 1; i <= 50; ++i) memory.create<double>("many " + std::to_string(i), i);
  EXPECT_EQ(memory.check_leaks().blocks, 51u);
  EXPECT_EQ(memory.check_leaks().bytes, 800u + 50 * 51 / 2 * 8);
  const Report report = memory.report();
  ASSERT_EQ(report.blocks.size(), 51u);
  EXPECT_EQ(report.blocks.front().tag, "one");  // the largest
  memory.free_all();
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  EXPECT_EQ(memory.check_leaks().bytes, 0u);
}

// Every kind of event, counted where a program would look for it.
TEST_P(ManagerUses, PerformanceMonitoring) {
  MemoryManager& memory = make_manager();
  const std::vector<float> values(50'000, 1.5f);
  auto buffer = memory.create<float>("watched", values);
  buffer.resize(60'000);
  EXPECT_EQ(memory.download(buffer).size(), 60'000u);
  EXPECT_THROW(memory.create<float>("too much", std::size_t{1} << 50), LimitExceeded);
  const ManagerStatistics known = memory.statistics();
  EXPECT_EQ(known.buffers, 1u);
  EXPECT_EQ(known.buffers_created, 1u);
  EXPECT_EQ(known.resizes, 1u);
  EXPECT_EQ(known.transfers.uploads, 1u);
  EXPECT_EQ(known.transfers.downloads, 1u);
  EXPECT_EQ(known.transfers.bytes_uploaded, 200'000u);
  EXPECT_EQ(known.transfers.bytes_downloaded, 240'000u);
  EXPECT_GT(known.pool.driver_calls, 0u);
  EXPECT_GE(known.pool.requested.peak, 240'000u);
  const BufferStatistics own = buffer.statistics();
  EXPECT_EQ(own.resizes, 1u);
  EXPECT_EQ(own.uploads, 1u);
  EXPECT_EQ(own.downloads, 1u);
}

}  // namespace
}  // namespace weir::contract
