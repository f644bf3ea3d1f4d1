// One thread of a network's kernels in C++: buffers and parameters as network.comp has them by global names, and the
// bodies as members.
#pragma once

#include <array>
#include <cstddef>

#include "workloads/balance/network/kernels.hpp"
#include "workloads/balance/network/parameters.hpp"

namespace weir::balance::nets {

struct Buffers {
  const float* replay;
  const uint* indices;
  float* parameters;  ///< the network being trained, then the target network
  float* gradients;
  float* moments;  ///< Adam's means, then its squares
  float* values;
  float* errors;
  float* facts;
};

struct Thread : Buffers, Parameters {
  WEIR_COMPUTE_BODY Thread(const Buffers& buffers, const Parameters& told) : Buffers(buffers), Parameters(told) {}

#include "workloads/balance/network/bodies.hpp"
};

WEIR_COMPUTE_CALLS(WEIR_BALANCE_NETWORK_KERNELS)

/// The kernels as compute's loops and launches take them.
struct Kernels {
  using Body = nets::Body;
  using Buffers = nets::Buffers;
  using Parameters = nets::Parameters;

  /// In the order of network.comp's bindings.
  static constexpr std::size_t bindings = 8;
  static Buffers buffers(const std::array<void*, bindings>& at) {
    const auto floats = [&](std::size_t i) { return static_cast<float*>(at[i]); };
    return {floats(0), static_cast<uint*>(at[1]), floats(2), floats(3), floats(4), floats(5), floats(6), floats(7)};
  }

  template <Body body>
  WEIR_COMPUTE_BODY static void run(const Buffers& buffers, const Parameters& parameters, uint item) {
    Thread thread(buffers, parameters);
    run_item<body>(thread, item);
  }
};

}  // namespace weir::balance::nets
