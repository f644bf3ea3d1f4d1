// A list of kernels of two entries gives the enumeration, the calls and the shaders, and its plan runs in loops: all
// that a workload writes besides is here.
#include "compute/kernel_table.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "compute/loop.hpp"
#include "compute/shaders.hpp"
#include "compute/step.hpp"

namespace weir::compute::test {
namespace {

using namespace language;  // NOLINT(google-build-using-namespace): GLSL has one namespace

#define SMALL_KERNELS(KERNEL) \
  KERNEL(fill, words)         \
  KERNEL(halve, reals)

WEIR_COMPUTE_BODIES(SMALL_KERNELS)

struct Buffers {
  real* values;
};
struct Parameters {
  uint first;
};

struct Thread : Buffers, Parameters {
  Thread(const Buffers& buffers, const Parameters& parameters) : Buffers(buffers), Parameters(parameters) {}
  WEIR_COMPUTE_BODY void fill(uint i) { values[i] = real(first + i); }
  WEIR_COMPUTE_BODY void halve(uint i) { values[i] = values[i] / real(2); }
};

WEIR_COMPUTE_CALLS(SMALL_KERNELS)

struct Kernels {
  using Buffers = test::Buffers;
  using Parameters = test::Parameters;
  template <Body body>
  WEIR_COMPUTE_BODY static void run(const Buffers& buffers, const Parameters& parameters, uint item) {
    Thread thread(buffers, parameters);
    run_item<body>(thread, item);
  }
};

TEST(KernelTable, OneListIsAllThatAPlanNeeds) {
  static_assert(body_count == 2 && static_cast<int>(Body::halve) == 1);
  std::array<real, 4> values{};
  const std::vector<Step<Body, Parameters>> plan{{Body::fill, 4, {10}}, {Body::halve, 3, {}}};
  run_in_loops<Kernels>(plan, {values.data()});
  EXPECT_EQ(values, (std::array<real, 4>{5, 5.5, 6, 13}));
}

TEST(KernelTable, KernelsWithRealNumbersHaveAShaderForEachWidth) {
  static constexpr std::uint32_t fill[] = {1}, halve[] = {2}, halve_doubles[] = {3};
  constexpr Shader shaders[] = {SMALL_KERNELS(WEIR_COMPUTE_SHADER)};
  static_assert(std::size(shaders) == body_count);
  EXPECT_EQ(shaders[0].of(Precision::doubles).data(), shaders[0].of(Precision::floats).data());
  EXPECT_EQ(shaders[1].of(Precision::floats)[0], 2u);
  EXPECT_EQ(shaders[1].of(Precision::doubles)[0], 3u);
}

}  // namespace
}  // namespace weir::compute::test
