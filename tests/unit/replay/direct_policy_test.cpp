// Without a pool each block is rounded to pages and costs two calls.
#include "replay/direct_policy.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

#include "replay/trace_builder.hpp"

namespace weir::replay {
namespace {

constexpr std::uint64_t direct_mib = std::uint64_t{1} << 20;

TEST(DirectPolicy, RoundsEachBlockToTwoMebibytes) {
  TraceBuilder builder(0);
  const auto first = builder.allocate(1, 0);
  const auto second = builder.allocate(2 * direct_mib, 0);
  builder.free(first, 0);
  const auto third = builder.allocate(2 * direct_mib + 1, 0);
  builder.free(second, 0);
  builder.free(third, 0);
  const PolicyResult result = simulate_direct_policy(std::move(builder).finish());
  EXPECT_EQ(result.peak_reserved, 6 * direct_mib);
  EXPECT_EQ(result.peak_requested, 4 * direct_mib + 1);
  EXPECT_EQ(result.driver_calls, 6U);
}

TEST(DirectPolicy, ZeroBytesCostNothingAndWhatIsNeverFreedOneCall) {
  TraceBuilder builder(0);
  builder.free(builder.allocate(0, 0), 0);
  builder.allocate(5, 0);
  const PolicyResult result = simulate_direct_policy(std::move(builder).finish());
  EXPECT_EQ(result.peak_reserved, 2 * direct_mib);
  EXPECT_EQ(result.driver_calls, 1U);
}

TEST(DirectPolicy, EveryPassPaysForEachBlock) {
  TraceBuilder builder(0);
  builder.free(builder.allocate(1, 0), 0);
  builder.allocate(5, 0);
  const PolicyResult result = simulate_direct_policy(
      std::move(builder).finish(), {.passes = 3, .driver = {.allocate = std::chrono::microseconds(7)}});
  ASSERT_EQ(result.passes.size(), 3U);
  EXPECT_EQ(result.driver_calls, 3U) << "as the trace ends";
  for (const DriverUse& pass : result.passes) {
    EXPECT_EQ(pass.calls, 4U) << "with the free of what is live at its end";
    EXPECT_EQ(pass.time, std::chrono::microseconds(28));
  }
}

}  // namespace
}  // namespace weir::replay
