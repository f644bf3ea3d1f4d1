// One pool at work for long, at rest now and then: what the process and the driver hold at rest does not grow.
// WEIR_SOAK_SECONDS says how long, WEIR_MODEL_SEED repeats the programs.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "model/environment.hpp"
#include "model/stress_workers.hpp"

namespace weir::model {
namespace {

/// Of this process, in bytes, without what its heap keeps for later.
std::uint64_t resident() {
  ::malloc_trim(0);
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;  // the second
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// The median of a part of the rounds, as one may meet what another thread has not given back yet.
std::uint64_t typical(std::vector<std::uint64_t> part) {
  std::ranges::sort(part);
  return part[part.size() / 2];
}

// One pool at work for as long as is asked, at rest after each round: what it takes then does not grow.
TEST(Soak, MemoryAtRestStaysAsItIs) {
  const std::uint64_t seed = number_from("WEIR_MODEL_SEED", std::random_device{}());
  const std::chrono::seconds length(number_from("WEIR_SOAK_SECONDS", 2));
  std::printf("WEIR_MODEL_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Common common({.name = "soak", .backend = "host", .mode = PoolMode::pages});
  constexpr std::size_t min_rounds = 12;
  std::vector<std::uint64_t> residents;
  std::uint64_t allocations = 0;
  const auto start = std::chrono::steady_clock::now();
  while (residents.size() < min_rounds || std::chrono::steady_clock::now() - start < length) {
    allocations += run_all(common, seed + residents.size() * workers, 20'000).allocations;
    ASSERT_EQ(common.failure, "");
    const Statistics now = come_to_rest(common);
    ASSERT_EQ(now.allocations, allocations);
    ASSERT_EQ(now.frees, allocations);
    ASSERT_EQ(now.reserved.live + now.live + now.cached + now.pending + now.mapped_free + now.held, 0u);
    const auto balance = common.backend->balance();
    ASSERT_EQ(balance.pages + balance.segments + balance.pinned_bytes, 0u);
    ASSERT_NO_THROW(common.pool->verify());
    residents.push_back(resident());
  }
  const std::size_t part = residents.size() / 4;  // the first one has what is made once
  const std::uint64_t early = typical({residents.begin() + static_cast<std::ptrdiff_t>(part),
                                       residents.begin() + static_cast<std::ptrdiff_t>(2 * part)});
  const std::uint64_t late = typical({residents.end() - static_cast<std::ptrdiff_t>(part), residents.end()});
  std::printf("%zu rounds, %llu allocations; resident at rest: %.2f MiB early, %.2f MiB late\n", residents.size(),
              static_cast<unsigned long long>(allocations), static_cast<double>(early) / 0x1p20,
              static_cast<double>(late) / 0x1p20);
  EXPECT_LE(late, early + early / 20 + 2_MiB);
}

}  // namespace
}  // namespace weir::model
