// One thread of a layout's kernels in C++: buffers and parameters as forces.comp has them by global names, and the
// bodies as members.
#pragma once

#include <array>
#include <cstddef>

#include "compute/sort_sizes.hpp"
#include "workloads/graph/forces/curve.hpp"
#include "workloads/graph/forces/formulas.hpp"
#include "workloads/graph/forces/kernels.hpp"
#include "workloads/graph/forces/parameters.hpp"

namespace weir::graph::forces {

/// In the order of the bindings; plan.hpp says what each has.
struct Buffers {
  float* positions;
  float* velocities;
  float* forces;
  float* previous_forces;
  float* mass;
  uint* degree;
  const uint* offsets;
  const uint* columns;
  const float* weights;
  uint* codes;
  uint* order;
  float* points;
  float* cells;
  uint* counters;
  float* scratch;
  float* step_figures;
};

struct Thread : Buffers, Parameters {
  WEIR_COMPUTE_BODY Thread(const Buffers& buffers, const Parameters& told) : Buffers(buffers), Parameters(told) {}

#include "compute/sort_bodies.hpp"
#include "workloads/graph/forces/motion.hpp"
#include "workloads/graph/forces/order.hpp"
#include "workloads/graph/forces/pairs.hpp"
#include "workloads/graph/forces/sums.hpp"
#include "workloads/graph/forces/tree.hpp"
};

WEIR_COMPUTE_CALLS(WEIR_GRAPH_KERNELS)

/// The kernels as compute's loops and launches take them.
struct Kernels {
  using Body = forces::Body;
  using Buffers = forces::Buffers;
  using Parameters = forces::Parameters;

  static constexpr std::size_t bindings = 16;
  static Buffers buffers(const std::array<void*, bindings>& at) {
    const auto floats = [&](std::size_t i) { return static_cast<float*>(at[i]); };
    const auto words = [&](std::size_t i) { return static_cast<uint*>(at[i]); };
    return {floats(0), floats(1), floats(2), floats(3),  floats(4),  words(5),  words(6),   words(7),
            floats(8), words(9),  words(10), floats(11), floats(12), words(13), floats(14), floats(15)};
  }

  template <Body body>
  WEIR_COMPUTE_BODY static void run(const Buffers& buffers, const Parameters& parameters, uint item) {
    Thread thread(buffers, parameters);
    run_item<body>(thread, item);
  }
};

}  // namespace weir::graph::forces
