// Threads that run freely over one pool, and what must be true once they are done: every total is exactly what the
// threads counted themselves.
// WEIR_MODEL_SEED repeats the programs (not their interleaving), WEIR_MODEL_OPERATIONS
// says how long they are.
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "late_events.hpp"
#include "model/environment.hpp"
#include "model/stress_workers.hpp"

namespace weir::model {
namespace {

class Stress : public testing::TestWithParam<Kind> {};

TEST_P(Stress, EndsWithExactTotals) {
  WEIR_NEEDS_BACKEND(GetParam().backend)
  const std::uint64_t seed = number_from("WEIR_MODEL_SEED", std::random_device{}());
  const std::uint64_t operations = number_from("WEIR_MODEL_OPERATIONS", 20'000) / GetParam().share;
  std::printf("%s: WEIR_MODEL_SEED=%llu\n", GetParam().name.c_str(), static_cast<unsigned long long>(seed));
  std::fflush(stdout);  // a run that hangs or crashes tells its seed too
  Common common(GetParam());
  const Worker all = run_all(common, seed, operations);
  ASSERT_EQ(common.failure, "");
  Pool& pool = *common.pool;
  Statistics now = pool.statistics();
  EXPECT_EQ(all.frees, all.allocations);
  EXPECT_EQ(now.allocations, all.allocations);
  EXPECT_EQ(now.frees, all.frees);
  EXPECT_EQ(now.requested.cumulative, all.requested);
  EXPECT_EQ(now.refusals, all.refusals);
  EXPECT_GT(now.refusals, 0u);
  EXPECT_EQ(now.requested.live, 0u);
  EXPECT_EQ(now.live, 0u);
  EXPECT_EQ(now.errors, 0u);
  EXPECT_LE(now.requested.peak, limit + workers * 64_KiB);
  EXPECT_EQ(pool.check_leaks().blocks, 0u);
  EXPECT_EQ(pool.check_leaks().bytes, 0u);
  EXPECT_EQ(pool.live_blocks().size(), 0u);
  EXPECT_NO_THROW(pool.verify());

  now = come_to_rest(common);
  EXPECT_EQ(now.reserved.live, 0u);
  EXPECT_EQ(now.cached + now.pending + now.mapped_free + now.held, 0u);
  EXPECT_NO_THROW(pool.verify());
  EXPECT_FALSE(common.overwritten) << "memory was handed out while earlier work used it";
  common.pool.reset();
  EXPECT_EQ(common.backend->balance(), device::FaultyBackend::Balance{});
  EXPECT_EQ(common.backend->breach(), "");
  EXPECT_EQ(driver_fault(GetParam().backend), "");
}

const auto name_of_stress = [](const auto& kind) { return kind.param.name; };
using enum PoolMode;

const std::vector<Kind> stressed_pools{
    {.name = "host_pages", .backend = "host", .mode = pages},
    {.name = "host_pages_cleared", .backend = "host", .mode = pages, .zero = true, .share = 10},
    {.name = "host_segments", .backend = "host", .mode = segments},
    {.name = "host_off", .backend = "host", .mode = off, .share = 5},
    {.name = "dry_pages", .backend = "dry", .mode = pages},
    {.name = "dry_pages_uncached", .backend = "dry", .mode = pages, .thread_cache_bytes = 0},
    {.name = "dry_segments", .backend = "dry", .mode = segments},
    {.name = "dry_off", .backend = "dry", .mode = off, .share = 5},
    // With late events, by which each wait takes longer.
    {.name = "host_pages_late", .backend = "host", .mode = pages, .share = 20, .late = lateness_asked()},
    {.name = "host_segments_late", .backend = "host", .mode = segments, .share = 20, .late = lateness_asked()},
    {.name = "dry_pages_late", .backend = "dry", .mode = pages, .share = 20, .late = lateness_asked()},
};
INSTANTIATE_TEST_SUITE_P(Pools, Stress, testing::ValuesIn(stressed_pools), name_of_stress);

#ifdef WEIR_HAS_CUDA
const std::vector<Kind> stressed_cuda{
    {.name = "cuda_pages", .backend = "cuda", .mode = pages},
    {.name = "cuda_segments", .backend = "cuda", .mode = segments},
    {.name = "cuda_fake_pages", .backend = cuda_fake, .mode = pages, .share = 5},
    {.name = "cuda_fake_segments", .backend = cuda_fake, .mode = segments, .share = 5},
    {.name = "cuda_fake_off", .backend = cuda_fake, .mode = off, .share = 5},
};
INSTANTIATE_TEST_SUITE_P(Cuda, Stress, testing::ValuesIn(stressed_cuda), name_of_stress);
#endif

}  // namespace
}  // namespace weir::model
