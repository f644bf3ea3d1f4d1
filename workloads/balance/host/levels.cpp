#include "workloads/balance/host/levels.hpp"

#include <algorithm>

#include "compute/processor.hpp"

namespace weir::balance {

#define WEIR_BALANCE_DECLARE(level)                                                                                 \
  namespace level {                                                                                                 \
  void run_robots(const RobotStep& step, const robots::Buffers& buffers, std::uint32_t part, std::uint32_t parts);  \
  void run_network(const NetworkStep& step, const nets::Buffers& buffers, std::uint32_t part, std::uint32_t parts); \
  const float* infer(const PaddedNetwork& network, const float* observation, float* values);                        \
  }
WEIR_BALANCE_DECLARE(baseline)
#if defined(__x86_64__)
WEIR_BALANCE_DECLARE(v3)
WEIR_BALANCE_DECLARE(v4)
#endif
#undef WEIR_BALANCE_DECLARE

PaddedNetwork::PaddedNetwork(const NetworkShape& shape) {
  std::size_t first = 0;
  for (const Layer& layer : shape.layers()) {
    const bool last = &layer == &shape.layers().back();
    layers.push_back({.inputs = layer.inputs, .vectors = (layer.outputs + 7) / 8, .first = first, .rectified = !last});
    narrow = narrow && layer.outputs <= (last ? 4 : 8);
    first += (layers.back().inputs + 1) * layers.back().vectors * 8;
  }
  weights.resize(first);
}

void PaddedNetwork::fill(const NetworkShape& shape, std::span<const float> parameters) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = shape.layers()[i];
    const float* from = parameters.data() + layer.first;
    float* to = weights.data() + layers[i].first;
    for (std::size_t k = 0; k <= layer.inputs; ++k, from += layer.outputs, to += layers[i].vectors * 8) {
      std::copy_n(from, layer.outputs, to);
    }
  }
}

std::vector<Level> levels() {
#if defined(__x86_64__)
  std::vector<Level> all{{"x86-64", baseline::run_robots, baseline::run_network, baseline::infer}};
  if (compute::runs_v3()) all.push_back({"x86-64-v3", v3::run_robots, v3::run_network, v3::infer});
  if (compute::runs_v4()) all.push_back({"x86-64-v4", v4::run_robots, v4::run_network, v4::infer});
  return all;
#else
  return {{"baseline", baseline::run_robots, baseline::run_network, baseline::infer}};
#endif
}

Level choose_level(std::string_view name) { return compute::choose_level(levels(), name); }

}  // namespace weir::balance
