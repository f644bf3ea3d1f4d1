// Which kernels a network runs, one after the other: for its outputs, and for one update of double DQN. The same for
// every device.
#pragma once

#include <cstdint>
#include <vector>

#include "compute/step.hpp"
#include "workloads/balance/network/shape.hpp"
#include "workloads/balance/network/thread.hpp"

namespace weir::balance {

using NetworkStep = compute::Step<nets::Body, nets::Parameters>;

/// How a network learns. Checked by check().
struct LearningSettings {
  float rate = 2e-3F;                   ///< Adam's; 1e-5 to 1e-1
  float discount = 0.98F;               ///< γ; 0 to 1
  std::uint32_t batch = 64;             ///< records of an update; 16 to 256
  std::uint32_t replay = 10'000;        ///< records that are kept; batch to 1,000,000
  std::uint32_t target_updates = 100;   ///< updates from one copy of the target network to the next; 1 to 100,000
  float explore_first = 0.9F;           ///< ε, the share of random actions, at the first step; 0 to 1
  float explore_last = 0.01F;           ///< and from explore_steps on; 0 to 1
  std::uint32_t explore_steps = 2'500;  ///< 1 to 10,000,000
  float max_error = 5;                  ///< of an output, to either side; 0.01 to 1,000
  float huber = 1;                      ///< where the loss turns from a square to a line; 0.01 to 1,000
  float max_gradient = 0.5F;            ///< of a weight, to either side; 1e-4 to 1,000
  float max_weight = 10;                ///< to either side; 0.1 to 1,000

  /// Throws InvalidArgument that names the value and its range.
  void check() const;
};

/// Which memory a step uses: the layer's weights, what it is given and what it gives. The first three are all that a
/// way through the network needs.
enum class StepMemory : std::uint8_t {
  first,         ///< observations to the first hidden layer
  middle,        ///< a hidden layer to the next
  said,          ///< the last hidden layer to `output`
  last,          ///< the last hidden layer to `q_values`
  next_first,    ///< next observations to the first hidden layer
  target_first,  ///< as the first, middle and last of the target network, which starts from the next observations
  target_middle,
  target_last,
  gather,  ///< records to observations and next observations
  refresh_weights_hidden,
  refresh_bias_hidden,
  refresh_weights_output,
  refresh_bias_output,
};
inline constexpr std::size_t forward_memories = 3, update_memories = 13;

/// All memory of a network that learns. `Span` is what the one who runs the plan takes: a device's span, or a pointer.
template <class Span>
struct NetworkMemory {
  struct Side {
    Span input, hidden, weights_hidden, bias_hidden, weights_output, bias_output;
  };
  Side network, target;  ///< the input of the target network is the next observations
  Span output, q_values, target_q_values;
  Span replay, indices, actions, rewards, dones, aims, td_errors, errors, gradients, moments;

  /// One for each of the kernels' bindings, for the first `count` of StepMemory after each other.
  void append_to(std::vector<Span>& bindings, std::size_t count) const {
    const Side &n = network, &t = target;
    const auto set = [&](const Span& weights, const Span& biases, const Span& before, const Span& after) {
      if (count == 0) return;
      --count;
      bindings.insert(bindings.end(), {weights, biases, before, after, target_q_values, replay, indices, actions,
                                       rewards, dones, aims, td_errors, errors, gradients, moments});
    };
    set(n.weights_hidden, n.bias_hidden, n.input, n.hidden);
    set(n.weights_hidden, n.bias_hidden, n.hidden, n.hidden);
    set(n.weights_output, n.bias_output, n.hidden, output);
    set(n.weights_output, n.bias_output, n.hidden, q_values);
    set(n.weights_hidden, n.bias_hidden, t.input, n.hidden);
    set(t.weights_hidden, t.bias_hidden, t.input, t.hidden);
    set(t.weights_hidden, t.bias_hidden, t.hidden, t.hidden);
    set(t.weights_output, t.bias_output, t.hidden, target_q_values);
    set(n.weights_hidden, n.bias_hidden, n.input, t.input);
    set(n.weights_hidden, n.bias_hidden, n.weights_hidden, t.weights_hidden);
    set(n.weights_hidden, n.bias_hidden, n.bias_hidden, t.bias_hidden);
    set(n.weights_hidden, n.bias_hidden, n.weights_output, t.weights_output);
    set(n.weights_hidden, n.bias_hidden, n.bias_output, t.bias_output);
  }
};

/// What a network does for a batch. Numbers of 4 bytes.
class NetworkLayout {
 public:
  NetworkLayout(const NetworkShape& shape, std::uint32_t batch);

  /// Of the replay memory: an observation, the next one, reward, action, whether the robot fell.
  [[nodiscard]] std::uint32_t record() const noexcept { return 2 * shape_.inputs() + 3; }
  [[nodiscard]] std::uint32_t batch() const noexcept { return batch_; }
  [[nodiscard]] const NetworkShape& shape() const noexcept { return shape_; }
  /// Of all hidden layers, and behind them of the outputs.
  [[nodiscard]] std::uint32_t errors() const noexcept { return (shape_.neurons() + shape_.outputs()) * batch_; }

  /// The outputs of the observations in the network's input.
  [[nodiscard]] std::vector<NetworkStep> forward() const;
  /// An update from the records that `indices` name. `update` is its number, 1 for the first; every target_updates-th
  /// makes the target network a copy.
  [[nodiscard]] std::vector<NetworkStep> update(const LearningSettings& settings, std::uint64_t update) const;

 private:
  /// The memory of the first, the middle and the last layers.
  struct Way {
    StepMemory first, middle, last;
  };
  [[nodiscard]] nets::Parameters common() const noexcept;
  /// As common(), of one layer.
  [[nodiscard]] nets::Parameters of_layer(const nets::Parameters& told, std::size_t layer) const;
  [[nodiscard]] StepMemory memory_of(std::size_t layer, const Way& way) const noexcept;
  void add_forward(std::vector<NetworkStep>& steps, const Way& way) const;
  void add_backward(std::vector<NetworkStep>& steps, const nets::Parameters& told) const;
  void add_refresh(std::vector<NetworkStep>& steps) const;

  NetworkShape shape_;
  std::uint32_t batch_;
};

}  // namespace weir::balance
