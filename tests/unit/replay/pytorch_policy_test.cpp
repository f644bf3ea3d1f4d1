// The published rules of PyTorch's allocator, one by one. The agreement with
// recorded snapshots is in shared_traces_test.
#include "replay/pytorch_policy.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "replay/trace_builder.hpp"

namespace weir::replay {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;

/// A trace written as it runs, and the policy's result on it.
class Program {
 public:
  std::uint32_t allocate(std::uint64_t bytes, std::uint64_t stream = 0) { return builder_.allocate(bytes, stream); }
  void free(std::uint32_t block, std::uint64_t stream = 0) { builder_.free(block, stream); }
  [[nodiscard]] PolicyResult run() const {
    TraceBuilder copy = builder_;
    return simulate_pytorch_policy(std::move(copy).finish());
  }
  [[nodiscard]] std::uint64_t reserved() const { return run().peak_reserved; }

 private:
  TraceBuilder builder_{0};
};

std::uint64_t reserved_for(std::uint64_t bytes) {
  Program program;
  program.allocate(bytes);
  return program.reserved();
}

TEST(PytorchPolicy, SegmentsBySize) {
  EXPECT_EQ(reserved_for(1), 2 * mib);
  EXPECT_EQ(reserved_for(mib), 2 * mib);
  EXPECT_EQ(reserved_for(mib + 1), 20 * mib);
  EXPECT_EQ(reserved_for(10 * mib - 512), 20 * mib);
  EXPECT_EQ(reserved_for(10 * mib), 10 * mib);
  EXPECT_EQ(reserved_for(10 * mib + 1), 12 * mib);
  EXPECT_EQ(reserved_for(100 * mib + 1), 102 * mib);
}

TEST(PytorchPolicy, RoundsTo512BytesBeforeItChoosesThePool) {
  EXPECT_EQ(reserved_for(mib - 1), 2 * mib);
  EXPECT_EQ(reserved_for(10 * mib - 1), 10 * mib) << "rounds up to 10 MiB, which is a segment of its own";
  Program program;
  for (int i = 0; i < 4096; ++i) program.allocate(1);
  EXPECT_EQ(program.reserved(), 2 * mib);
  program.allocate(1);
  EXPECT_EQ(program.reserved(), 4 * mib);
}

TEST(PytorchPolicy, CountsSegmentsAndRequests) {
  Program program;
  const auto first = program.allocate(100);
  program.allocate(5 * mib);
  program.free(first);
  program.allocate(50);
  const PolicyResult result = program.run();
  EXPECT_EQ(result.driver_calls, 2U);
  EXPECT_EQ(result.peak_requested, 5 * mib + 100);
}

TEST(PytorchPolicy, ZeroBytesTakeNothing) {
  Program program;
  program.free(program.allocate(0));
  program.allocate(0);
  EXPECT_EQ(program.reserved(), 0U);
}

TEST(PytorchPolicy, LargeBlocksAreSplitOnlyWhereMoreThanOneMebibyteRemains) {
  Program more;  // 20 MiB: 2 MiB leaves 18 MiB, of which 16.5 leaves 1.5 MiB, which serves
  more.allocate(2 * mib);
  more.allocate(16 * mib + 512 * kib);
  more.allocate(mib + 512 * kib);
  EXPECT_EQ(more.reserved(), 20 * mib);

  Program less;  // 17 MiB of the 18 leaves 1 MiB: not split off
  less.allocate(2 * mib);
  less.allocate(17 * mib);
  less.allocate(mib + 512);
  EXPECT_EQ(less.reserved(), 40 * mib);
}

TEST(PytorchPolicy, OneMebibyteIsStillSmall) {
  Program program;
  program.allocate(mib);
  program.allocate(512);
  EXPECT_EQ(program.reserved(), 2 * mib);
}

TEST(PytorchPolicy, PoolsDoNotLendToEachOther) {
  Program program;
  program.allocate(2 * mib);  // leaves 18 MiB free in the large pool
  program.allocate(512);
  EXPECT_EQ(program.reserved(), 22 * mib);
}

TEST(PytorchPolicy, StreamsDoNotLendToEachOther) {
  Program program;
  program.free(program.allocate(512, 1), 1);
  program.free(program.allocate(512, 2), 2);
  program.allocate(512, 1);
  EXPECT_EQ(program.reserved(), 4 * mib);
}

TEST(PytorchPolicy, ABlockFreedElsewhereGoesBackToItsOwnStream) {
  Program program;
  program.free(program.allocate(12 * mib, 1), 2);
  program.allocate(12 * mib, 1);
  EXPECT_EQ(program.reserved(), 12 * mib);
}

TEST(PytorchPolicy, NeighboursMergeAtFree) {
  for (const auto& order : {std::vector<std::size_t>{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    Program program;
    std::array<std::uint32_t, 3> blocks{};
    for (std::uint32_t& block : blocks) block = program.allocate(6 * mib);
    program.allocate(2 * mib);  // fills the 20 MiB
    for (const std::size_t i : order) program.free(blocks[i]);
    program.allocate(18 * mib);
    EXPECT_EQ(program.reserved(), 20 * mib);
  }
}

TEST(PytorchPolicy, SegmentsNeverMerge) {
  Program program;
  const auto first = program.allocate(10 * mib);
  const auto second = program.allocate(10 * mib);
  program.free(first);
  program.free(second);
  program.allocate(20 * mib);
  EXPECT_EQ(program.reserved(), 40 * mib);
}

TEST(PytorchPolicy, TakesTheBestFit) {
  Program program;
  const auto large = program.allocate(40 * mib);
  const auto fitting = program.allocate(12 * mib);
  program.free(large);
  program.free(fitting);
  program.allocate(12 * mib);
  program.allocate(40 * mib);
  EXPECT_EQ(program.reserved(), 52 * mib) << "12 MiB out of the 40 would have left no room for 40";
}

TEST(PytorchPolicy, TakesTheLowestAddressAmongEqualSizes) {
  Program program;  // two segments of 20 MiB, each in two halves
  const auto low = program.allocate(20 * mib);
  const auto high = program.allocate(20 * mib);
  program.free(low);
  program.free(high);
  const auto low_half = program.allocate(10 * mib);
  program.allocate(10 * mib);
  const auto high_half = program.allocate(10 * mib);
  const auto high_other_half = program.allocate(10 * mib);
  program.free(high_half);
  program.free(low_half);
  program.allocate(10 * mib);  // fits both free halves
  program.free(high_other_half);
  program.allocate(20 * mib);
  EXPECT_EQ(program.reserved(), 40 * mib) << "the high segment was not left whole";
}

TEST(PytorchPolicy, RefusesATraceOfMoreThanItCanCount) {
  Program program;
  for (std::uint64_t stream = 0; stream < 16; ++stream) program.free(program.allocate(max_live_bytes, stream), stream);
  EXPECT_THROW(static_cast<void>(program.run()), InvalidArgument);
}

TEST(PytorchPolicy, LaterPassesFindTheirSegments) {
  TraceBuilder builder(0);
  builder.allocate(5 * mib, 0);
  builder.free(builder.allocate(512, 0), 0);
  const PolicyResult result = simulate_pytorch_policy(
      std::move(builder).finish(), {.passes = 3, .driver = {.allocate = std::chrono::microseconds(7)}});
  ASSERT_EQ(result.passes.size(), 3U);
  EXPECT_EQ(result.passes[0].calls, 2U);
  EXPECT_EQ(result.passes[0].time, std::chrono::microseconds(14));
  EXPECT_EQ(result.passes[1].calls + result.passes[2].calls, 0U);
  EXPECT_EQ(result.peak_reserved, 22 * mib);
}

}  // namespace
}  // namespace weir::replay
