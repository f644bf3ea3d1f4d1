#include "workloads/balance/learning/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "compute/pool_counts.hpp"
#include "compute/range.hpp"
#include "workloads/balance/learning/trial.hpp"

namespace weir::balance {
namespace {

constexpr std::uint32_t play_draws = 0x51a7;   // names the random numbers of the robot and of its actions
constexpr std::uint32_t trial_draws = 0x791a;  // and those that second trials start from
constexpr std::uint64_t warm_up_updates = 100;
constexpr std::uint32_t min_keep_every = 1'000;  // steps; a state has all records, so more of them are kept less often

/// Adds what the robot's sensor tells now to an observation, as the kernel `observe` does it.
void observe(std::vector<float>& numbers, const formulas::Motion& motion, std::uint32_t age, std::uint32_t bits,
             const formulas::Coefficients& c) {
  const float told = formulas::measured(motion.angle, age, bits, c);
  const float lean = formulas::lean_of(told, c);
  const float turn = formulas::turn_of(motion.speed);
  for (std::size_t i = numbers.size() - 2; i > 0; i -= 2) {
    numbers[i] = age == 0 ? lean : numbers[i - 2];
    numbers[i + 1] = age == 0 ? turn : numbers[i - 1];
  }
  numbers[0] = lean;
  numbers[1] = turn;
}

const TrainingSettings& checked(const TrainingSettings& settings) {
  settings.check();
  return settings;
}

}  // namespace

Model with_history_for(const Model& model, std::string_view network) {
  Model fitted = model;
  const std::uint32_t inputs = named_inputs(network, model.inputs());
  if (inputs % 2 != 0 || inputs < 2 || inputs > 16) {
    throw InvalidArgument("network " + std::string(network) + ": has " + std::to_string(inputs) +
                              " inputs; a robot gives two numbers a step of history: 2, 4, ... 16",
                          {.name = "network"});
  }
  fitted.history = inputs / 2;
  return fitted;
}

void TrainingSettings::check() const {
  model.check();
  learning.check();
  const auto require = [](const char* what, double value, compute::Range allowed) {
    compute::require_range("training", what, "", value, allowed);
  };
  require("number of episodes", episodes, {1, 1'000'000});
  require("number of steps", static_cast<double>(max_steps), {1, 1e9});
  require("angle of later starts", hard_angle, {0, 1.0472});
  require("steps from one trial to the next", trial_every, {1, 1'000'000});
}

double TrainingResult::mean_reward() const noexcept {
  const std::size_t count = std::min<std::size_t>(episodes.size(), 100);
  double sum = 0;
  for (std::size_t i = episodes.size() - count; i < episodes.size(); ++i) sum += double{episodes[i].reward};
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

Trainer::OnDevice::OnDevice(MemoryManager& memory, const Trainer& trainer)
    : stream(Device(memory.device()).stream()),
      network_runner(make_network_runner(memory.device(), trainer.host_)),
      robot_runner(make_robot_runner(memory.device(), trainer.host_)),
      learner(memory, *network_runner, trainer.shape_, trainer.settings_.learning, trainer.settings_.start,
              trainer.settings_.seed, stream) {}

Trainer::Trainer(MemoryManager& memory, const TrainingSettings& settings, const HostChoice& host)
    : memory_(memory),
      settings_(checked(settings)),
      host_(host),
      coefficients_(settings.model.coefficients()),
      shape_(network_shape(settings.network, settings.model.inputs(), action_count)),
      losses_(memory) {
  survive([] {});
}

// --- Losses of the device ---

// What a run calls, such as for a checkpoint, leaves a loss to the run.
template <class Work>
void Trainer::survive(const Work& work) {
  if (surviving_) return work();
  surviving_ = true;
  try {
    losses_.survive([&] {
      try {
        if (device_ == nullptr) take_up();
        work();
      } catch (const Error& error) {
        if (error.code() == ErrorCode::device_lost || error.code() == ErrorCode::driver_error) device_.reset();
        throw;
      }
    });
  } catch (...) {
    surviving_ = false;
    throw;
  }
  surviving_ = false;
}

/// Makes the device's part, as it was when a state was last kept; as a new one before that.
void Trainer::take_up() {
  device_ = std::make_unique<OnDevice>(memory_, *this);
  at_ = kept_ ? kept_->at : Progress{};
  episodes_.resize(at_.episodes);
  changed_ = !kept_;
  if (kept_) device_->learner.restore(kept_->learner);
}

void Trainer::keep() {
  if (!changed_) return;
  at_.episodes = episodes_.size();
  kept_ = Kept{.learner = device_->learner.state(), .at = at_};
  changed_ = false;
  losses_.step_forward();
}

// --- Episodes ---

std::uint32_t Trainer::draw() noexcept {
  return formulas::draw(settings_.seed, play_draws, static_cast<std::uint32_t>(at_.draws++));
}

float Trainer::explore() const noexcept {
  const LearningSettings& l = settings_.learning;
  const float part = std::min(1.0F, static_cast<float>(at_.steps) / static_cast<float>(l.explore_steps));
  return l.explore_first + (l.explore_last - l.explore_first) * part;
}

bool Trainer::ended() const noexcept {
  return (at_.solved && settings_.stop_when_solved) || at_.steps >= settings_.max_steps ||
         episodes_.size() >= settings_.episodes;
}

RunningEpisode Trainer::first_of_episode() {
  const Model& model = settings_.model;
  const float angle = episodes_.size() < settings_.easy_episodes ? model.start_angle : settings_.hard_angle;
  RunningEpisode episode{.so_far = {},
                         .motion = {.angle = angle * formulas::signed_of(draw()),
                                    .speed = model.start_speed * formulas::signed_of(draw()),
                                    .position = 0,
                                    .velocity = 0},
                         .observation = std::vector<float>(model.inputs())};
  observe(episode.observation, episode.motion, 0, draw(), coefficients_);
  return episode;
}

bool Trainer::step(RunningEpisode& episode) {
  const Model& model = settings_.model;
  const formulas::Coefficients& c = coefficients_;
  Learner& learner = device_->learner;
  const bool random = formulas::uniform_of(draw()) < explore();
  const std::uint32_t action = random ? draw() % action_count : learner.best_action(episode.observation);
  const float torque = formulas::torque_of(action_of(action), c);
  episode.motion = model.physics == Physics::simple ? formulas::moved(episode.motion, torque, c)
                                                    : formulas::moved_on_wheels(episode.motion, torque, c);
  ++episode.so_far.steps;
  ++at_.steps;
  const bool fell = formulas::abs(episode.motion.angle) > c.fail_angle;
  const float reward =
      formulas::reward_of(static_cast<std::uint32_t>(model.reward), episode.motion, fell, torque, episode.torque, c);
  episode.torque = torque;
  const std::vector<float> before = episode.observation;
  observe(episode.observation, episode.motion, episode.so_far.steps, draw(), c);
  learner.remember(
      {.observation = before, .next = episode.observation, .action = action, .reward = reward, .fell = fell});
  episode.learned = learner.learn() || episode.learned;
  episode.so_far.reward += reward;
  return fell || episode.so_far.steps >= model.max_steps;
}

Episode Trainer::finished(const RunningEpisode& episode) {
  Episode whole = episode.so_far;
  whole.explore = explore();
  if (episode.learned) whole.loss = device_->learner.loss();
  whole.bytes = memory_.statistics().pool.requested.live;
  return whole;
}

// The starts of the trials are the same each time, and a network may pass one of many by luck; those of a second trial
// were never used before.
void Trainer::hold_trial() {
  const auto count = [&](std::uint32_t seed) {
    return upright(memory_, *device_->robot_runner, device_->learner, settings_.model, seed, device_->stream);
  };
  at_.upright = count(settings_.seed + 1);
  if (at_.upright == Trial::robots) {
    at_.upright = count(formulas::draw(settings_.seed, trial_draws, static_cast<std::uint32_t>(at_.steps)));
  }
  at_.solved = at_.upright == Trial::robots;
}

void Trainer::train(const std::function<void(const Episode&)>& told, const std::function<bool()>& stop,
                    TrainingResult& result) {
  const std::uint64_t warm_at = device_->learner.updates() + warm_up_updates;
  const std::uint64_t keep_every = std::max(min_keep_every, settings_.learning.replay / 10);
  std::optional<compute::PoolCounts> warm;
  // From the first trial on, the pool knows what a trial takes, and from the first state that is kept what that does.
  if (!at_.had_trial) {
    hold_trial();
    at_.had_trial = true;
    changed_ = true;
    keep();
  }
  while (!ended() && !(result.stopped = result.stopped || (stop && stop()))) {
    changed_ = true;
    if (!at_.running) at_.running = first_of_episode();
    const bool over = step(*at_.running);
    if (!warm && device_->learner.updates() >= warm_at) warm.emplace(memory_);
    if (over) {
      episodes_.push_back(finished(*at_.running));
      at_.running.reset();
    }
    if (at_.steps % settings_.trial_every == 0) hold_trial();
    if (at_.steps - kept_->at.steps >= keep_every) keep();
    if (over && told && episodes_.size() > told_) {
      told_ = episodes_.size();
      told(episodes_.back());
    }
  }
  result.episodes = episodes_;
  if (at_.running) result.episodes.push_back(finished(*at_.running));
  keep();
  result.requests = 0;
  if (!warm) return;
  const compute::PoolCounts counts = compute::PoolCounts(memory_).since(*warm);
  result.requests = counts.requests;
  result.hit_rate = counts.hit_rate();
  result.driver_calls_after_warm_up = counts.driver_calls;
}

TrainingResult Trainer::run(const std::function<void(const Episode&)>& told, const std::function<bool()>& stop) {
  const auto start = std::chrono::steady_clock::now();
  at_.had_trial = false;
  if (kept_) kept_->at.had_trial = false;
  told_ = episodes_.size();
  const std::uint64_t spilled = memory_.statistics().transfers.bytes_spilled;
  TrainingResult result;
  survive([&] { train(told, stop, result); });
  result.solved = at_.solved;
  result.environment_steps = at_.steps;
  result.updates = device_->learner.updates();
  result.upright = at_.upright;
  const std::vector<float>& both = kept_->learner.parameters;
  result.parameters = {both.begin(), both.begin() + shape_.parameters()};
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.peak_bytes = memory_.statistics().pool.requested.peak;
  result.peak_update_bytes = device_->learner.peak_update_bytes();
  result.spilled_bytes = memory_.statistics().transfers.bytes_spilled - spilled;
  result.recoveries = losses_.recoveries();
  result.lost_bytes = losses_.lost_bytes();
  result.recovery_seconds = losses_.seconds();
  return result;
}

Checkpoint Trainer::checkpoint() {
  survive([&] { keep(); });
  return {.settings = settings_,
          .learner = kept_->learner,
          .episodes = episodes_,
          .running = kept_->at.running,
          .environment_steps = kept_->at.steps,
          .draws = kept_->at.draws};
}

void Trainer::restore(const Checkpoint& checkpoint) {
  survive([&] { device_->learner.restore(checkpoint.learner); });
  episodes_ = checkpoint.episodes;
  at_ = {.running = checkpoint.running,
         .episodes = episodes_.size(),
         .steps = checkpoint.environment_steps,
         .draws = checkpoint.draws};
  kept_ = Kept{.learner = checkpoint.learner, .at = at_};
  changed_ = false;
}

}  // namespace weir::balance
