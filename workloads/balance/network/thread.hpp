// One thread of a network's kernels in C++: buffers and parameters as network.comp has them by global names, and the
// bodies as members.
#pragma once

#include <array>
#include <cstddef>

#include "workloads/balance/network/kernels.hpp"
#include "workloads/balance/network/parameters.hpp"

namespace weir::balance::nets {

/// The memory of one step; no kernel uses more than eight of them. Those of the layer that the step is about come
/// first.
struct Buffers {
  float* weights;
  float* biases;
  float* before;  ///< the values that a layer is given
  float* after;   ///< and those that it gives
  const float* target_values;
  const float* replay;
  const uint* indices;
  uint* actions;
  float* rewards;
  uint* dones;  ///< 1 for the last step before a fall, else 0
  float* aims;
  float* td_errors;
  float* errors;
  float* gradients;
  float* moments;  ///< Adam's means, then its squares
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
  static constexpr std::size_t bindings = 15;
  static Buffers buffers(const std::array<void*, bindings>& at) {
    const auto floats = [&](std::size_t i) { return static_cast<float*>(at[i]); };
    const auto words = [&](std::size_t i) { return static_cast<uint*>(at[i]); };
    return {floats(0), floats(1), floats(2),  floats(3),  floats(4),  floats(5),  words(6),  words(7),
            floats(8), words(9),  floats(10), floats(11), floats(12), floats(13), floats(14)};
  }

  template <Body body>
  WEIR_COMPUTE_BODY static void run(const Buffers& buffers, const Parameters& parameters, uint item) {
    Thread thread(buffers, parameters);
    run_item<body>(thread, item);
  }
};

}  // namespace weir::balance::nets
