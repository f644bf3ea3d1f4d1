// The buffers of a network: how large each is, what all take together, and that all of them are made or none.
#include <weir/network_buffers.hpp>

#include <algorithm>
#include <limits>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>
#include <weir/log.hpp>
#include <weir/manager.hpp>

namespace weir {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

std::uint64_t product(std::uint64_t one, std::uint64_t other) noexcept {
  return one > most / other ? most : one * other;
}
std::uint64_t sum(std::uint64_t one, std::uint64_t other) noexcept { return one > most - other ? most : one + other; }

std::string who(const std::string& prefix) {
  return prefix.empty() ? std::string("network buffers") : "network buffers \"" + prefix + "\"";
}

void check_size(const std::string& prefix, const char* what, std::int64_t value) {
  if (value >= 1 && value <= NetworkSizes::max_size) return;
  throw InvalidArgument(who(prefix) + ": " + what + " is " + std::to_string(value) + "; it must be 1 to " +
                            std::to_string(NetworkSizes::max_size),
                        {.name = what, .limit = static_cast<std::uint64_t>(NetworkSizes::max_size)});
}

/// Weights of the first `layers` hidden layers. Saturates at the largest number, as total().
std::uint64_t weights_of(const NetworkSizes& sizes, std::size_t layers) {
  std::uint64_t weights = 0;
  auto from = static_cast<std::uint64_t>(sizes.input);
  for (const std::int64_t size : sizes.hidden.sizes().first(layers)) {
    const auto to = static_cast<std::uint64_t>(size);
    weights = sum(weights, product(from, to));
    from = to;
  }
  return weights;
}

// Bytes of device memory.
std::uint64_t total(const NetworkSizes& sizes, bool trains) {
  const std::span<const std::int64_t> layers = sizes.hidden.sizes();
  const auto input = static_cast<std::uint64_t>(sizes.input);
  const auto hidden = static_cast<std::uint64_t>(sizes.hidden.neurons());
  const auto output = static_cast<std::uint64_t>(sizes.output);
  const std::uint64_t sample = input + hidden + output + (trains ? 2 * output + 4 : 0);
  const std::uint64_t weights =
      sum(weights_of(sizes, layers.size()), product(static_cast<std::uint64_t>(layers.back()), output));
  const std::uint64_t floats =
      sum(sum(weights, hidden + output), product(sample, static_cast<std::uint64_t>(sizes.batch)));
  return sum(product(floats, sizeof(float)), 2 * sizeof(KernelParameters) + (trains ? sizeof(QLearningParameters) : 0));
}

void check_hidden(const std::string& prefix, const HiddenLayers& hidden) {
  const std::span<const std::int64_t> layers = hidden.sizes();
  if (layers.empty()) {
    throw InvalidArgument(who(prefix) + ": there is no hidden layer; name one at least", {.name = "hidden"});
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string what = layers.size() == 1 ? "hidden" : "hidden layer " + std::to_string(i + 1);
    check_size(prefix, what.c_str(), layers[i]);
  }
  check_size(prefix, "the sum of all hidden layers", hidden.neurons());
}

void check(const MemoryManager& memory, const std::string& prefix, const NetworkSizes& sizes, bool trains) {
  check_size(prefix, "input", sizes.input);
  check_hidden(prefix, sizes.hidden);
  check_size(prefix, "output", sizes.output);
  check_size(prefix, "batch", sizes.batch);
  const std::uint64_t bytes = total(sizes, trains);
  if (bytes <= memory.limit()) return;
  throw LimitExceeded(who(prefix) + ": they take " + (bytes == most ? "more than 2^64 B" : format_bytes(bytes)) +
                          " together, and manager \"" + memory.name() + "\" has a limit of " +
                          format_bytes(memory.limit()) + "; ask for smaller layers or a smaller batch",
                      {.name = prefix + "input", .bytes_asked = bytes, .limit = memory.limit()});
}

void warn_of_batch(MemoryManager& memory, const std::string& prefix, const NetworkSizes& sizes) {
  LogSink* const log = memory.pool().options().log;
  if (sizes.batch <= NetworkSizes::usual_batch || log == nullptr || log->level() > LogLevel::warning) return;
  const std::string text = who(prefix) + ": a batch of " + std::to_string(sizes.batch) + " is more than the usual " +
                           std::to_string(NetworkSizes::usual_batch) + " at most";
  log->write({.level = LogLevel::warning, .event = LogEvent::unusual, .pool = memory.name(), .text = text});
}

/// Makes the buffers of one network, all on one stream.
class Maker {
 public:
  Maker(MemoryManager& memory, const std::string& prefix, StreamId stream)
      : memory_(memory), prefix_(prefix), stream_(stream) {}

