// Random programs against a plain oracle, every total compared after every step.
// WEIR_MODEL_SEED repeats a program, WEIR_MODEL_OPERATIONS says how long each is.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "late_events.hpp"
#include "model/environment.hpp"
#include "model/program.hpp"
#include "open_backend.hpp"

namespace weir::model {
namespace {

class Model : public testing::TestWithParam<Configuration> {};

TEST_P(Model, AgreesWithTheOracle) {
  WEIR_NEEDS_BACKEND(GetParam().backend)
  const std::uint64_t seed = number_from("WEIR_MODEL_SEED", std::random_device{}());
  const std::uint64_t operations = number_from("WEIR_MODEL_OPERATIONS", 20'000);
  SCOPED_TRACE("WEIR_MODEL_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  Program program(GetParam(), seed);
  for (std::uint64_t i = 0; i < operations / GetParam().share; ++i) {
    const std::string wrong = program.step();
    ASSERT_EQ(wrong, "") << "at step " << i << ": " << program.last();
  }
  ASSERT_EQ(program.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Pools, Model,
                         testing::Values(Configuration{.name = "host_pages",
                                                       .backend = "host",
                                                       .mode = PoolMode::pages,
                                                       .limit = 512_MiB,
                                                       .live = 128_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "dry_pages_tight",
                                                       .backend = "dry",
                                                       .mode = PoolMode::pages,
                                                       .limit = 96_MiB,
                                                       .live = 80_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "dry_pages_uncached",
                                                       .backend = "dry",
                                                       .mode = PoolMode::pages,
                                                       .limit = 256_MiB,
                                                       .live = 128_MiB,
                                                       .threads = 3,
                                                       .thread_cache_bytes = 0},
                                         Configuration{.name = "dry_pages_one_thread",
                                                       .backend = "dry",
                                                       .mode = PoolMode::pages,
                                                       .limit = 1_GiB,
                                                       .live = 256_MiB},
                                         Configuration{.name = "host_pages_cleared",
                                                       .backend = "host",
                                                       .mode = PoolMode::pages,
                                                       .limit = 128_MiB,
                                                       .live = 32_MiB,
                                                       .threads = 2,
                                                       .zero = true,
                                                       .share = 50},
                                         Configuration{.name = "dry_segments",
                                                       .backend = "dry",
                                                       .mode = PoolMode::segments,
                                                       .limit = 512_MiB,
                                                       .live = 128_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "dry_segments_tight",
                                                       .backend = "dry",
                                                       .mode = PoolMode::segments,
                                                       .limit = 96_MiB,
                                                       .live = 80_MiB,
                                                       .threads = 2},
                                         Configuration{.name = "host_off",
                                                       .backend = "host",
                                                       .mode = PoolMode::off,
                                                       .limit = 128_MiB,
                                                       .live = 64_MiB,
                                                       .threads = 4}),
                         [](const auto& configuration) { return configuration.param.name; });

// With late events, by which each wait takes longer.
std::vector<Configuration> late() {
  std::vector<Configuration> all;
  const auto add = [&](const std::string& backend, const std::string& name, PoolMode mode, std::uint64_t limit) {
    all.push_back({.name = backend + name,
                   .backend = backend,
                   .mode = mode,
                   .limit = limit,
                   .live = limit == 96_MiB ? 80_MiB : limit / 4,
                   .threads = 4,
                   .late = lateness_asked(),
                   .share = 2});
  };
  for (const std::string backend : {"host", "dry", cuda_fake}) {
    add(backend, "_pages_late", PoolMode::pages, 512_MiB);
    add(backend, "_pages_tight_late", PoolMode::pages, 96_MiB);
    add(backend, "_segments_late", PoolMode::segments, 256_MiB);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Late, Model, testing::ValuesIn(late()),
                         [](const auto& configuration) { return configuration.param.name; });

// Pages where the driver has sparse memory, else segments.
INSTANTIATE_TEST_SUITE_P(Vulkan, Model,
                         testing::Values(Configuration{.name = "vulkan",
                                                       .backend = "vulkan",
                                                       .mode = PoolMode::automatic,
                                                       .limit = 256_MiB,
                                                       .live = 96_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "vulkan_off",
                                                       .backend = "vulkan",
                                                       .mode = PoolMode::off,
                                                       .limit = 128_MiB,
                                                       .live = 64_MiB,
                                                       .threads = 2}),
                         [](const auto& configuration) { return configuration.param.name; });

#ifdef WEIR_HAS_CUDA
INSTANTIATE_TEST_SUITE_P(Cuda, Model,
                         testing::Values(Configuration{.name = "cuda_pages",
                                                       .backend = "cuda",
                                                       .mode = PoolMode::pages,
                                                       .limit = 512_MiB,
                                                       .live = 128_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "cuda_segments",
                                                       .backend = "cuda",
                                                       .mode = PoolMode::segments,
                                                       .limit = 512_MiB,
                                                       .live = 128_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "cuda_fake_pages",
                                                       .backend = cuda_fake,
                                                       .mode = PoolMode::pages,
                                                       .limit = 512_MiB,
                                                       .live = 128_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "cuda_fake_pages_tight",
                                                       .backend = cuda_fake,
                                                       .mode = PoolMode::pages,
                                                       .limit = 96_MiB,
                                                       .live = 80_MiB,
                                                       .threads = 4},
                                         Configuration{.name = "cuda_fake_segments",
                                                       .backend = cuda_fake,
                                                       .mode = PoolMode::segments,
                                                       .limit = 128_MiB,
                                                       .live = 64_MiB,
                                                       .threads = 2},
                                         Configuration{.name = "cuda_fake_off",
                                                       .backend = cuda_fake,
                                                       .mode = PoolMode::off,
                                                       .limit = 128_MiB,
                                                       .live = 64_MiB,
                                                       .threads = 4}),
                         [](const auto& configuration) { return configuration.param.name; });
#endif

}  // namespace
}  // namespace weir::model
