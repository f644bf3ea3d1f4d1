#include "workloads/balance/measure/measure.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <limits>

#include "compute/range.hpp"
#include "workloads/balance/host/levels.hpp"
#include "workloads/balance/learning/drive.hpp"
#include "workloads/balance/robot/robots.hpp"

namespace weir::balance {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The shortest time of as many calls as `seconds` have; what `prepare` does before each does not count.
double best_time(
    double seconds, const std::function<void()>& work, const std::function<void()>& prepare = [] {}) {
  prepare();
  work();
  double best = std::numeric_limits<double>::infinity();
  const Clock::time_point start = Clock::now();
  do {
    prepare();
    const Clock::time_point round = Clock::now();
    work();
    best = std::min(best, seconds_since(round));
  } while (seconds_since(start) < seconds);
  return best;
}

MemoryManager manager_of(const Device& device, PoolMode mode) {
  return MemoryManager(device, {.name = "balance", .pool = {.mode = mode}});
}

class RobotRates {
 public:
  RobotRates(MemoryManager& memory, const MeasureSettings& settings)
      : device_(memory.device()),
        stream_(device_.stream()),
        runner_(make_robot_runner(device_, settings.host)),
        network_runner_(make_network_runner(device_, settings.host)),
        shape_(network_shape(settings.network, with_history_for({}, settings.network).inputs(), action_count)),
        learner_(memory, *network_runner_, shape_, {}, Start::he, 1, stream_),
        robots_(memory, *runner_, with_history_for({}, settings.network), settings.robots, 1, stream_) {
    std::vector<std::uint32_t> actions(settings.robots);
    for (std::size_t i = 0; i < actions.size(); ++i) actions[i] = static_cast<std::uint32_t>(i % action_count);
    memory.upload(robots_.actions(), actions, stream_);
  }

  void fill(Measured& measured, double seconds) {
    measured.kernels = runner_->name();
    const auto rate = [&](const std::function<void()>& step) {
      constexpr int steps = 50;
      const auto finish = [&] { device_.synchronize(stream_, std::chrono::minutes(10)); };
      // Without new starts, robots that have fallen would turn faster and faster.
      const auto start = [&] {
        robots_.start(stream_);
        finish();
      };
      const auto round = [&] {
        for (int i = 0; i < steps; ++i) step();
        finish();
      };
      const double time = best_time(seconds, round, start);
      return steps * static_cast<double>(robots_.count()) / time;
    };
    measured.physics = rate([&] { robots_.move(stream_); });
    measured.full = rate([&] {
      robots_.observe(learner_.observations(robots_.count()), stream_);
      robots_.advance(stream_);
    });
    measured.looped = rate([&] { drive(robots_, learner_, stream_); });
  }

