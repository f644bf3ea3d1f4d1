#include "workloads/balance/network/plan.hpp"

#include <cmath>

#include "compute/range.hpp"

namespace weir::balance {
namespace {

// Adam's usual numbers.
constexpr double keep_mean = 0.9, keep_square = 0.999, epsilon = 1e-8;

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
  compute::require_range("network", "count of the numbers of all observations", "", 2.0 * shape.values() * batch,
                         {1, 4.0e9});
}

nets::Parameters NetworkLayout::common() const noexcept {
  nets::Parameters told{};
  told.batch = batch_;
  told.record = record();
  told.all = shape_.parameters();
  return told;
}

void NetworkLayout::add_forward(std::vector<NetworkStep>& steps, std::uint32_t values, std::uint32_t weights) const {
  nets::Parameters told = common();
  told.values_in = values;
  for (const Layer& layer : shape_.layers()) {
    told.inputs = layer.inputs;
    told.outputs = layer.outputs;
    told.weights = weights + layer.first;
    told.values_out = told.values_in + layer.inputs * batch_;
    told.rectified = &layer != &shape_.layers().back() ? 1 : 0;
    steps.push_back({nets::Body::forward, layer.outputs * batch_, told});
    told.values_in = told.values_out;
  }
}

std::vector<NetworkStep> NetworkLayout::forward() const {
  std::vector<NetworkStep> steps;
  add_forward(steps, 0, 0);
  return steps;
}

// Errors lie as the values of the same layer do.
void NetworkLayout::add_backward(std::vector<NetworkStep>& steps, const nets::Parameters& told) const {
  nets::Parameters layer_told = told;
  std::uint32_t at = outputs();
  for (auto layer = shape_.layers().rbegin(); layer != shape_.layers().rend(); ++layer) {
    layer_told.inputs = layer->inputs;
    layer_told.outputs = layer->outputs;
    layer_told.weights = layer->first;
    layer_told.errors_out = at;
    at -= layer->inputs * batch_;
    layer_told.values_in = at;
    layer_told.errors_in = at;
    steps.push_back({nets::Body::weigh, layer->parameters(), layer_told});
    if (at != 0) steps.push_back({nets::Body::back, layer->inputs * batch_, layer_told});
  }
}

std::vector<NetworkStep> NetworkLayout::update(const LearningSettings& settings, std::uint64_t update) const {
  nets::Parameters told = common();
  told.inputs = shape_.inputs();
  told.outputs = shape_.outputs();
  told.discount = settings.discount;
  told.max_error = settings.max_error;
  told.huber = settings.huber;
  told.max_gradient = settings.max_gradient;
  told.max_weight = settings.max_weight;
  told.rate = rate_of(settings.rate, update);
  told.epsilon = static_cast<float>(epsilon);
  told.keep_mean = static_cast<float>(keep_mean);
  told.keep_square = static_cast<float>(keep_square);
  const std::uint32_t next = values();  // the next observations' way lies behind that of these
  std::vector<NetworkStep> steps;
  const auto add = [&](nets::Body body, std::uint32_t items, std::uint32_t values_out) {
    told.values_out = values_out;
    told.errors_out = values_out;
    steps.push_back({body, items, told});
  };
  add(nets::Body::gather, record() * batch_, next);
  add_forward(steps, next, 0);
  add(nets::Body::choose, batch_, next + outputs());
  add_forward(steps, next, shape_.parameters());
  add(nets::Body::aim, batch_, next + outputs());
  add_forward(steps, 0, 0);
  add(nets::Body::judge, batch_, outputs());
  add_backward(steps, told);
  add(nets::Body::adapt, shape_.parameters(), 0);
  if (update % settings.target_updates == 0) add(nets::Body::refresh, shape_.parameters(), 0);
  return steps;
}

}  // namespace weir::balance
