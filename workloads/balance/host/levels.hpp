// The host's kernels of robots and networks, built for three levels of x86-64 of which choose_level() takes the best
// that runs here. All give the same bits as the kernels' bodies: each sum has the body's order, and nothing is
// contracted.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "compute/step.hpp"
#include "workloads/balance/network/plan.hpp"
#include "workloads/balance/robot/thread.hpp"

namespace weir::balance {

using RobotStep = compute::Step<robots::Body, robots::Parameters>;

/// Part `part` of `parts` of a step.
using RunRobots = void (*)(const RobotStep& step, const robots::Buffers& buffers, std::uint32_t part,
                           std::uint32_t parts);
using RunNetwork = void (*)(const NetworkStep& step, const nets::Buffers& buffers, std::uint32_t part,
                            std::uint32_t parts);
/// A network's weights with each layer's neurons filled up to whole vectors of eight, for Infer.
struct PaddedNetwork {
  struct PaddedLayer {
    std::size_t inputs = 0;
    std::size_t vectors = 0;
    std::size_t first = 0;  ///< in `weights`
    bool rectified = false;
  };
  std::vector<PaddedLayer> layers;
  std::vector<float> weights;
  bool narrow = true;  ///< no layer has more than eight neurons, and the last not more than four

  explicit PaddedNetwork(const NetworkShape& shape);
  /// Takes the parameters of a network of that shape.
  void fill(const NetworkShape& shape, std::span<const float> parameters);
};

/// What a network gives for one observation: `values` has space for two layers, `max_neurons` each; the result lies in
/// one of them. The same bits as of a batch.
using Infer = const float* (*)(const PaddedNetwork& network, const float* observation, float* values);

struct Level {
  std::string_view name;  ///< "x86-64", "x86-64-v3", "x86-64-v4"; "baseline" elsewhere
  RunRobots run_robots;
  RunNetwork run_network;
  Infer infer;
};
/// Those that run here, the best last.
[[nodiscard]] std::vector<Level> levels();
/// The best, or the one that `name` asks for. Throws NotFound, which lists those that run here.
[[nodiscard]] Level choose_level(std::string_view name = {});

}  // namespace weir::balance
