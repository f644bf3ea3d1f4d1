// Robots and networks on each kind of device against the plain loops over the kernels' bodies: equal bits on the host
// and on CUDA, and on Vulkan, whose division and square root may be off in the last place, within 1e-5.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "compute/loop_runner.hpp"
#include "open_backend.hpp"
#include "workloads/balance/learning/learner.hpp"
#include "workloads/balance/learning/trainer.hpp"
#include "workloads/balance/robot/robots.hpp"

namespace weir::balance {
namespace {

/// What some updates make of a network, and what some steps make of robots.
struct Outcome {
  std::vector<float> parameters;
  std::vector<float> motion;
  std::vector<float> rewards;
};

Outcome outcome_of(MemoryManager& memory, RobotRunner& robot_runner, NetworkRunner& network_runner) {
  Device device = memory.device();
  const Stream stream = device.stream();
  Model model;
  model.history = 2;
  model.reward = Reward::efficient;
  model.sensor_noise = 0.01F;
  const NetworkShape shape = network_shape("4-24-8-3", 4, action_count);
  const LearningSettings settings{.target_updates = 7};
  Learner learner(memory, network_runner, shape, settings, Start::he, 5, stream);
  for (std::uint32_t i = 0; i < 300; ++i) {
    std::vector<float> seen(8);
    for (std::uint32_t k = 0; k < 8; ++k) seen[k] = formulas::signed_of(formulas::draw(1, i, k));
    learner.remember({.observation = std::span(seen).first(4),
                      .next = std::span(seen).last(4),
                      .action = i % 3,
                      .reward = seen[0],
                      .fell = i % 9 == 0});
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(learner.learn());
  Outcome outcome{.parameters = learner.parameters(), .motion = {}, .rewards = {}};

  constexpr std::uint32_t count = 1000;
  Robots robots(memory, robot_runner, model, count, 3, stream);
  robots.start(stream);
  std::vector<std::uint32_t> actions(count);
  for (std::uint32_t step = 0; step < 30; ++step) {
    robots.observe(learner.observations(count), stream);
    robots.decide(learner.forward(count), stream);
    // Near a tie the devices may choose differently; what they compute is compared for the same actions.
    for (std::uint32_t i = 0; i < count; ++i) actions[i] = formulas::draw(8, i, step) % 3;
    memory.upload(robots.actions(), actions, stream);
    robots.advance(stream);
  }
  outcome.motion = memory.download(robots.motion(), stream);
  outcome.rewards = memory.download(robots.rewards(), stream);
  return outcome;
}

const Outcome& expected() {
  static const Outcome outcome = [] {
    MemoryManager memory(open_device({.backend = "host"}), {.name = "loops"});
    compute::LoopRunner<robots::Kernels> robot_runner(memory.device());
    compute::LoopRunner<nets::Kernels> network_runner(memory.device());
    return outcome_of(memory, robot_runner, network_runner);
  }();
  return outcome;
}

class BalanceOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND(std::string(GetParam()))
    device_.emplace(open_device({.backend = GetParam()}));
  }
  std::optional<Device> device_;
};

double worst_of(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(double{a[i]} - double{b[i]}) / std::max(1.0, std::abs(double{b[i]})));
  }
  return worst;
}

double correlation_of(const std::vector<float>& a, const std::vector<float>& b) {
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  const auto n = static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = double{a[i]}, y = double{b[i]};
    sa += x, sb += y, saa += x * x, sbb += y * y, sab += x * y;
  }
  return (n * sab - sa * sb) / std::sqrt((n * saa - sa * sa) * (n * sbb - sb * sb));
}

TEST_P(BalanceOn, IsAsThePlainLoops) {
  MemoryManager memory(*device_, {.name = "balance"});
  const auto robot_runner = make_robot_runner(*device_);
  const auto network_runner = make_network_runner(*device_);
  const Outcome outcome = outcome_of(memory, *robot_runner, *network_runner);
  const double weights = worst_of(outcome.parameters, expected().parameters);
  const double correlation = correlation_of(outcome.parameters, expected().parameters);
  std::printf("%s: weights within %.3g of the loops' (bar of the earlier program 1e-6), correlation %.9f (0.9999)\n",
              GetParam(), weights, correlation);
  EXPECT_GT(correlation, 0.9999);
  const double bound = std::string(GetParam()) == "vulkan" ? 1e-5 : 0;
  EXPECT_LE(weights, bound);
  EXPECT_LE(worst_of(outcome.motion, expected().motion), bound);
  EXPECT_LE(worst_of(outcome.rewards, expected().rewards), bound);
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
}

TEST_P(BalanceOn, TrainsTheNetworkThatTheHostTrains) {
  TrainingSettings settings;
  settings.model = with_history_for(settings.model, settings.network);
  settings.max_steps = 120;
  settings.trial_every = 100'000;
  settings.learning.batch = 16;
  const auto trained_on = [&](const Device& device) {
    MemoryManager memory(device, {.name = "balance"});
    Trainer trainer(memory, settings);
    return trainer.run().parameters;
  };
  const std::vector<float> here = trained_on(*device_), host = trained_on(open_device({.backend = "host"}));
  const NetworkShape shape = network_shape(settings.network, 4, action_count);
  EXPECT_GT(worst_of(here, first_parameters(shape, settings.start, settings.seed)), 0.01) << "nothing was learned";
  EXPECT_LE(worst_of(here, host), std::string(GetParam()) == "vulkan" ? 1e-4 : 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, BalanceOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& backend) { return std::string(backend.param); });

TEST(BalanceDevices, WhatCannotComputeIsRefused) {
  EXPECT_THROW(static_cast<void>(make_robot_runner(open_device({.backend = "dry"}))), Unsupported);
  EXPECT_THROW(static_cast<void>(make_network_runner(open_device({.backend = "host"}), {.level = "x87"})), NotFound);
  EXPECT_THROW(static_cast<void>(make_robot_runner(open_device({.backend = "dry"}), {.threads = 2})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(make_network_runner(open_device({.backend = "dry"}), {.level = "x86-64"})),
               InvalidArgument);
}

}  // namespace
}  // namespace weir::balance
