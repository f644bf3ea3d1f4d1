#include "workloads/balance/learning/trainer.hpp"

#include <chrono>
#include <cmath>
#include <utility>

#include "workloads/balance/learning/trial.hpp"
#include "workloads/balance/robot/range.hpp"

namespace weir::balance {
namespace {

constexpr std::uint32_t play_draws = 0x51a7;  // names the random numbers of the robot and of its actions
constexpr std::uint64_t warm_up_updates = 100;

/// What the robot's sensor has told, the newest first.
class Observation {
 public:
  explicit Observation(std::uint32_t history) : numbers_(2 * std::size_t{history}) {}

  /// As the kernel `observe` does it.
  void tell(const formulas::Motion& motion, std::uint32_t age, std::uint32_t bits, const formulas::Coefficients& c) {
    const float told = formulas::measured(motion.angle, age, bits, c);
    const float lean = formulas::clamp(told * c.inverse_fail_angle, -1.0F, 1.0F);
    const float turn = formulas::clamp(motion.speed * 0.1F, -1.0F, 1.0F);
    for (std::size_t i = numbers_.size() - 2; i > 0; i -= 2) {
      numbers_[i] = age == 0 ? lean : numbers_[i - 2];
      numbers_[i + 1] = age == 0 ? turn : numbers_[i - 1];
    }
    numbers_[0] = lean;
    numbers_[1] = turn;
  }
  [[nodiscard]] std::span<const float> numbers() const noexcept { return numbers_; }

 private:
  std::vector<float> numbers_;
};

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
  const auto require = [](const char* what, double value, double low, double high) {
    require_range("training", what, value, low, high);
  };
  require("the number of episodes", episodes, 1, 1'000'000);
  require("the number of steps", static_cast<double>(max_steps), 1, 1e9);
  require("the angle of later starts", hard_angle, 0, 1.0472);
  require("the steps from one trial to the next", trial_every, 1, 1'000'000);
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

void Trainer::note_warm_up() {
  if (is_warm_ || learner_.updates() < warm_up_updates) return;
  warm_ = memory_.statistics().pool;
  is_warm_ = true;
}

Episode Trainer::play() {
  const Model& model = settings_.model;
  const formulas::Coefficients& c = coefficients_;
  const float angle = episodes_.size() < settings_.easy_episodes ? model.start_angle : settings_.hard_angle;
  formulas::Motion motion{.angle = angle * formulas::signed_of(draw()),
                          .speed = model.start_speed * formulas::signed_of(draw()),
                          .position = 0,
                          .velocity = 0};
  Observation now(model.history);
  now.tell(motion, 0, draw(), c);
  Observation next = now;
  Episode episode;
  float before = 0;
  bool learned = false;
  while (episode.steps < model.max_steps && steps_ < settings_.max_steps) {
    const bool random = formulas::uniform_of(draw()) < explore();
    const std::uint32_t action = random ? draw() % action_count : learner_.best_action(now.numbers());
    const float torque = formulas::torque_of(action_of(action), c);
    motion = model.physics == Physics::simple ? formulas::moved(motion, torque, c)
                                              : formulas::moved_on_wheels(motion, torque, c);
    ++episode.steps;
    ++steps_;
    const bool fell = formulas::abs(motion.angle) > c.fail_angle;
    const float reward =
        formulas::reward_of(static_cast<std::uint32_t>(model.reward), motion, fell, torque, before, c);
    before = torque;
    next.tell(motion, episode.steps, draw(), c);
    learner_.remember(
        {.observation = now.numbers(), .next = next.numbers(), .action = action, .reward = reward, .fell = fell});
    learned = learner_.learn() || learned;
    note_warm_up();
    now = next;
    episode.reward += reward;
    if (steps_ % settings_.trial_every == 0) {
      upright_ = trial();
      solved_ = upright_ == Trial::robots;
      if (solved_ && settings_.stop_when_solved) break;
    }
    if (fell) break;
  }
  episode.explore = explore();
  if (learned) episode.loss = learner_.loss();
  episode.bytes = memory_.statistics().pool.requested.live;
  return episode;
}

std::uint32_t Trainer::trial() {
  return upright(memory_, *robot_runner_, learner_, settings_.model, settings_.seed + 1, stream_);
}

TrainingResult Trainer::run(const std::function<bool(const Episode&)>& told) {
  const auto start = std::chrono::steady_clock::now();
  bool stopped = false;
  // The first trial is of a network that knows nothing; from then on the pool knows what a trial takes.
  if (steps_ == 0) upright_ = trial();
  while (!ended() && !stopped) {
    episodes_.push_back(play());
    stopped = told && !told(episodes_.back());
  }
  TrainingResult result{.solved = solved_,
                        .stopped = stopped,
                        .environment_steps = steps_,
                        .updates = learner_.updates(),
                        .upright = upright_,
                        .seconds = 0,
                        .episodes = episodes_,
                        .parameters = learner_.parameters()};
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Statistics pool = memory_.statistics().pool;
  result.peak_bytes = pool.requested.peak;
  result.peak_update_bytes = learner_.peak_update_bytes();
  if (is_warm_) {
    result.requests = pool.allocations - warm_.allocations;
    const std::uint64_t hits = pool.cache_hits + pool.arena_hits - warm_.cache_hits - warm_.arena_hits;
    result.hit_rate = result.requests == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(result.requests);
    result.driver_calls_after_warm_up = pool.driver_calls - warm_.driver_calls;
  }
  return result;
}

Checkpoint Trainer::checkpoint() {
  return {.settings = settings_,
          .learner = learner_.state(),
          .episodes = episodes_,
          .environment_steps = steps_,
          .draws = draws_};
}

void Trainer::restore(const Checkpoint& checkpoint) {
  learner_.restore(checkpoint.learner);
  episodes_ = checkpoint.episodes;
  steps_ = checkpoint.environment_steps;
  draws_ = checkpoint.draws;
}

}  // namespace weir::balance
