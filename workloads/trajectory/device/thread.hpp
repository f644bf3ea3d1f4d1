// One thread of the trajectories' kernels in C++: buffers and parameters as chunk.comp has them by global names, and
// the bodies as members.
#pragma once

#include <array>
#include <cstddef>

#include "workloads/trajectory/device/formulas.hpp"
#include "workloads/trajectory/device/kernels.hpp"
#include "workloads/trajectory/device/parameters.hpp"

namespace weir::trajectory {

using namespace formulas;  // NOLINT(google-build-using-namespace): GLSL has one namespace

struct Buffers {
  real* launches;
  real* paths;
};

struct Thread : Buffers, Parameters {
  WEIR_COMPUTE_BODY Thread(const Buffers& buffers, const Parameters& parameters)
      : Buffers(buffers), Parameters(parameters) {}

#include "workloads/trajectory/device/bodies.hpp"
};

WEIR_COMPUTE_CALLS(WEIR_TRAJECTORY_KERNELS)

/// The kernels as compute's loops and launches take them.
struct Kernels {
  using Body = trajectory::Body;
  using Buffers = trajectory::Buffers;
  using Parameters = trajectory::Parameters;

  /// In the order of chunk.comp's bindings.
  static constexpr std::size_t bindings = 2;
  static Buffers buffers(const std::array<void*, bindings>& at) {
    return {static_cast<real*>(at[0]), static_cast<real*>(at[1])};
  }

  template <Body body>
  WEIR_COMPUTE_BODY static void run(const Buffers& buffers, const Parameters& parameters, uint item) {
    Thread thread(buffers, parameters);
    run_item<body>(thread, item);
  }
};

}  // namespace weir::trajectory
