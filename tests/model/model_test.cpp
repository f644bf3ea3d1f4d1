// Random programs against a plain oracle, every total compared after every step.
// WEIR_MODEL_SEED repeats a program, WEIR_MODEL_OPERATIONS says how long each is.
#include <string>
#include <vector>

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
  expect_agreement<Program>(GetParam(), GetParam().share);
}

const auto name_of_configuration = [](const auto& configuration) { return configuration.param.name; };
using enum PoolMode;

// By name, backend, mode, limit, bytes kept live, threads, bytes that each one's cache may hold.
const std::vector<Configuration> pools{
    {"host_pages", "host", pages, 512_MiB, 128_MiB, 4},
    {"dry_pages_tight", "dry", pages, 96_MiB, 80_MiB, 4},
    {"dry_pages_uncached", "dry", pages, 256_MiB, 128_MiB, 3, 0},
    {"dry_pages_one_thread", "dry", pages, 1_GiB, 256_MiB, 1},
    {.name = "host_pages_cleared",
     .backend = "host",
     .mode = pages,
     .limit = 128_MiB,
     .live = 32_MiB,
     .threads = 2,
     .zero = true,
     .share = 50},
    {"dry_segments", "dry", segments, 512_MiB, 128_MiB, 4},
    {"dry_segments_tight", "dry", segments, 96_MiB, 80_MiB, 2},
    {"host_off", "host", off, 128_MiB, 64_MiB, 4},
};
INSTANTIATE_TEST_SUITE_P(Pools, Model, testing::ValuesIn(pools), name_of_configuration);

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
    add(backend, "_pages_late", pages, 512_MiB);
    add(backend, "_pages_tight_late", pages, 96_MiB);
    add(backend, "_segments_late", segments, 256_MiB);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Late, Model, testing::ValuesIn(late()), name_of_configuration);

// With faults at random.
std::vector<Configuration> storms() {
  std::vector<Configuration> all;
  const auto add = [&](const std::string& backend, const std::string& name, PoolMode mode, std::uint64_t limit) {
    all.push_back({.name = backend + name,
                   .backend = backend,
                   .mode = mode,
                   .limit = limit,
                   .live = limit == 96_MiB ? 80_MiB : limit / 4,
                   .threads = 4,
                   .share = 2,
                   .storm = true});
  };
  for (const std::string backend : {"host", "dry", cuda_fake}) {
    add(backend, "_pages_storm", pages, 512_MiB);
    add(backend, "_pages_tight_storm", pages, 96_MiB);
    add(backend, "_segments_storm", segments, 256_MiB);
    add(backend, "_off_storm", off, 128_MiB);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Storms, Model, testing::ValuesIn(storms()), name_of_configuration);

// Pages where the driver has sparse memory, else segments.
const std::vector<Configuration> vulkan{
    {"vulkan", "vulkan", automatic, 256_MiB, 96_MiB, 4},
    {"vulkan_off", "vulkan", off, 128_MiB, 64_MiB, 2},
};
INSTANTIATE_TEST_SUITE_P(Vulkan, Model, testing::ValuesIn(vulkan), name_of_configuration);

#ifdef WEIR_HAS_CUDA
const std::vector<Configuration> cuda{
    {"cuda_pages", "cuda", pages, 512_MiB, 128_MiB, 4},
    {"cuda_segments", "cuda", segments, 512_MiB, 128_MiB, 4},
    {"cuda_fake_pages", cuda_fake, pages, 512_MiB, 128_MiB, 4},
    {"cuda_fake_pages_tight", cuda_fake, pages, 96_MiB, 80_MiB, 4},
    {"cuda_fake_segments", cuda_fake, segments, 128_MiB, 64_MiB, 2},
    {"cuda_fake_off", cuda_fake, off, 128_MiB, 64_MiB, 4},
};
INSTANTIATE_TEST_SUITE_P(Cuda, Model, testing::ValuesIn(cuda), name_of_configuration);
#endif

}  // namespace
}  // namespace weir::model