  /// One whose size follows the batch: it grows to just what is asked for, up to all that the manager may have.
  template <class T = float>
  [[nodiscard]] Buffer<T> of_batch(const char* name, std::int64_t count, std::int64_t batch, Usage usage) const {
    const auto elements = static_cast<std::size_t>(count) * static_cast<std::size_t>(batch);
    return memory_.scoped<T>(prefix_ + name, elements, {.usage = usage, .growth = 1.0, .max_bytes = memory_.limit()},
                             stream_);
  }
  [[nodiscard]] Buffer<float> persistent(const char* name, std::uint64_t elements) const {
    return memory_.scoped<float>(prefix_ + name, elements, {.max_bytes = elements * sizeof(float), .persistent = true},
                                 stream_);
  }
  template <class T>
  [[nodiscard]] Buffer<T> uniform(const char* name) const {
    return memory_.scoped<T>(prefix_ + name, 1, {.usage = Usage::uniform, .max_bytes = sizeof(T)}, stream_);
  }

 private:
  MemoryManager& memory_;
  const std::string& prefix_;
  const StreamId stream_;
};

}  // namespace

// Saturates: sizes that are no sizes are found later.
std::int64_t HiddenLayers::neurons() const noexcept {
  std::int64_t all = 0;
  for (const std::int64_t each : sizes_) {
    all += std::clamp<std::int64_t>(each, 0, std::numeric_limits<std::int64_t>::max() - all);
  }
  return all;
}

NetworkBuffers create_network_buffers(MemoryManager& memory, const NetworkSizes& sizes, std::string_view prefix,
                                      StreamId stream) {
  NetworkBuffers made;
  made.memory_ = &memory;
  made.sizes_ = sizes;
  made.prefix_ = std::string(prefix);
  const bool trains = sizes.training && sizes.batch > 1;
  check(memory, made.prefix_, sizes, trains);
  warn_of_batch(memory, made.prefix_, sizes);
  // What was made is freed with `made` where a later one fails.
  const Maker make(memory, made.prefix_, stream);
  const std::int64_t hidden = sizes.hidden.neurons();
  const auto neurons = static_cast<std::uint64_t>(hidden), outputs = static_cast<std::uint64_t>(sizes.output);
  const std::span<const std::int64_t> layers = sizes.hidden.sizes();
  made.input = make.of_batch("input", sizes.input, sizes.batch, Usage::storage_read_only);
  made.hidden = make.of_batch("hidden", hidden, sizes.batch, Usage::storage);
  made.output = make.of_batch("output", sizes.output, sizes.batch, Usage::storage_write_only);
  made.weights_hidden = make.persistent("weights_hidden", weights_of(sizes, layers.size()));
  made.weights_output = make.persistent("weights_output", static_cast<std::uint64_t>(layers.back()) * outputs);
  made.bias_hidden = make.persistent("bias_hidden", neurons);
  made.bias_output = make.persistent("bias_output", outputs);
  made.matmul_params = make.uniform<KernelParameters>("matmul_params");
  made.activation_params = make.uniform<KernelParameters>("activation_params");
  made.staging_input = make.of_batch("staging_input", sizes.input, sizes.batch, Usage::staging_upload);
  made.staging_output = make.of_batch("staging_output", sizes.output, sizes.batch, Usage::staging_download);
  if (trains) made.make_for_training(sizes.batch, stream);
  return made;
}

