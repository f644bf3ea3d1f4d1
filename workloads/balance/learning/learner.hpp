// A network that learns on a device: double DQN with a replay memory. What lasts (weights, Adam's means, records) lies
// in buffers of the manager; what one update needs is taken from a tensor pool and given back after it, as programs do
// whose sizes change from step to step.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/balance/device/runners.hpp"
#include "workloads/balance/network/plan.hpp"

namespace weir::balance {

/// A step that a robot took.
struct Transition {
  std::span<const float> observation;
  std::span<const float> next;
  std::uint32_t action = 0;
  float reward = 0;
  bool fell = false;  ///< what comes next is worth nothing
};

class Learner {
 public:
  /// All that a learner is, to go on from later.
  struct State {
    std::vector<float> parameters;  ///< the network, then the target network
    std::vector<float> moments;
    std::vector<float> records;    ///< those that are filled
    std::uint64_t remembered = 0;  ///< transitions so far
    std::uint64_t updates = 0;
    std::uint64_t draws = 0;  ///< random numbers taken
  };

  /// Takes memory of `memory`, which outlives it, as `runner` does. The network starts from `seed`. Throws as
  /// LearningSettings::check and MemoryManager::create.
  Learner(MemoryManager& memory, NetworkRunner& runner, const NetworkShape& shape, const LearningSettings& settings,
          Start start, std::uint32_t seed, StreamId stream);

  [[nodiscard]] const NetworkShape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::uint64_t updates() const noexcept { return updates_; }

  /// The action of the largest output for one observation, computed on the device. Waits for it.
  [[nodiscard]] std::uint32_t best_action(std::span<const float> observation);
  /// Queues the outputs of the observations that lie in columns at the start of `values`, behind which the layers'
  /// outputs go; `batch` of them.
  void forward(const DeviceSpan<float>& values, std::uint32_t batch);
  /// Keeps a transition, in place of the oldest once the memory is full.
  void remember(const Transition& transition);
  /// One update from a batch of different records, if there are as many; false if not. Does not wait on a GPU.
  bool learn();
  /// The mean loss of the last update's batch. Waits.
  [[nodiscard]] float loss();

  /// The most bytes that the temporaries of one update took.
  [[nodiscard]] std::uint64_t peak_update_bytes() const { return tensors_.statistics().peak_bytes; }
  /// The weights of the network. Waits.
  [[nodiscard]] std::vector<float> parameters();
  /// Takes the weights of a network of this shape, for the target network too.
  void use(const std::vector<float>& parameters);
  [[nodiscard]] State state();
  /// Goes on from there. Throws InvalidArgument where sizes are not this learner's.
  void restore(const State& state);

 private:
  /// In the order of network.comp; what a plan does not use may be any memory.
  [[nodiscard]] std::array<DeviceSpan<std::byte>, 8> bindings(const DeviceSpan<float>& gradients,
                                                              const DeviceSpan<float>& values,
                                                              const DeviceSpan<float>& errors) const;
  [[nodiscard]] std::uint64_t filled() const noexcept { return std::min<std::uint64_t>(remembered_, settings_.replay); }
  /// Different records, at random.
  void draw_indices();

  MemoryManager& memory_;
  NetworkRunner& runner_;
  const NetworkShape shape_;
  const LearningSettings settings_;
  const NetworkLayout layout_, single_;
  const std::uint32_t seed_;
  const StreamId stream_;
  TensorPool tensors_;
  Buffer<float> parameters_, moments_, records_, facts_;
  Buffer<std::uint32_t> indices_;
  std::vector<float> record_;
  std::vector<std::uint32_t> drawn_;
  std::vector<std::uint64_t> drawn_in_;     ///< by record: the update that drew it last
  std::vector<NetworkStep> forward_steps_;  // of the batch that was asked for last
  std::uint32_t forward_batch_ = 0;
  std::uint64_t remembered_ = 0, updates_ = 0, draws_ = 0;
};

}  // namespace weir::balance
