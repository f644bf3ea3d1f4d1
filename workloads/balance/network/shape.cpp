#include "workloads/balance/network/shape.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>

#include <weir/errors.hpp>

#include "compute/range.hpp"
#include "workloads/balance/robot/formulas.hpp"

namespace weir::balance {
namespace {

constexpr float first_bias = 0.01F;

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// The numbers of "4-32-3"; none for a text that is not of that kind.
std::vector<std::uint32_t> numbers_in(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('-', at), text.size());
    std::uint32_t number = 0;
    const auto [rest, code] = std::from_chars(text.data() + at, text.data() + end, number);
    if (code != std::errc() || rest != text.data() + end) return {};
    numbers.push_back(number);
    at = end + 1;
  }
  return numbers;
}

}  // namespace

NetworkShape::NetworkShape(std::uint32_t inputs, std::vector<std::uint32_t> hidden, std::uint32_t outputs)
    : hidden_(std::move(hidden)) {
  compute::require_range("network", "number of hidden layers", "", static_cast<double>(hidden_.size()),
                         {1, max_hidden_layers});
  compute::require_range("network", "number of inputs", "", inputs, {1, max_neurons});
  compute::require_range("network", "number of outputs", "", outputs, {1, max_neurons});
  std::uint32_t from = inputs;
  Layer next;
  const auto add = [&](std::uint32_t neurons) {
    next.inputs = from;
    next.outputs = neurons;
    layers_.push_back(next);
    next.first += next.parameters();
    next.first_weight += from * neurons;
    next.first_neuron += neurons;
    from = neurons;
  };
  for (std::size_t i = 0; i < hidden_.size(); ++i) {
    compute::require_range("network", "size of hidden layer " + std::to_string(i + 1), "", hidden_[i],
                           {1, max_neurons});
    add(hidden_[i]);
  }
  next.first_weight = next.first_neuron = 0;
  add(outputs);
  compute::require_range("network", "number of parameters", "", parameters(), {1, max_parameters});
}

std::uint32_t NetworkShape::neurons() const noexcept { return std::accumulate(hidden_.begin(), hidden_.end(), 0U); }

std::string NetworkShape::text() const {
  std::string text = std::to_string(inputs());
  for (const Layer& layer : layers_) text += "-" + std::to_string(layer.outputs);
  return text;
}

std::vector<Segment> segments(const NetworkShape& shape) {
  std::vector<Segment> all;
  for (const Layer& layer : shape.layers()) {
    const bool last = &layer == &shape.layers().back();
    all.push_back({last ? NetworkPart::weights_output : NetworkPart::weights_hidden, layer.first_weight, layer.first,
                   layer.bias() - layer.first});
    all.push_back(
        {last ? NetworkPart::bias_output : NetworkPart::bias_hidden, layer.first_neuron, layer.bias(), layer.outputs});
  }
  return all;
}

const std::vector<NetworkPreset>& network_presets() {
  static const std::vector<NetworkPreset> all{
      {"Micro", {4}},
      {"Nano", {6}},
      {"Classic", {8}},
      {"Enhanced", {12, 8}},
      {"Advanced", {16, 12, 8}},
      {"Research", {32, 24, 16, 8}},
      {"Maximum", {64, 48, 32, 24, 16}},
      {"DQN", {128}},
  };
  return all;
}

NetworkShape network_shape(std::string_view text, std::uint32_t inputs, std::uint32_t outputs) {
  std::string names;
  for (const NetworkPreset& preset : network_presets()) {
    if (same_word(preset.name, text)) return {inputs, preset.hidden, outputs};
    names += (names.empty() ? "" : ", ") + std::string(preset.name);
  }
  const std::vector<std::uint32_t> numbers = numbers_in(text);
  if (numbers.size() < 3) {
    throw InvalidArgument(
        "no network \"" + std::string(text) + "\"; write the sizes of its layers, such as 4-32-3, or one of: " + names,
        {.name = "network"});
  }
  if (numbers.front() != inputs || numbers.back() != outputs) {
    throw InvalidArgument("network " + std::string(text) + ": takes " + std::to_string(numbers.front()) +
                              " numbers and gives " + std::to_string(numbers.back()) + "; the robot needs " +
                              std::to_string(inputs) + " and " + std::to_string(outputs),
                          {.name = "network"});
  }
  return {inputs, {numbers.begin() + 1, numbers.end() - 1}, outputs};
}

std::uint32_t named_inputs(std::string_view text, std::uint32_t otherwise) {
  const std::vector<std::uint32_t> numbers = numbers_in(text);
  return numbers.size() < 3 ? otherwise : numbers.front();
}

std::vector<float> first_parameters(const NetworkShape& shape, Start start, std::uint32_t seed) {
  std::vector<float> all(shape.parameters());
  std::uint32_t drawn = 0;
  for (std::uint32_t number = 0; const Layer& layer : shape.layers()) {
    const double bound = std::sqrt(2.0 / (layer.inputs + layer.outputs));
    const double deviation = std::sqrt(2.0 / layer.inputs);
    for (std::uint32_t i = layer.first; i < layer.bias(); ++i) {
      const std::uint32_t bits = formulas::draw(seed, number, drawn++);
      all[i] = start == Start::xavier ? static_cast<float>(bound * formulas::signed_of(bits))
                                      : static_cast<float>(deviation * formulas::normal_of(bits));
    }
    std::fill_n(all.begin() + layer.bias(), layer.outputs, first_bias);
    ++number;
  }
  return all;
}

}  // namespace weir::balance
