// How long a recovery takes: 10 losses of a device with 16 MiB of kept buffers, or as many as WEIR_LOSSES says. What is
// measured is printed; that each recovery is counted, and brings everything back, is checked.
#include <cstdio>
#include <cstdlib>

#include "contract/recovering.hpp"

namespace weir::contract {
namespace {

class RecoveryTime : public Recovering {};
INSTANTIATE_TEST_SUITE_P(Kinds, RecoveryTime, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(RecoveryTime, IsMeasured) {
  const char* const asked = std::getenv("WEIR_LOSSES");
  const int times = asked == nullptr ? 10 : std::atoi(asked);
  constexpr std::size_t count = 4_MiB / sizeof(std::uint32_t);
  MemoryManager& memory = make();
  std::vector<AnyBuffer> state;
  for (std::uint32_t i = 0; i < 4; ++i) {
    state.push_back(memory.create<std::uint32_t>("part " + std::to_string(i), data_of(i, count)));
  }
  memory.keep_host_copy(state);
  for (int i = 0; i < times; ++i) {
    lose();
    EXPECT_EQ(memory.recover().restored_bytes, 16_MiB);
  }
  const LatencySummary taken = memory.statistics().recovery_latency;
  EXPECT_EQ(taken.count, static_cast<std::uint64_t>(times));
  const auto text = [](std::chrono::nanoseconds time) { return std::to_string(time.count() / 1000) + " us"; };
  std::printf("[ %s: recovery of 16 MiB, p50 %s, p99 %s, max %s ]\n", name_of({GetParam(), 0}).c_str(),
              text(taken.p50).c_str(), text(taken.p99).c_str(), text(taken.max).c_str());
}

}  // namespace
}  // namespace weir::contract
