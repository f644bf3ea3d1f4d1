// The buffers of a small neural network, made in one call: its layers, and what training
// it by Q-learning takes besides. However many hidden layers there are, there are as many
// buffers: layers of one kind lie one after the other. Numbers are 4 bytes each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <weir/buffer.hpp>
#include <weir/stream.hpp>

namespace weir {

class MemoryManager;

/// The neurons of each hidden layer, from the input on: `.hidden = 32`, or `.hidden = {64, 48, 32}`.
class HiddenLayers {
 public:
  HiddenLayers(std::int64_t neurons = 0) : sizes_{neurons} {}  // NOLINT(google-explicit-constructor): one is the usual
  HiddenLayers(std::initializer_list<std::int64_t> sizes) : sizes_(sizes) {}
  explicit HiddenLayers(std::span<const std::int64_t> sizes) : sizes_(sizes.begin(), sizes.end()) {}

  [[nodiscard]] std::span<const std::int64_t> sizes() const noexcept { return sizes_; }
  /// Of all layers together.
  [[nodiscard]] std::int64_t neurons() const noexcept;

 private:
  std::vector<std::int64_t> sizes_;
};

/// How many values a network has in each layer, and how many samples are computed at a time.
struct NetworkSizes {
  static constexpr std::int64_t max_size = 2'147'483'647;  ///< of each, and of all hidden layers together
  static constexpr std::int64_t usual_batch = 1024;        ///< a larger one is warned of in the log

  std::int64_t input = 0;
  HiddenLayers hidden = 0;
  std::int64_t output = 0;
  std::int64_t batch = 1;
  bool training = true;  ///< a batch of more than 1 has the buffers of Q-learning too
};

/// What `qlearning_params` holds; the caller uploads it.
struct QLearningParameters {
  std::uint32_t batch = 1;
  std::uint32_t input = 0;
  std::uint32_t hidden = 0;  ///< of all hidden layers together
  std::uint32_t output = 0;
  float learning_rate = 3e-4F;
  float discount = 0.99F;
  float epsilon = 1e-8F;  ///< keeps divisions from 0
  float clip = 5.0F;      ///< of the error
};
static_assert(sizeof(QLearningParameters) == 32);

/// Four words for a kernel, in its own layout.
struct KernelParameters {
  std::uint32_t words[4] = {};
};
static_assert(sizeof(KernelParameters) == 16);

/// The buffers, which this owns: freed with it. Each is named as its member, after the prefix. Move-only. External
/// synchronization, as for one buffer. It may outlive its manager, and is empty then. With several hidden layers
/// `hidden`, `weights_hidden` and `bias_hidden` have them one after the other, from the input on: first_weight() and
/// first_neuron() say where each begins.
struct NetworkBuffers {
  Buffer<float> input;           ///< input × batch, read-only
  Buffer<float> hidden;          ///< hidden × batch
  Buffer<float> output;          ///< output × batch, write-only
  Buffer<float> weights_hidden;  ///< of each layer: the size of the one before × its own. As biases: persistent
  Buffer<float> weights_output;  ///< the last hidden layer × output
  Buffer<float> bias_hidden;     ///< hidden
  Buffer<float> bias_output;     ///< output
  Buffer<KernelParameters> matmul_params;      ///< uniform
  Buffer<KernelParameters> activation_params;  ///< uniform
  Buffer<float> staging_input;                 ///< input × batch, memory of the host
  Buffer<float> staging_output;                ///< output × batch, memory of the host

  // Where a batch is trained with; else these are empty.
  Buffer<float> q_values;         ///< output × batch
  Buffer<float> target_q_values;  ///< output × batch
  Buffer<std::uint32_t> actions;  ///< batch, read-only, as rewards and dones
  Buffer<float> rewards;
  Buffer<std::uint32_t> dones;                   ///< 1 where an episode ended
  Buffer<float> td_errors;                       ///< batch, write-only
  Buffer<QLearningParameters> qlearning_params;  ///< uniform

  /// As asked for, with the batch that set_batch() set.
  [[nodiscard]] const NetworkSizes& sizes() const noexcept { return sizes_; }
  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }
  /// Whether it has the buffers of Q-learning.
  [[nodiscard]] bool trains() const noexcept { return q_values.valid(); }
  /// Where the weights of hidden layer `layer`, from 0 on, begin in weights_hidden. Throws InvalidArgument for one that
  /// is not there.
  [[nodiscard]] std::size_t first_weight(std::size_t layer) const;
  /// Where its biases begin in bias_hidden; times the batch: its values in `hidden`. Throws InvalidArgument.
  [[nodiscard]] std::size_t first_neuron(std::size_t layer) const;
  /// Bytes of device memory that the buffers have room for; staging memory is not counted.
  [[nodiscard]] std::uint64_t bytes() const;

  /// Sets the size of all buffers that have a value for each sample. Memory is kept when the batch shrinks: a size that
  /// was there before calls no driver. Contents are kept as a buffer keeps them in resize(). The first batch of more
  /// than 1 of a training network makes the buffers of Q-learning, which stay. The batch that it has already does
  /// nothing. Throws as create_network_buffers; then all sizes are what they were.
  void set_batch(std::int64_t batch, StreamId stream = StreamId::legacy_default);
  /// Frees all now.
  void free() noexcept;

 private:
  friend NetworkBuffers create_network_buffers(MemoryManager& memory, const NetworkSizes& sizes,
                                               std::string_view prefix, StreamId stream);
  template <class F>
  void each_of_batch(F f);
  void make_for_training(std::int64_t batch, StreamId stream);
  void require_layer(std::size_t layer) const;

  MemoryManager* memory_ = nullptr;
  NetworkSizes sizes_;
  std::string prefix_;
};

/// Makes 11 buffers, or 18 where `sizes` trains with a batch of more than 1; all or none. Their names are the prefix
/// and the member's name, so that two networks with different prefixes fit into one manager. Contents are undefined.
/// Throws InvalidArgument for a size that is not from 1 to NetworkSizes::max_size, for no hidden layer, and for names
/// that are taken,
/// LimitExceeded where the buffers' bytes pass the manager's limit, OutOfMemory.
[[nodiscard]] NetworkBuffers create_network_buffers(MemoryManager& memory, const NetworkSizes& sizes,
                                                    std::string_view prefix = "",
                                                    StreamId stream = StreamId::legacy_default);

}  // namespace weir
