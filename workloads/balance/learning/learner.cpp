#include "workloads/balance/learning/learner.hpp"

#include <weir/tidy.hpp>

#include "compute/range.hpp"

namespace weir::balance {
namespace {

constexpr std::uint32_t index_draws = 0x1d7a;  // names the random numbers that records are drawn by

void require_count(const char* who, const char* what, std::uint64_t is, std::uint64_t wanted) {
  const auto only = static_cast<double>(wanted);
  compute::require_range(who, what, "", static_cast<double>(is), {only, only});
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
      single_(shape, 1),
      seed_(seed),
      stream_(stream),
      tensors_(memory, "update"),
      parameters_(memory.scoped<float>("parameters", 2 * std::size_t{shape.parameters()}, {}, stream)),
      moments_(memory.scoped<float>("moments", 2 * std::size_t{shape.parameters()}, {}, stream)),
      records_(memory.scoped<float>("replay", std::size_t{settings.replay} * layout_.record(), {}, stream)),
      facts_(memory.scoped<float>("facts", layout_.facts(), {}, stream)),
      indices_(memory.scoped<std::uint32_t>("indices", settings.batch, {}, stream)),
      record_(layout_.record()),
      drawn_(settings.batch),
      drawn_in_(settings.replay) {
  use(first_parameters(shape, start, seed));
  memory_.upload(moments_, std::vector<float>(moments_.size()), stream_);
}

std::array<DeviceSpan<std::byte>, 8> Learner::bindings(const DeviceSpan<float>& gradients,
                                                       const DeviceSpan<float>& values,
                                                       const DeviceSpan<float>& errors) const {
  using compute::bytes_of;
  return {bytes_of(records_.access(stream_)),
          bytes_of(indices_.access(stream_)),
          bytes_of(parameters_.access(stream_)),
          bytes_of(gradients),
          bytes_of(moments_.access(stream_)),
          bytes_of(values),
          bytes_of(errors),
          bytes_of(facts_.access(stream_))};
}

void Learner::forward(const DeviceSpan<float>& values, std::uint32_t batch) {
  if (batch != forward_batch_) {
    forward_steps_ = NetworkLayout(shape_, batch).forward();
    forward_batch_ = batch;
  }
  runner_.queue(forward_steps_, bindings(values, values, values), stream_);
}

std::uint32_t Learner::best_action(std::span<const float> observation) {
  const Tidy temporaries(tensors_);
  const BufferHandle<float> values = tensors_.acquire<float>({single_.values()}, stream_).buffer<float>();
  memory_.upload(values, observation, stream_);
  forward(values.access(stream_), 1);
  std::array<float, max_neurons> outputs{};
  const std::span<float> used(outputs.data(), shape_.outputs());
  memory_.download(values, used, stream_, {.offset = single_.outputs()});
  return static_cast<std::uint32_t>(std::max_element(used.begin(), used.end()) - used.begin());
}

void Learner::remember(const Transition& transition) {
  auto to = std::copy(transition.observation.begin(), transition.observation.end(), record_.begin());
  to = std::copy(transition.next.begin(), transition.next.end(), to);
  *to++ = transition.reward;
  *to++ = static_cast<float>(transition.action);
  *to = transition.fell ? 1.0F : 0.0F;
  const std::size_t slot = remembered_ % settings_.replay;
  memory_.upload(records_, record_, stream_, {.offset = slot * record_.size()});
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
  const Tensor gradients = tensors_.acquire<float>({shape_.parameters()}, stream_);
  const Tensor values = tensors_.acquire<float>({2, layout_.values()}, stream_);
  const Tensor errors = tensors_.acquire<float>({layout_.values()}, stream_);
  const std::vector<NetworkStep> steps = layout_.update(settings_, updates_ + 1);
  runner_.queue(
      steps, bindings(gradients.access<float>(stream_), values.access<float>(stream_), errors.access<float>(stream_)),
      stream_);
  ++updates_;
  return true;
}

float Learner::loss() {
  std::vector<float> losses(settings_.batch);
  memory_.download(facts_, std::span<float>(losses), stream_,
                   {.offset = std::size_t{nets::loss_column} * settings_.batch});
  float sum = 0;
  for (const float each : losses) sum += each;
  return sum / static_cast<float>(losses.size());
}

std::vector<float> Learner::parameters() {
  std::vector<float> all(shape_.parameters());
  memory_.download(parameters_, std::span<float>(all), stream_);
  return all;
}

void Learner::use(const std::vector<float>& parameters) {
  require_count("network", "number of parameters", parameters.size(), shape_.parameters());
  memory_.upload(parameters_, parameters, stream_);
  memory_.upload(parameters_, parameters, stream_, {.offset = parameters.size()});
}

Learner::State Learner::state() {
  State state{.parameters = memory_.download(parameters_, stream_),
              .moments = memory_.download(moments_, stream_),
              .records = std::vector<float>(filled() * layout_.record()),
              .remembered = remembered_,
              .updates = updates_,
              .draws = draws_};
  if (!state.records.empty()) memory_.download(records_, std::span<float>(state.records), stream_);
  return state;
}

void Learner::restore(const State& state) {
  const std::uint64_t records = std::min<std::uint64_t>(state.remembered, settings_.replay);
  require_count("checkpoint", "number of weights", state.parameters.size(), parameters_.size());
  require_count("checkpoint", "number of Adam's means", state.moments.size(), moments_.size());
  require_count("checkpoint", "count of the numbers of all records", state.records.size(), records * layout_.record());
  memory_.upload(parameters_, state.parameters, stream_);
  memory_.upload(moments_, state.moments, stream_);
  if (!state.records.empty()) memory_.upload(records_, state.records, stream_);
  remembered_ = state.remembered;
  updates_ = state.updates;
  draws_ = state.draws;
  std::fill(drawn_in_.begin(), drawn_in_.end(), 0);
}

}  // namespace weir::balance
