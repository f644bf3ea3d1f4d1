// The manager as programs use it: the buffers of a small network, and what the pool
// saves them against a manager without one.
#include <cstdint>
#include <map>
#include <string>

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

}  // namespace
}  // namespace weir::contract