// All seven or none.
void NetworkBuffers::make_for_training(std::int64_t batch, StreamId stream) {
  const Maker make(*memory_, prefix_, stream);
  NetworkBuffers made;
  made.q_values = make.of_batch("q_values", sizes_.output, batch, Usage::storage);
  made.target_q_values = make.of_batch("target_q_values", sizes_.output, batch, Usage::storage);
  made.actions = make.of_batch<std::uint32_t>("actions", 1, batch, Usage::storage_read_only);
  made.rewards = make.of_batch("rewards", 1, batch, Usage::storage_read_only);
  made.dones = make.of_batch<std::uint32_t>("dones", 1, batch, Usage::storage_read_only);
  made.td_errors = make.of_batch("td_errors", 1, batch, Usage::storage_write_only);
  made.qlearning_params = make.uniform<QLearningParameters>("qlearning_params");
  q_values = std::move(made.q_values);
  target_q_values = std::move(made.target_q_values);
  actions = std::move(made.actions);
  rewards = std::move(made.rewards);
  dones = std::move(made.dones);
  td_errors = std::move(made.td_errors);
  qlearning_params = std::move(made.qlearning_params);
}

// Calls f with each buffer that has values for each sample, and how many those are.
template <class F>
void NetworkBuffers::each_of_batch(F f) {
  f(input, sizes_.input);
  f(hidden, sizes_.hidden.neurons());
  f(output, sizes_.output);
  f(staging_input, sizes_.input);
  f(staging_output, sizes_.output);
  if (!trains()) return;
  f(q_values, sizes_.output);
  f(target_q_values, sizes_.output);
  f(actions, 1);
  f(rewards, 1);
  f(dones, 1);
  f(td_errors, 1);
}

// Room comes first, sizes after it: what may fail is before the first size has changed.
void NetworkBuffers::set_batch(std::int64_t batch, StreamId stream) {
  static_cast<void>(input.type());  // throws StaleHandle where all was freed, or the manager has ended
  NetworkSizes wanted = sizes_;
  wanted.batch = batch;
  check_size(prefix_, "batch", batch);
  if (batch == sizes_.batch) return;
  const bool trained = trains();
  const bool train = trained || (wanted.training && batch > 1);
  check(*memory_, prefix_, wanted, train);
  warn_of_batch(*memory_, prefix_, wanted);
  const auto elements = [&](std::int64_t each) {
    return static_cast<std::size_t>(each) * static_cast<std::size_t>(batch);
  };
  each_of_batch([&](auto& buffer, std::int64_t each) { buffer.ensure_capacity(elements(each), stream); });
  if (train && !trained) make_for_training(batch, stream);
  each_of_batch([&](auto& buffer, std::int64_t each) { buffer.resize(elements(each), stream); });
  sizes_ = wanted;
}

void NetworkBuffers::require_layer(std::size_t layer) const {
  const std::size_t count = sizes_.hidden.sizes().size();
  if (layer < count) return;
  throw InvalidArgument(who(prefix_) + ": hidden layer " + std::to_string(layer) + " was asked for; there are " +
                            std::to_string(count) + ", from 0 on",
                        {.name = "layer", .limit = count});
}

std::size_t NetworkBuffers::first_weight(std::size_t layer) const {
  require_layer(layer);
  return weights_of(sizes_, layer);
}

std::size_t NetworkBuffers::first_neuron(std::size_t layer) const {
  require_layer(layer);
  return static_cast<std::size_t>(HiddenLayers(sizes_.hidden.sizes().first(layer)).neurons());
}

std::uint64_t NetworkBuffers::bytes() const {
  std::uint64_t all = 0;
  const auto add = [&](const auto&... each) { ((all += each.valid() ? each.capacity() * each.type().bytes : 0), ...); };
  add(input, hidden, output, weights_hidden, weights_output, bias_hidden, bias_output, matmul_params,
      activation_params);
  add(q_values, target_q_values, actions, rewards, dones, td_errors, qlearning_params);
  return all;
}

void NetworkBuffers::free() noexcept { *this = NetworkBuffers(); }

}  // namespace weir
