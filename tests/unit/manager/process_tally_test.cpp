// Totals of the process: peaks are those of the sum over all managers, exact while
// several threads take and give, and outlive the managers that made them.
#include "manager/process_tally.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

namespace weir {
namespace {

using namespace weir::literals;

Device dry() { return open_device({.backend = "dry", .capacity = 64_GiB}); }

DeviceTotals of_dry(const ProcessStatistics& all) {
  for (const DeviceTotals& each : all.devices) {
    if (each.backend == BackendKind::dry) return each;
  }
  return {};
}

TEST(ProcessTotals, ThePeakIsThatOfTheSumAndStaysWhenManagersClose) {
  const ProcessStatistics before = process_statistics();
  const std::uint64_t base = before.reserved.live;
  std::uint64_t summed_peaks = 0;
  for (int i = 0; i < 3; ++i) {
    MemoryManager memory(dry(), {.pool = {.limit = 16_GiB}});
    memory.create<std::byte>("large", 8_GiB, {.max_bytes = 8_GiB});
    summed_peaks += memory.statistics().pool.reserved.peak;
    EXPECT_EQ(process_statistics().reserved.live, base + memory.statistics().pool.reserved.live);
  }
  EXPECT_EQ(summed_peaks, 24_GiB);
  ProcessStatistics now = process_statistics();
  EXPECT_EQ(now.reserved.live, base);
  EXPECT_EQ(now.reserved.peak, std::max(before.reserved.peak, base + 8_GiB));  // one after the other
  EXPECT_EQ(now.reserved.cumulative - before.reserved.cumulative, 24_GiB);
  EXPECT_EQ(now.requested.cumulative - before.requested.cumulative, 24_GiB);
  EXPECT_EQ(now.allocated.cumulative - before.allocated.cumulative, 24_GiB);
  EXPECT_EQ(now.requested.live, before.requested.live);
  {
    MemoryManager one(dry(), {.pool = {.limit = 16_GiB}});
    MemoryManager other(dry(), {.pool = {.limit = 16_GiB}});
    one.create<std::byte>("large", 8_GiB, {.max_bytes = 8_GiB});
    other.create<std::byte>("large", 8_GiB, {.max_bytes = 8_GiB});
    one.free_all();
    one.trim();
  }
  now = process_statistics();
  EXPECT_EQ(now.reserved.live, base);
  EXPECT_EQ(now.reserved.peak, std::max(before.reserved.peak, base + 16_GiB));  // at once
  EXPECT_EQ(of_dry(now).managers, 0u);
  EXPECT_EQ(of_dry(now).reserved.live, 0u);
  EXPECT_EQ(of_dry(now).reserved.peak, now.reserved.peak);
  EXPECT_EQ(of_dry(now).name, dry().info().name);
}

TEST(ProcessTotals, ExternalAndPinnedBytesHavePeaksToo) {
  const ProcessStatistics before = process_statistics();
  {
    MemoryManager one(dry());
    MemoryManager other(open_device({.backend = "host"}));
    const ExternalBytes first = one.book_external(1_GiB);
    const Pinned<std::byte> pinned = other.pinned<std::byte>(20'000'000);
    { const ExternalBytes second = other.book_external(500_MiB); }
    const ProcessStatistics now = process_statistics();
    EXPECT_EQ(now.external.live, before.external.live + 1_GiB);
    EXPECT_GE(now.external.peak, 1_GiB + 500_MiB);
    EXPECT_EQ(now.external.cumulative, before.external.cumulative + 1_GiB + 500_MiB);
    EXPECT_EQ(of_dry(now).external.live, 1_GiB);
    EXPECT_EQ(now.pinned.live, other.statistics().transfers.pinned.reserved.live);
    EXPECT_GE(now.pinned.peak, 20'000'000u);
  }
  const ProcessStatistics after = process_statistics();
  EXPECT_EQ(after.external.live, before.external.live);
  EXPECT_EQ(after.pinned.live, 0u);
  EXPECT_GE(after.pinned.peak, 20'000'000u);
  EXPECT_GE(after.pinned.cumulative, before.pinned.cumulative + 20'000'000u);
}

// Every sum that was ever reached is at most the peak, and the peak was reached by what all had at most.
TEST(ProcessTotals, ThePeakHoldsBetweenThreads) {
  constexpr int crew = 4;
  constexpr std::uint64_t block = 64_MiB;
  const ProcessStatistics before = process_statistics();
  std::atomic<int> holding{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < crew; ++i) {
    threads.emplace_back([&] {
      MemoryManager memory(dry(), {.pool = {.mode = PoolMode::off}});
      for (int n = 0; n < 200; ++n) {
        memory.create<std::byte>("one", block, {.max_bytes = block});
        if (n == 100) {  // all at once
          ++holding;
          while (holding < crew) std::this_thread::yield();
        }
        memory.free_all();
      }
    });
  }
  for (std::thread& each : threads) each.join();
  const ProcessStatistics now = process_statistics();
  EXPECT_EQ(now.reserved.live, before.reserved.live);
  EXPECT_EQ(now.reserved.peak, std::max(before.reserved.peak, before.reserved.live + crew * block));
  EXPECT_EQ(now.reserved.cumulative - before.reserved.cumulative, crew * 200 * block);
  EXPECT_EQ(now.requested.cumulative - before.requested.cumulative, crew * 200 * block);
}

TEST(ProcessTotals, APoolOfNoManagerIsNotCounted) {
  const ProcessStatistics before = process_statistics();
  Pool pool(dry());
  pool.deallocate(pool.allocate(100_MiB));
  EXPECT_EQ(process_statistics().reserved.cumulative, before.reserved.cumulative);
}

}  // namespace
}  // namespace weir