 private:
  Device device_;
  Stream stream_;
  std::unique_ptr<RobotRunner> runner_;
  std::unique_ptr<NetworkRunner> network_runner_;
  NetworkShape shape_;
  Learner learner_;
  Robots robots_;
};

void measure_forward(Measured& measured, const MeasureSettings& settings) {
  const Level level = choose_level(settings.host.level);
  const NetworkShape shape = network_shape("2-8-3", 2, action_count);
  PaddedNetwork network(shape);
  network.fill(shape, first_parameters(shape, Start::he, 1));
  alignas(64) std::array<float, 2 * max_neurons> values{};
  std::array<float, 2> observation{0.1F, 0.2F};
  constexpr int calls = 10'000;
  const double time = best_time(settings.seconds, [&] {
    // The next observation is of this one's outputs, so that no two calls overlap.
    for (int i = 0; i < calls; ++i) observation[0] = level.infer(network, observation.data(), values.data())[1] * 1e-3F;
  });
  measured.forward_ns = time / calls * 1e9;
}

void measure_roundtrip(Measured& measured, MemoryManager& memory, const MeasureSettings& settings) {
  Device device = memory.device();
  const Stream stream = device.stream();
  const auto runner = make_network_runner(device, settings.host);
  Learner learner(memory, *runner, network_shape("2-8-3", 2, action_count), {}, Start::he, 1, stream);
  std::vector<double> times;
  const Clock::time_point start = Clock::now();
  std::array<float, 2> observation{0.1F, 0.2F};
  while (times.size() < 100 || (times.size() < 20'000 && seconds_since(start) < settings.seconds)) {
    const Clock::time_point round = Clock::now();
    observation[1] = static_cast<float>(learner.best_action(observation)) * 0.1F;
    times.push_back(seconds_since(round) * 1e3);
  }
  std::sort(times.begin(), times.end());
  measured.roundtrip_p50_ms = times[times.size() / 2];
  measured.roundtrip_p99_ms = times[times.size() * 99 / 100];
}

/// A learner whose replay memory is full enough.
class UpdateRate {
 public:
  UpdateRate(MemoryManager& memory, const MeasureSettings& settings)
      : device_(memory.device()),
        stream_(device_.stream()),
        runner_(make_network_runner(device_, settings.host)),
        learner_(memory, *runner_,
                 network_shape(settings.network, with_history_for({}, settings.network).inputs(), action_count), {},
                 Start::he, 1, stream_) {
    const std::uint32_t inputs = learner_.shape().inputs();
    for (std::uint32_t i = 0; i < 1000; ++i) {
      std::vector<float> seen(2 * std::size_t{inputs});
      for (std::size_t k = 0; k < seen.size(); ++k) {
        seen[k] = formulas::signed_of(formulas::draw(1, i, static_cast<std::uint32_t>(k)));
      }
      learner_.remember({.observation = std::span(seen).first(inputs),
                         .next = std::span(seen).last(inputs),
                         .action = i % action_count,
                         .reward = seen[0],
                         .fell = i % 17 == 0});
    }
  }
  /// Of one update, the mean of a round: by the clock, and what the process had of its processors.
  struct Time {
    double clock, processor;
  };
  Time time() {
    constexpr int updates = 100;
    const Clock::time_point start = Clock::now();
    const double processor_start = processor_seconds();
    for (int i = 0; i < updates; ++i) static_cast<void>(learner_.learn());
    device_.synchronize(stream_, std::chrono::minutes(10));
    return {seconds_since(start) / updates, (processor_seconds() - processor_start) / updates};
  }

 private:
  static double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

  Device device_;
  Stream stream_;
  std::unique_ptr<NetworkRunner> runner_;
  Learner learner_;
};

void measure_updates(Measured& measured, const Device& device, const MeasureSettings& settings) {
  MemoryManager pooled_memory = manager_of(device, PoolMode::automatic);
  MemoryManager bare_memory = manager_of(device, PoolMode::off);
  UpdateRate pooled(pooled_memory, settings);
  UpdateRate bare(bare_memory, settings);
  static_cast<void>(pooled.time());
  static_cast<void>(bare.time());
  // On the host the driver is the operating system: what it does takes the process's processor, and what else the
  // machine does takes the clock.
  const double UpdateRate::Time::*const kind =
      device.facts().backend == BackendKind::host ? &UpdateRate::Time::processor : &UpdateRate::Time::clock;
  std::vector<double> ratios;
  double best = std::numeric_limits<double>::infinity();
  const Clock::time_point start = Clock::now();
  while (ratios.size() < 11 || seconds_since(start) < settings.seconds) {
    const UpdateRate::Time with_pool = pooled.time();
    ratios.push_back(bare.time().*kind / (with_pool.*kind));
    best = std::min(best, with_pool.clock);
  }
  std::sort(ratios.begin(), ratios.end());
  measured.update_us = best * 1e6;
  measured.pooled_over_driver = ratios[ratios.size() / 2];
  measured.pooled_spread = ratios[ratios.size() * 3 / 4] - ratios[ratios.size() / 4];
}

}  // namespace

Measured measure(const MeasureSettings& settings) {
  compute::require_range("bench", "time of a figure", " s", settings.seconds, {0.001, 600});
  const Device device = open_device({.backend = settings.backend});
  Measured measured;
  {
    MemoryManager memory = manager_of(device, PoolMode::automatic);
    RobotRates(memory, settings).fill(measured, settings.seconds);
    measure_roundtrip(measured, memory, settings);
  }
  if (device.facts().backend == BackendKind::host) measure_forward(measured, settings);
  measure_updates(measured, device, settings);
  return measured;
}

}  // namespace weir::balance
