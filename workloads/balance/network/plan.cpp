#include "workloads/balance/network/plan.hpp"

#include <cmath>

#include "compute/range.hpp"

namespace weir::balance {
namespace {

// Adam's usual numbers.
constexpr double keep_mean = 0.9, keep_square = 0.999, epsilon = 1e-8;

std::uint32_t number(StepMemory memory) noexcept { return static_cast<std::uint32_t>(memory); }

/// Adam's rate with the corrections for means that started at 0.
float rate_of(double rate, std::uint64_t update) {
  const auto n = static_cast<double>(update);
  return static_cast<float>(rate * std::sqrt(1 - std::pow(keep_square, n)) / (1 - std::pow(keep_mean, n)));
}

}  // namespace

void LearningSettings::check() const {
  const auto require = [](const char* what, double value, compute::Range allowed) {
    compute::require_range("learning", what, "", value, allowed);
  };
  require("rate", rate, {1e-5F, 0.1F});
  require("discount", discount, {0, 1});
  require("batch", batch, {16, 256});
  require("replay memory", replay, {static_cast<double>(batch), 1'000'000});
  require("updates from one target to the next", target_updates, {1, 100'000});
  require("first share of random actions", explore_first, {0, 1});
  require("last share of random actions", explore_last, {0, 1});
  require("steps of exploration", explore_steps, {1, 10'000'000});
  require("largest error", max_error, {0.01F, 1'000});
  require("end of Huber's square", huber, {0.01F, 1'000});
  require("largest gradient", max_gradient, {1e-4F, 1'000});
  require("largest weight", max_weight, {0.1F, 1'000});
}

NetworkLayout::NetworkLayout(const NetworkShape& shape, std::uint32_t batch) : shape_(shape), batch_(batch) {
  compute::require_range("network", "number of observations", "", batch, {1, 16'777'216});
  compute::require_range("network", "count of the numbers of all observations", "",
                         1.0 * batch * (shape.inputs() + shape.neurons() + shape.outputs()), {1, 4.0e9});
}

nets::Parameters NetworkLayout::common() const noexcept {
  nets::Parameters told{};
  told.batch = batch_;
  told.inputs = shape_.inputs();
  told.outputs = shape_.outputs();
  told.record = record();
  told.all = shape_.parameters();
  return told;
}

// Errors lie as the values of the hidden layers do, and those of the outputs behind them.
nets::Parameters NetworkLayout::of_layer(const nets::Parameters& told, std::size_t layer) const {
  const Layer& it = shape_.layers()[layer];
  const bool last = layer + 1 == shape_.layers().size();
  nets::Parameters made = told;
  made.inputs = it.inputs;
  made.outputs = it.outputs;
  made.first_weight = it.first_weight;
  made.first_bias = it.first_neuron;
  made.first = it.first;
  made.values_in = made.errors_in = layer == 0 ? 0 : shape_.layers()[layer - 1].first_neuron * batch_;
  made.values_out = it.first_neuron * batch_;
  made.errors_out = last ? shape_.neurons() * batch_ : made.values_out;
  made.rectified = last ? 0 : 1;
  return made;
}

StepMemory NetworkLayout::memory_of(std::size_t layer, const Way& way) const noexcept {
  if (layer + 1 == shape_.layers().size()) return way.last;
  return layer == 0 ? way.first : way.middle;
}

void NetworkLayout::add_forward(std::vector<NetworkStep>& steps, const Way& way) const {
  for (std::size_t layer = 0; layer < shape_.layers().size(); ++layer) {
    const nets::Parameters told = of_layer(common(), layer);
    steps.push_back({nets::Body::forward, told.outputs * batch_, told, number(memory_of(layer, way))});
  }
}

std::vector<NetworkStep> NetworkLayout::forward() const {
  std::vector<NetworkStep> steps;
  add_forward(steps, {StepMemory::first, StepMemory::middle, StepMemory::said});
  return steps;
}

void NetworkLayout::add_backward(std::vector<NetworkStep>& steps, const nets::Parameters& told) const {
  const Way way{StepMemory::first, StepMemory::middle, StepMemory::last};
  const std::size_t count = shape_.layers().size();
  for (std::size_t layer = count; layer-- > 0;) {
    const nets::Parameters of_it = of_layer(told, layer);
    const std::uint32_t memory = number(memory_of(layer, way));
    steps.push_back({nets::Body::weigh, shape_.layers()[layer].parameters(), of_it, memory});
    if (layer != 0) steps.push_back({nets::Body::back, of_it.inputs * batch_, of_it, memory});
  }
  for (std::size_t layer = 0; layer < count; ++layer) {
    steps.push_back(
        {nets::Body::adapt, shape_.layers()[layer].parameters(), of_layer(told, layer), number(memory_of(layer, way))});
  }
}

void NetworkLayout::add_refresh(std::vector<NetworkStep>& steps) const {
  const Layer& last = shape_.layers().back();
  const std::uint32_t output_weights = last.inputs * last.outputs;
  const std::uint32_t hidden_weights = shape_.parameters() - shape_.neurons() - last.parameters();
  const auto add = [&](std::uint32_t items, StepMemory memory) {
    steps.push_back({nets::Body::refresh, items, common(), number(memory)});
  };
  add(hidden_weights, StepMemory::refresh_weights_hidden);
  add(shape_.neurons(), StepMemory::refresh_bias_hidden);
  add(output_weights, StepMemory::refresh_weights_output);
  add(last.outputs, StepMemory::refresh_bias_output);
}

std::vector<NetworkStep> NetworkLayout::update(const LearningSettings& settings, std::uint64_t update) const {
  nets::Parameters told = common();
  told.discount = settings.discount;
  told.max_error = settings.max_error;
  told.huber = settings.huber;
  told.max_gradient = settings.max_gradient;
  told.max_weight = settings.max_weight;
  told.rate = rate_of(settings.rate, update);
  told.epsilon = static_cast<float>(epsilon);
  told.keep_mean = static_cast<float>(keep_mean);
  told.keep_square = static_cast<float>(keep_square);
  told.errors_out = shape_.neurons() * batch_;
  const std::uint32_t last = number(StepMemory::last);
  std::vector<NetworkStep> steps;
  steps.push_back({nets::Body::gather, record() * batch_, told, number(StepMemory::gather)});
  add_forward(steps, {StepMemory::next_first, StepMemory::middle, StepMemory::last});
  add_forward(steps, {StepMemory::target_first, StepMemory::target_middle, StepMemory::target_last});
  steps.push_back({nets::Body::aim, batch_, told, last});
  add_forward(steps, {StepMemory::first, StepMemory::middle, StepMemory::last});
  steps.push_back({nets::Body::judge, batch_, told, last});
  add_backward(steps, told);
  if (update % settings.target_updates == 0) add_refresh(steps);
  return steps;
}

}  // namespace weir::balance
