#include "workloads/balance/learning/trainer.hpp"

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

Trainer::Trainer(MemoryManager& memory, const TrainingSettings& settings, const HostChoice& host)
    : memory_(memory),
      settings_(checked(settings)),
      coefficients_(settings.model.coefficients()),
      stream_(Device(memory.device()).stream()),
      network_runner_(make_network_runner(memory.device(), host)),
      robot_runner_(make_robot_runner(memory.device(), host)),
      learner_(memory, *network_runner_, network_shape(settings.network, settings.model.inputs(), action_count),
               settings.learning, settings.start, settings.seed, stream_) {}

std::uint32_t Trainer::draw() noexcept {
  return formulas::draw(settings_.seed, play_draws, static_cast<std::uint32_t>(draws_++));
}

float Trainer::explore() const noexcept {
  const LearningSettings& l = settings_.learning;
  const float part = std::min(1.0F, static_cast<float>(steps_) / static_cast<float>(l.explore_steps));
  return l.explore_first + (l.explore_last - l.explore_first) * part;
}

bool Trainer::ended() const noexcept {
  return (solved_ && settings_.stop_when_solved) || steps_ >= settings_.max_steps ||
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
  const bool random = formulas::uniform_of(draw()) < explore();
  const std::uint32_t action = random ? draw() % action_count : learner_.best_action(episode.observation);
  const float torque = formulas::torque_of(action_of(action), c);
  episode.motion = model.physics == Physics::simple ? formulas::moved(episode.motion, torque, c)
                                                    : formulas::moved_on_wheels(episode.motion, torque, c);
  ++episode.so_far.steps;
  ++steps_;
  const bool fell = formulas::abs(episode.motion.angle) > c.fail_angle;
  const float reward =
      formulas::reward_of(static_cast<std::uint32_t>(model.reward), episode.motion, fell, torque, episode.torque, c);
  episode.torque = torque;
  const std::vector<float> before = episode.observation;
  observe(episode.observation, episode.motion, episode.so_far.steps, draw(), c);
  learner_.remember(
      {.observation = before, .next = episode.observation, .action = action, .reward = reward, .fell = fell});
  episode.learned = learner_.learn() || episode.learned;
  episode.so_far.reward += reward;
  return fell || episode.so_far.steps >= model.max_steps;
}

Episode Trainer::finished(const RunningEpisode& episode) {
  Episode whole = episode.so_far;
  whole.explore = explore();
  if (episode.learned) whole.loss = learner_.loss();
  whole.bytes = memory_.statistics().pool.requested.live;
  return whole;
}

// The starts of the trials are the same each time, and a network may pass one of many by luck; those of a second trial
// were never used before.
void Trainer::hold_trial() {
  const auto count = [&](std::uint32_t seed) {
    return upright(memory_, *robot_runner_, learner_, settings_.model, seed, stream_);
  };
  upright_ = count(settings_.seed + 1);
  if (upright_ == Trial::robots) {
    upright_ = count(formulas::draw(settings_.seed, trial_draws, static_cast<std::uint32_t>(steps_)));
  }
  solved_ = upright_ == Trial::robots;
}

TrainingResult Trainer::run(const std::function<void(const Episode&)>& told, const std::function<bool()>& stop) {
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t warm_at = learner_.updates() + warm_up_updates;
  std::optional<compute::PoolCounts> warm;
  bool stopped = false;
  // From the first trial on, the pool knows what a trial takes.
  hold_trial();
  while (!ended() && !(stopped = stop && stop())) {
    if (!running_) running_ = first_of_episode();
    const bool over = step(*running_);
    if (!warm && learner_.updates() >= warm_at) warm.emplace(memory_);
    if (over) {
      episodes_.push_back(finished(*running_));
      running_.reset();
    }
    if (steps_ % settings_.trial_every == 0) hold_trial();
    if (over && told) told(episodes_.back());
  }
  TrainingResult result{.solved = solved_,
                        .stopped = stopped,
                        .environment_steps = steps_,
                        .updates = learner_.updates(),
                        .upright = upright_,
                        .seconds = 0,
                        .episodes = episodes_};
  if (running_) result.episodes.push_back(finished(*running_));
  if (warm) {
    const compute::PoolCounts counts = compute::PoolCounts(memory_).since(*warm);
    result.requests = counts.requests;
    result.hit_rate = counts.hit_rate();
    result.driver_calls_after_warm_up = counts.driver_calls;
  }
  result.parameters = learner_.parameters();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.peak_bytes = memory_.statistics().pool.requested.peak;
  result.peak_update_bytes = learner_.peak_update_bytes();
  return result;
}

Checkpoint Trainer::checkpoint() {
  return {.settings = settings_,
          .learner = learner_.state(),
          .episodes = episodes_,
          .running = running_,
          .environment_steps = steps_,
          .draws = draws_};
}

void Trainer::restore(const Checkpoint& checkpoint) {
  learner_.restore(checkpoint.learner);
  episodes_ = checkpoint.episodes;
  running_ = checkpoint.running;
  steps_ = checkpoint.environment_steps;
  draws_ = checkpoint.draws;
}

}  // namespace weir::balance
