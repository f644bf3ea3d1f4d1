#include "workloads/balance/learning/learner.hpp"

#include <cmath>

#include <weir/batch.hpp>
#include <weir/tidy.hpp>

#include "compute/range.hpp"

namespace weir::balance {
namespace {

constexpr std::uint32_t index_draws = 0x1d7a;  // names the random numbers that records are drawn by

void require_count(const char* who, const char* what, std::uint64_t is, std::uint64_t wanted) {
  const auto only = static_cast<double>(wanted);
  compute::require_range(who, what, "", static_cast<double>(is), {only, only});
}

NetworkSizes sizes_of(const NetworkShape& shape, std::uint32_t batch, bool training) {
  const std::vector<std::int64_t> hidden(shape.hidden().begin(), shape.hidden().end());
  return {.input = shape.inputs(),
          .hidden = HiddenLayers(std::span(hidden)),
          .output = shape.outputs(),
          .batch = batch,
          .training = training};
}

const Buffer<float>& part_of(const NetworkBuffers& network, NetworkPart part) {
  switch (part) {
    case NetworkPart::weights_hidden: return network.weights_hidden;
    case NetworkPart::bias_hidden: return network.bias_hidden;
    case NetworkPart::weights_output: return network.weights_output;
    case NetworkPart::bias_output: break;
  }
  return network.bias_output;
}

void require_all(const std::vector<BatchResult>& results) {
  for (const BatchResult& each : results) each.require();
}

/// Submits reads, and puts what they read into one array.
std::vector<float> all_read(Batch& reads, StreamId stream) {
  const std::vector<BatchResult> results = reads.submit(stream);
  std::vector<float> all;
  for (const BatchResult& each : results) {
    const std::span<const float> read = each.data<float>();
    all.insert(all.end(), read.begin(), read.end());
  }
  return all;
}

const LearningSettings& checked(const LearningSettings& settings) {
  settings.check();
  return settings;
}

}  // namespace

Learner::Learner(MemoryManager& memory, NetworkRunner& runner, const NetworkShape& shape,
                 const LearningSettings& settings, Start start, std::uint32_t seed, StreamId stream)
    : memory_(memory),
      runner_(runner),
      shape_(shape),
      settings_(checked(settings)),
      layout_(shape, settings.batch),
      seed_(seed),
      stream_(stream),
      tensors_(memory, "update"),
      network_(create_network_buffers(memory, sizes_of(shape, settings.batch, true), "network.", stream)),
      target_(create_network_buffers(memory, sizes_of(shape, settings.batch, false), "target.", stream)),
      moments_(memory.scoped<float>("moments", 2 * std::size_t{shape.parameters()}, {}, stream)),
      records_(memory.scoped<float>("replay", std::size_t{settings.replay} * layout_.record(), {}, stream)),
      indices_(memory.scoped<std::uint32_t>("indices", settings.batch, {}, stream)),
      remembered_records_(std::size_t{settings.replay} * layout_.record()),
      drawn_(settings.batch),
      drawn_in_(settings.replay) {
  use(first_parameters(shape, start, seed));
  memory_.upload(moments_, std::vector<float>(moments_.size()), stream_);
}

void Learner::bind(const Temporaries* temporaries) {
  const auto of = [&](const auto& buffer) { return compute::bytes_of(buffer.access(stream_)); };
  const auto side = [&](const NetworkBuffers& buffers) {
    return NetworkMemory<DeviceSpan<std::byte>>::Side{of(buffers.input),          of(buffers.hidden),
                                                      of(buffers.weights_hidden), of(buffers.bias_hidden),
                                                      of(buffers.weights_output), of(buffers.bias_output)};
  };
  bindings_.clear();
  const auto network = side(network_);
  const DeviceSpan<std::byte> output = of(network_.output);
  if (temporaries == nullptr) {  // what is not used is bound to something that is there
    const NetworkMemory<DeviceSpan<std::byte>> memory{network, network, output, output, output, output, output, output,
                                                      output,  output,  output, output, output, output, output};
    return memory.append_to(bindings_, forward_memories);
  }
  const NetworkMemory<DeviceSpan<std::byte>> memory{.network = network,
                                                    .target = side(target_),
                                                    .output = output,
                                                    .q_values = of(network_.q_values),
                                                    .target_q_values = of(network_.target_q_values),
                                                    .replay = of(records_),
                                                    .indices = of(indices_),
                                                    .actions = of(network_.actions),
                                                    .rewards = of(network_.rewards),
                                                    .dones = of(network_.dones),
                                                    .aims = temporaries->aims,
                                                    .td_errors = of(network_.td_errors),
                                                    .errors = temporaries->errors,
                                                    .gradients = temporaries->gradients,
                                                    .moments = of(moments_)};
  memory.append_to(bindings_, update_memories);
}

void Learner::fit(std::uint32_t batch) {
  if (batch > network_.sizes().batch) network_.set_batch(batch, stream_);
}

DeviceSpan<float> Learner::observations(std::uint32_t batch) {
  fit(batch);
  return network_.input.view(0, std::size_t{shape_.inputs()} * batch).access(stream_);
}

void Learner::queue_forward(std::uint32_t batch) {
  if (batch != forward_batch_) {
    forward_steps_ = NetworkLayout(shape_, batch).forward();
    forward_batch_ = batch;
  }
  bind(nullptr);
  runner_.queue(forward_steps_, bindings_, stream_);
}

DeviceSpan<float> Learner::forward(std::uint32_t batch) {
  fit(batch);
  queue_forward(batch);
  return network_.output.view(0, std::size_t{shape_.outputs()} * batch).access(stream_);
}

// The observation is staged in pinned memory, from which the device copies without help.
std::uint32_t Learner::best_action(std::span<const float> observation) {
  const std::span<float> staged(network_.staging_input.access(stream_).data(), observation.size());
  std::copy(observation.begin(), observation.end(), staged.begin());
  Batch turn(memory_);
  turn.update(network_.input, staged)
      .run([this](StreamId) { queue_forward(1); })
      .read(network_.output, 0, shape_.outputs());
  const std::vector<BatchResult> done = turn.submit(stream_);
  require_all(done);
  const std::span<const float> outputs = done.back().data<float>();
  return static_cast<std::uint32_t>(std::max_element(outputs.begin(), outputs.end()) - outputs.begin());
}

void Learner::remember(const Transition& transition) {
  const std::size_t offset = remembered_ % settings_.replay * layout_.record();
  const std::span<float> record = std::span(remembered_records_).subspan(offset, layout_.record());
  auto to = std::copy(transition.observation.begin(), transition.observation.end(), record.begin());
  to = std::copy(transition.next.begin(), transition.next.end(), to);
  *to++ = transition.reward;
  *to++ = static_cast<float>(transition.action);
  *to = transition.fell ? 1.0F : 0.0F;
  memory_.upload(records_, std::span<const float>(record), stream_, {.offset = offset});
  ++remembered_;
}

void Learner::draw_indices() {
  const std::uint64_t mark = updates_ + 1;
  const std::uint64_t count = filled();
  for (std::uint32_t& index : drawn_) {
    do {
      const std::uint32_t bits = formulas::draw(seed_, index_draws, static_cast<std::uint32_t>(draws_++));
      index = static_cast<std::uint32_t>(bits * count >> 32);
    } while (drawn_in_[index] == mark);
    drawn_in_[index] = mark;
  }
}

bool Learner::learn() {
  if (filled() < settings_.batch) return false;
  draw_indices();
  memory_.upload(indices_, drawn_, stream_);
  const Tidy temporaries(tensors_);
  const auto tensor = [&](std::size_t count) {
    return compute::bytes_of(tensors_.acquire<float>({count}, stream_).access<float>(stream_));
  };
  const Temporaries memory{tensor(shape_.parameters()), tensor(layout_.errors()), tensor(settings_.batch)};
  bind(&memory);
  runner_.queue(layout_.update(settings_, updates_ + 1), bindings_, stream_);
  ++updates_;
  return true;
}

float Learner::loss() {
  std::vector<float> errors(settings_.batch);
  memory_.download(network_.td_errors, std::span<float>(errors), stream_);
  float sum = 0;
  for (const float error : errors) {
    const float size = std::abs(error);
    sum += size <= settings_.huber ? 0.5F * (error * error) : settings_.huber * (size - 0.5F * settings_.huber);
  }
  return sum / static_cast<float>(errors.size());
}

// The weights and biases of all layers in one submission.
void Learner::add_reads(Batch& batch, const NetworkBuffers& network) const {
  for (const Segment& each : segments(shape_)) batch.read(part_of(network, each.part), each.at, each.count);
}

void Learner::add_updates(Batch& batch, const NetworkBuffers& network, std::span<const float> parameters) const {
  for (const Segment& each : segments(shape_)) {
    batch.update(part_of(network, each.part), parameters.subspan(each.first, each.count), each.at);
  }
}

std::vector<float> Learner::parameters() {
  Batch reads(memory_);
  add_reads(reads, network_);
  return all_read(reads, stream_);
}

void Learner::use(const std::vector<float>& parameters) {
  require_count("network", "number of parameters", parameters.size(), shape_.parameters());
  Batch updates(memory_);
  add_updates(updates, network_, parameters);
  add_updates(updates, target_, parameters);
  require_all(updates.submit(stream_));
}

Learner::State Learner::state() {
  Batch reads(memory_);
  add_reads(reads, network_);
  add_reads(reads, target_);
  reads.read(moments_, 0, moments_.size());
  std::vector<float> read = all_read(reads, stream_);
  const auto moments = read.end() - static_cast<std::ptrdiff_t>(moments_.size());
  const auto records = static_cast<std::ptrdiff_t>(filled() * layout_.record());
  return {.parameters = {read.begin(), moments},
          .moments = {moments, read.end()},
          .records = {remembered_records_.begin(), remembered_records_.begin() + records},
          .remembered = remembered_,
          .updates = updates_,
          .draws = draws_};
}

void Learner::restore(const State& state) {
  const std::uint64_t records = std::min<std::uint64_t>(state.remembered, settings_.replay);
  require_count("checkpoint", "number of weights", state.parameters.size(), 2 * std::size_t{shape_.parameters()});
  require_count("checkpoint", "number of Adam's means", state.moments.size(), moments_.size());
  require_count("checkpoint", "count of the numbers of all records", state.records.size(), records * layout_.record());
  const std::span<const float> both(state.parameters);
  Batch updates(memory_);
  add_updates(updates, network_, both.first(shape_.parameters()));
  add_updates(updates, target_, both.last(shape_.parameters()));
  updates.update(moments_, state.moments);
  require_all(updates.submit(stream_));
  if (!state.records.empty()) memory_.upload(records_, state.records, stream_);
  std::copy(state.records.begin(), state.records.end(), remembered_records_.begin());
  remembered_ = state.remembered;
  updates_ = state.updates;
  draws_ = state.draws;
  std::fill(drawn_in_.begin(), drawn_in_.end(), 0);
}

}  // namespace weir::balance
