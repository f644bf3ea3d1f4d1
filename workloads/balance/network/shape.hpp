// The shape of a network: how many numbers go in, how many neurons each hidden layer has, how many numbers come out;
// and where the weights of each layer lie in the one array of parameters that a network is. Every layer but the last
// ends with ReLU.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::balance {

inline constexpr std::uint32_t max_neurons = 256;  // of a layer
inline constexpr std::size_t max_hidden_layers = 8;
inline constexpr std::uint32_t max_parameters = 50'000;

/// One layer: `outputs` sums over `inputs`. Its weights lie from `first` on, input by input, its biases behind them. In
/// a device's buffers (weir::NetworkBuffers), which have weights and biases apart, those of a hidden layer begin behind
/// those of the hidden layers before it; those of the last layer have buffers of their own.
struct Layer {
  std::uint32_t inputs = 0;
  std::uint32_t outputs = 0;
  std::uint32_t first = 0;
  std::uint32_t first_weight = 0;
  std::uint32_t first_neuron = 0;
  [[nodiscard]] std::uint32_t bias() const noexcept { return first + inputs * outputs; }
  [[nodiscard]] std::uint32_t parameters() const noexcept { return (inputs + 1) * outputs; }
};

class NetworkShape {
 public:
  /// Throws InvalidArgument, which names the number and its range, for a layer of no or too many neurons, too many
  /// layers or too many parameters.
  NetworkShape(std::uint32_t inputs, std::vector<std::uint32_t> hidden, std::uint32_t outputs);

  [[nodiscard]] std::uint32_t inputs() const noexcept { return layers_.front().inputs; }
  [[nodiscard]] std::uint32_t outputs() const noexcept { return layers_.back().outputs; }
  [[nodiscard]] const std::vector<std::uint32_t>& hidden() const noexcept { return hidden_; }
  [[nodiscard]] const std::vector<Layer>& layers() const noexcept { return layers_; }
  [[nodiscard]] std::uint32_t parameters() const noexcept { return layers_.back().first + layers_.back().parameters(); }
  /// Of all hidden layers.
  [[nodiscard]] std::uint32_t neurons() const noexcept;
  /// "4-32-3".
  [[nodiscard]] std::string text() const;

  friend bool operator==(const NetworkShape& a, const NetworkShape& b) {
    return a.inputs() == b.inputs() && a.hidden_ == b.hidden_ && a.outputs() == b.outputs();
  }

 private:
  std::vector<std::uint32_t> hidden_;
  std::vector<Layer> layers_;
};

/// Which of a network's buffers: weir::NetworkBuffers has these four for weights and biases.
enum class NetworkPart : std::uint8_t { weights_hidden, bias_hidden, weights_output, bias_output };
/// Numbers that lie side by side both in the array of parameters and in a network's buffer.
struct Segment {
  NetworkPart part;
  std::size_t at;     ///< in the buffer
  std::size_t first;  ///< in the array
  std::size_t count;
};
/// All parameters, in the order of the array: weights and biases of each layer.
[[nodiscard]] std::vector<Segment> segments(const NetworkShape& shape);

/// A named shape, which says only its hidden layers.
struct NetworkPreset {
  std::string_view name;
  std::vector<std::uint32_t> hidden;
};
/// Micro, Nano, Classic, Enhanced, Advanced, Research, Maximum, DQN.
[[nodiscard]] const std::vector<NetworkPreset>& network_presets();

/// "4-32-3" or the name of a preset, which gets `inputs` and `outputs`. Throws InvalidArgument, which lists the
/// presets, and as NetworkShape.
[[nodiscard]] NetworkShape network_shape(std::string_view text, std::uint32_t inputs, std::uint32_t outputs);

/// The inputs that a text such as "4-32-3" names; `otherwise` for a preset's name.
[[nodiscard]] std::uint32_t named_inputs(std::string_view text, std::uint32_t otherwise);

enum class Start : std::uint8_t {
  xavier,  ///< uniform within ± √(2 / (inputs + outputs)) of the layer
  he,      ///< normal with variance 2 / inputs
};
/// The parameters that learning starts from: the same for the same seed, on every machine. Biases are 0.01.
[[nodiscard]] std::vector<float> first_parameters(const NetworkShape& shape, Start start, std::uint32_t seed);

}  // namespace weir::balance
