// Random programs with buffers and transfers against a plain oracle: every total
// after every step, and the contents byte for byte where the host can look. Then
// the same while every n-th call into the driver fails.
// WEIR_MODEL_SEED repeats a program, WEIR_MODEL_OPERATIONS scales how long each is.
#include <string>

#include <gtest/gtest.h>

#include "late_events.hpp"
#include "model/buffers_program.hpp"
#include "model/environment.hpp"
#include "open_backend.hpp"

namespace weir::model {
namespace {

constexpr std::uint64_t share = 8;  // a step here takes as long as so many of the pool's

class BuffersModel : public testing::TestWithParam<BuffersConfiguration> {};

TEST_P(BuffersModel, AgreesWithTheOracle) {
  WEIR_NEEDS_BACKEND(GetParam().backend)
  if (GetParam().mode == PoolMode::pages && !open_backend(GetParam().backend)->info().virtual_memory) {
    GTEST_SKIP() << "the device has no virtual memory";
  }
  expect_agreement<BuffersProgram>(GetParam(), share);
}

const auto name_of = [](const auto& configuration) { return configuration.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Managers, BuffersModel,
    testing::Values(BuffersConfiguration{.name = "host_pages", .limit = 256_MiB},
                    BuffersConfiguration{.name = "host_pages_tight", .limit = 24_MiB},
                    BuffersConfiguration{.name = "host_in_place", .limit = 64_MiB, .in_place = true},
                    BuffersConfiguration{.name = "host_segments", .mode = PoolMode::segments, .limit = 256_MiB},
                    BuffersConfiguration{.name = "host_off", .mode = PoolMode::off, .limit = 128_MiB},
                    BuffersConfiguration{.name = "dry_pages", .backend = "dry", .limit = 24_MiB},
                    BuffersConfiguration{
                        .name = "dry_segments", .backend = "dry", .mode = PoolMode::segments, .limit = 96_MiB}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Late, BuffersModel,
    testing::Values(
        BuffersConfiguration{.name = "host_pages_late", .limit = 256_MiB, .late = lateness_asked()},
        BuffersConfiguration{.name = "host_pages_tight_late", .limit = 24_MiB, .late = lateness_asked()},
        BuffersConfiguration{
            .name = "host_segments_late", .mode = PoolMode::segments, .limit = 256_MiB, .late = lateness_asked()},
        BuffersConfiguration{.name = "dry_pages_late", .backend = "dry", .limit = 24_MiB, .late = lateness_asked()}),
    name_of);

std::vector<BuffersConfiguration> faulty() {
  std::vector<BuffersConfiguration> all;
  for (const std::uint64_t n : {5U, 17U, 61U, 251U}) {
    const std::string every = "_every_" + std::to_string(n);
    all.push_back({.name = "host_pages" + every, .limit = 48_MiB, .faults = n});
    all.push_back({.name = "host_segments" + every, .mode = PoolMode::segments, .limit = 128_MiB, .faults = n});
    all.push_back({.name = "host_off" + every, .mode = PoolMode::off, .limit = 128_MiB, .faults = n});
    all.push_back({.name = "dry_pages" + every, .backend = "dry", .limit = 24_MiB, .faults = n});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Faults, BuffersModel, testing::ValuesIn(faulty()), name_of);

INSTANTIATE_TEST_SUITE_P(
    Storms, BuffersModel,
    testing::Values(
        BuffersConfiguration{.name = "host_pages_storm", .limit = 48_MiB, .storm = true},
        BuffersConfiguration{
            .name = "host_segments_storm", .mode = PoolMode::segments, .limit = 128_MiB, .storm = true},
        BuffersConfiguration{.name = "host_off_storm", .mode = PoolMode::off, .limit = 128_MiB, .storm = true},
        BuffersConfiguration{.name = "dry_pages_storm", .backend = "dry", .limit = 24_MiB, .storm = true},
        BuffersConfiguration{.name = "cuda_fake_pages_storm", .backend = cuda_fake, .limit = 48_MiB, .storm = true}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Vulkan, BuffersModel,
    testing::Values(BuffersConfiguration{.name = "vulkan_pages", .backend = "vulkan", .limit = 128_MiB},
                    BuffersConfiguration{
                        .name = "vulkan_pages_every_17", .backend = "vulkan", .limit = 48_MiB, .faults = 17},
                    BuffersConfiguration{
                        .name = "vulkan_segments", .backend = "vulkan", .mode = PoolMode::segments, .limit = 128_MiB},
                    BuffersConfiguration{.name = "vulkan_segments_every_17",
                                         .backend = "vulkan",
                                         .mode = PoolMode::segments,
                                         .limit = 128_MiB,
                                         .faults = 17}),
    name_of);

#ifdef WEIR_HAS_CUDA
INSTANTIATE_TEST_SUITE_P(
    Cuda, BuffersModel,
    testing::Values(
        BuffersConfiguration{.name = "cuda_pages", .backend = "cuda", .limit = 256_MiB},
        BuffersConfiguration{.name = "cuda_segments", .backend = "cuda", .mode = PoolMode::segments, .limit = 256_MiB},
        BuffersConfiguration{.name = "cuda_fake_pages", .backend = cuda_fake, .limit = 256_MiB},
        BuffersConfiguration{.name = "cuda_fake_pages_tight", .backend = cuda_fake, .limit = 24_MiB},
        BuffersConfiguration{
            .name = "cuda_fake_segments", .backend = cuda_fake, .mode = PoolMode::segments, .limit = 128_MiB},
        BuffersConfiguration{.name = "cuda_fake_off", .backend = cuda_fake, .mode = PoolMode::off, .limit = 128_MiB},
        BuffersConfiguration{.name = "cuda_fake_pages_every_17", .backend = cuda_fake, .limit = 48_MiB, .faults = 17}),
    name_of);
#endif

}  // namespace
}  // namespace weir::model
