// One thread of the robots' kernels in C++: buffers and parameters as robots.comp has them by global names, and the
// bodies as members.
#pragma once

#include <array>
#include <cstddef>

#include "workloads/balance/robot/formulas.hpp"
#include "workloads/balance/robot/kernels.hpp"
#include "workloads/balance/robot/parameters.hpp"

namespace weir::balance::robots {

using namespace formulas;  // NOLINT(google-build-using-namespace): GLSL has one namespace

struct Buffers {
  float* motion;
  uint* tallies;
  float* values;
  uint* actions;
  float* rewards;
  uint* dones;
};

struct Thread : Buffers, Parameters {
  WEIR_COMPUTE_BODY Thread(const Buffers& buffers, const Parameters& parameters)
      : Buffers(buffers), Parameters(parameters) {}

#include "workloads/balance/robot/bodies.hpp"
};

WEIR_COMPUTE_CALLS(WEIR_BALANCE_ROBOT_KERNELS)

/// The kernels as compute's loops and launches take them.
struct Kernels {
  using Body = robots::Body;
  using Buffers = robots::Buffers;
  using Parameters = robots::Parameters;

  /// In the order of robots.comp's bindings.
  static constexpr std::size_t bindings = 6;
  static Buffers buffers(const std::array<void*, bindings>& at) {
    return {static_cast<float*>(at[0]), static_cast<uint*>(at[1]),  static_cast<float*>(at[2]),
            static_cast<uint*>(at[3]),  static_cast<float*>(at[4]), static_cast<uint*>(at[5])};
  }

  template <Body body>
  WEIR_COMPUTE_BODY static void run(const Buffers& buffers, const Parameters& parameters, uint item) {
    Thread thread(buffers, parameters);
    run_item<body>(thread, item);
  }
};

}  // namespace weir::balance::robots
