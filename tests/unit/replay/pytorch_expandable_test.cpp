// The published rules of expandable segments, one by one, and what they cost.
#include "replay/pytorch_expandable.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "replay/trace_builder.hpp"

namespace weir::replay {
namespace {

using std::chrono::microseconds;
using Ns = std::chrono::duration<double, std::nano>;

constexpr std::uint64_t kibibyte = 1024;
constexpr std::uint64_t mebibyte = 1024 * kibibyte;

class ExpandableProgram {
 public:
  std::uint32_t allocate(std::uint64_t bytes, std::uint64_t stream = 0) { return builder_.allocate(bytes, stream); }
  void free(std::uint32_t block, std::uint64_t stream = 0) { builder_.free(block, stream); }
  [[nodiscard]] PolicyResult run(const PolicyOptions& options = {}) const {
    TraceBuilder copy = builder_;
    return simulate_pytorch_expandable(std::move(copy).finish(), options);
  }
  [[nodiscard]] std::uint64_t reserved() const { return run().peak_reserved; }

 private:
  TraceBuilder builder_{0};
};

TEST(PytorchExpandable, GrowsByWholeHandlesAtItsEnd) {
  ExpandableProgram program;
  program.allocate(mebibyte);
  EXPECT_EQ(program.reserved(), 2 * mebibyte);
  program.allocate(mebibyte + 1);
  EXPECT_EQ(program.reserved(), 22 * mebibyte);
  program.allocate(18 * mebibyte);  // 19 MiB less 512 B are left
  EXPECT_EQ(program.reserved(), 22 * mebibyte);
  program.allocate(100 * mebibyte);  // what is left of the first handle is the beginning: 99 and some are lacking
  EXPECT_EQ(program.reserved(), 122 * mebibyte);
}

TEST(PytorchExpandable, AFreeBlockAtTheEndIsTheBeginningOfALargerOne) {
  ExpandableProgram program;
  program.free(program.allocate(20 * mebibyte));
  program.allocate(30 * mebibyte);
  EXPECT_EQ(program.reserved(), 40 * mebibyte) << "PyTorch's native policy would hold 50";
  ExpandableProgram held;
  held.allocate(20 * mebibyte);
  held.allocate(30 * mebibyte);
  EXPECT_EQ(held.reserved(), 60 * mebibyte);
}

TEST(PytorchExpandable, NeighboursOfDifferentHandlesMerge) {
  ExpandableProgram program;
  const auto first = program.allocate(20 * mebibyte);
  const auto second = program.allocate(20 * mebibyte);
  program.free(first);
  program.free(second);
  program.allocate(40 * mebibyte);
  EXPECT_EQ(program.reserved(), 40 * mebibyte);
}

TEST(PytorchExpandable, LargeBlocksAreSplitToo) {
  ExpandableProgram program;
  program.allocate(19 * mebibyte);
  program.allocate(mebibyte - 512);
  EXPECT_EQ(program.reserved(), 22 * mebibyte) << "up to 1 MiB is the small segment's";
  program.allocate(mebibyte + 512);
  EXPECT_EQ(program.reserved(), 42 * mebibyte) << "1 MiB is left";
  ExpandableProgram exact;
  exact.allocate(18 * mebibyte - 512);
  exact.allocate(2 * mebibyte + 512);
  EXPECT_EQ(exact.reserved(), 20 * mebibyte) << "2 MiB and 512 B are left";
}

// The free block at the end may become as large as it is asked to, so another is taken first.
TEST(PytorchExpandable, TheEndIsTakenLast) {
  ExpandableProgram program;
  const auto hole = program.allocate(10 * mebibyte);
  program.allocate(2 * mebibyte);  // 8 MiB are left at the end
  program.free(hole);
  program.allocate(7 * mebibyte);   // fits the end best, and is put into the hole
  program.allocate(25 * mebibyte);  // grows from the 8 MiB
  EXPECT_EQ(program.reserved(), 40 * mebibyte);
}

TEST(PytorchExpandable, StreamsHaveSegmentsOfTheirOwn) {
  ExpandableProgram program;
  program.free(program.allocate(512, 1), 1);
  program.allocate(512, 2);
  program.allocate(512, 1);
  EXPECT_EQ(program.reserved(), 4 * mebibyte);
}

TEST(PytorchExpandable, ChargesByHandleAndGrowth) {
  ExpandableProgram program;
  program.allocate(50 * mebibyte);  // 3 handles at once
  program.allocate(512);            // 1
  const PolicyResult result = program.run({.passes = 3,
                                           .driver = {.create = microseconds(1),
                                                      .map = microseconds(10),
                                                      .access = microseconds(100),
                                                      .reserve = microseconds(1000),
                                                      .allocate = microseconds(50'000),
                                                      .create_handle = microseconds(2),
                                                      .map_handle = microseconds(20),
                                                      .access_handle = microseconds(200)}});
  ASSERT_EQ(result.passes.size(), 3U);
  EXPECT_EQ(result.driver_calls, 2 + 2 * 4 + 2U) << "reservations, creations and mappings, and access";
  EXPECT_EQ(result.passes[0].calls, result.driver_calls);
  EXPECT_EQ(result.passes[0].time, Ns(microseconds(2 * 1000 + 4 * 33 + 2 * 100 + 4 * 200)));
  for (const std::size_t later : {1U, 2U}) {
    EXPECT_EQ(result.passes[later].calls, 0U);
    EXPECT_EQ(result.passes[later].time, Ns(0));
  }
  EXPECT_EQ(result.peak_requested, 50 * mebibyte + 512);
}

TEST(PytorchExpandable, RefusesATraceOfMoreThanItCanCount) {
  ExpandableProgram program;
  for (std::uint64_t stream = 0; stream < 16; ++stream) program.free(program.allocate(max_live_bytes, stream), stream);
  EXPECT_THROW(static_cast<void>(program.run()), InvalidArgument);
}

}  // namespace
}  // namespace weir::replay
