// A network that learns on a device: double DQN with a replay memory. The network and its target network are network
// buffers; Adam's means and the records are buffers beside them, the records on the host too; what else one update
// needs is taken from a tensor pool and given back after it, as programs do whose sizes change from step to step.
#pragma once

#include <algorithm>
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

  /// The action of the largest output for one observation, computed on the device: update, forward and read in one
  /// submission. Waits for it.
  [[nodiscard]] std::uint32_t best_action(std::span<const float> observation);
  /// Where `batch` observations go, a column for each number. They stay there until the next other use of the learner.
  [[nodiscard]] DeviceSpan<float> observations(std::uint32_t batch);
  /// Queues the outputs of the observations that lie there, and says where: a column for each output.
  [[nodiscard]] DeviceSpan<float> forward(std::uint32_t batch);
  /// Keeps a transition, in place of the oldest once the memory is full.
  void remember(const Transition& transition);
  /// One update from a batch of different records, if there are as many; false if not. Does not wait on a GPU.
  bool learn();
  /// The mean of Huber's loss over the last update's batch. Waits.
  [[nodiscard]] float loss();

  /// The most bytes that the temporaries of one update took.
  [[nodiscard]] std::uint64_t peak_update_bytes() const { return tensors_.statistics().peak_bytes; }
  /// The weights of the network. Waits.
  [[nodiscard]] std::vector<float> parameters();
  /// Takes the weights of a network of this shape, for the target network too.
  void use(const std::vector<float>& parameters);
  /// Waits; the records are known here and are not read from the device.
  [[nodiscard]] State state();
  /// Goes on from there. Throws InvalidArgument where sizes are not this learner's.
  void restore(const State& state);

 private:
  /// All of them at once, as the tensors of an update.
  struct Temporaries {
    DeviceSpan<std::byte> gradients, errors, aims;
  };
  /// Makes bindings_ the memory of a plan; of a way through the network where there are no temporaries.
  void bind(const Temporaries* temporaries);
  /// Grows the buffers if a batch is the largest so far. A smaller one uses the front of them, so that what an update
  /// left in them stays readable.
  void fit(std::uint32_t batch);
  void queue_forward(std::uint32_t batch);
  void add_reads(Batch& batch, const NetworkBuffers& network) const;
  void add_updates(Batch& batch, const NetworkBuffers& network, std::span<const float> parameters) const;
  [[nodiscard]] std::uint64_t filled() const noexcept { return std::min<std::uint64_t>(remembered_, settings_.replay); }
  /// Different records, at random.
  void draw_indices();

  MemoryManager& memory_;
  NetworkRunner& runner_;
  const NetworkShape shape_;
  const LearningSettings settings_;
  const NetworkLayout layout_;
  const std::uint32_t seed_;
  const StreamId stream_;
  TensorPool tensors_;
  NetworkBuffers network_, target_;  // the input of the target network is the next observations
  Buffer<float> moments_, records_;
  Buffer<std::uint32_t> indices_;
  std::vector<DeviceSpan<std::byte>> bindings_;  // of the plan that was queued last
  std::vector<float> remembered_records_;  // as `records_` has them: what a state takes, and what outlives a device
  std::vector<std::uint32_t> drawn_;
  std::vector<std::uint64_t> drawn_in_;     ///< by record: the update that drew it last
  std::vector<NetworkStep> forward_steps_;  // of the batch that was asked for last
  std::uint32_t forward_batch_ = 0;
  std::uint64_t remembered_ = 0, updates_ = 0, draws_ = 0;
};

}  // namespace weir::balance
