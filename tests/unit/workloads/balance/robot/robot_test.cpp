// A robot's physics, rewards, sensor and random numbers: the formulas against others, the host's loops against the
// kernels' bodies, and what is no robot.
#include <cmath>
#include <cstring>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "compute/loop.hpp"
#include "workloads/balance/host/levels.hpp"
#include "workloads/balance/robot/model.hpp"

namespace weir::balance {
namespace {

using formulas::Motion;

TEST(RobotFormulas, SineIsWithinItsBound) {
  double worst = 0;
  for (int i = -628'318; i <= 628'318; ++i) {
    const auto angle = static_cast<float>(i * 1e-5);
    worst = std::max(worst, std::abs(double{formulas::sine(angle)} - std::sin(double{angle})));
    worst = std::max(worst, std::abs(double{formulas::cosine(angle)} - std::cos(double{angle})) / 2);
  }
  EXPECT_LT(worst, 2e-7);
  EXPECT_NEAR(double{formulas::sine(30'000.5F)}, std::sin(30'000.5), 2e-3) << "it loses digits far off, not its mind";
}

TEST(RobotFormulas, RandomNumbersAreSpreadAndRepeatable) {
  EXPECT_EQ(formulas::draw(1, 2, 3), formulas::draw(1, 2, 3));
  EXPECT_NE(formulas::draw(1, 2, 3), formulas::draw(1, 2, 4));
  EXPECT_NE(formulas::draw(1, 2, 3), formulas::draw(2, 2, 3));
  constexpr std::uint32_t count = 200'000;
  double sum = 0, squares = 0, normal = 0, normal_squares = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t bits = formulas::draw(7, i, 0);
    const double u = double{formulas::uniform_of(bits)}, n = double{formulas::normal_of(bits)};
    ASSERT_TRUE(u >= 0 && u < 1);
    sum += u, squares += u * u, normal += n, normal_squares += n * n;
  }
  EXPECT_NEAR(sum / count, 0.5, 0.005);
  EXPECT_NEAR(squares / count, 1.0 / 3, 0.005);
  EXPECT_NEAR(normal / count, 0, 0.01);
  EXPECT_NEAR(normal_squares / count, 1, 0.02);
}

// The equations as WORKLOADS has them, in doubles.
TEST(RobotFormulas, AStepIsTheEquations) {
  const Model model;
  const formulas::Coefficients c = model.coefficients();
  const Motion before{.angle = 0.3F, .speed = -0.7F, .position = 1, .velocity = 2};
  for (const double action : {-1.0, 0.0, 1.0}) {
    const float torque = formulas::torque_of(static_cast<float>(action), c);
    EXPECT_EQ(torque, static_cast<float>(std::clamp(8 * action, -5.0, 5.0)));
    const double m = 1, h = 0.4, g = 9.81, dt = 0.02;
    const double acceleration = (-double{torque} + m * g * h * std::sin(0.3) + 0.01 * 0.7) / (m * h * h);
    const double speed = -0.7 + dt * acceleration;
    const double velocity = 2 + dt * (double{torque} / 0.12 - 0.02 * 2 * m * g) / m;
    const Motion after = formulas::moved(before, torque, c);
    EXPECT_NEAR(double{after.speed}, speed, 2e-6);
    EXPECT_NEAR(double{after.angle}, 0.3 + dt * speed, 1e-6);
    EXPECT_NEAR(double{after.velocity}, velocity, 2e-6);
    EXPECT_NEAR(double{after.position}, 1 + dt * velocity, 2e-6);
  }
}

// Both equations of the two-wheel model hold for the accelerations that a step has; friction and damping are off.
TEST(RobotFormulas, AStepOnWheelsSolvesBothEquations) {
  Model model;
  model.friction = 0;
  model.damping = 0;
  model.dt = 0.001F;
  const formulas::Coefficients c = model.coefficients();
  const Motion before{.angle = -0.4F, .speed = 1.5F, .position = 0, .velocity = 0.5F};
  const double torque = 3, dt = double{model.dt};
  const Motion after = formulas::moved_on_wheels(before, static_cast<float>(torque), c);
  const double tilt = (double{after.speed} - 1.5) / dt, push = (double{after.velocity} - 0.5) / dt;
  const double l = 0.4, body = 1, wheel = 0.2, r = 0.12, wheel_inertia = wheel * r * r / 2, body_inertia = l * l / 3;
  const double s = std::sin(-0.4), k = std::cos(-0.4);
  EXPECT_NEAR((body + wheel + wheel_inertia / (r * r)) * push + body * l * k * tilt - body * l * s * 1.5 * 1.5,
              torque / r, 0.02);
  EXPECT_NEAR(body * l * k * push + (body * l * l + body_inertia) * tilt - body * 9.81 * l * s, -torque, 0.02);
}

TEST(RobotFormulas, TheReferenceControllerBalances) {
  const formulas::Coefficients c = Model{}.coefficients();
  for (const auto step : {formulas::moved, formulas::moved_on_wheels}) {
    for (const float angle : {-0.5F, -0.05F, 0.2F, 0.5F}) {
      Motion m{.angle = angle, .speed = 0, .position = 0, .velocity = 0};
      for (int i = 0; i < 5'000; ++i) {
        m = step(m, reference_torque(m), c);
        ASSERT_LT(std::abs(m.angle), c.fail_angle) << "from " << angle << " after " << i << " steps";
      }
    }
  }
  Motion left_alone{.angle = 0.01F, .speed = 0, .position = 0, .velocity = 0};
  for (int i = 0; i < 500; ++i) left_alone = formulas::moved(left_alone, 0, c);
  EXPECT_GT(std::abs(left_alone.angle), c.fail_angle) << "else the controller would have nothing to do";
}

TEST(RobotFormulas, RewardsAreAsDefined) {
  const formulas::Coefficients c = Model{}.coefficients();
  const Motion m{.angle = c.fail_angle / 2, .speed = 1.5F, .position = 0, .velocity = 0};
  const auto reward = [&](Reward kind, bool failed, float torque, float before) {
    return formulas::reward_of(static_cast<std::uint32_t>(kind), m, failed, torque, before, c);
  };
  EXPECT_EQ(reward(Reward::simple, false, 5, 5), 1);
  EXPECT_EQ(reward(Reward::simple, true, 5, 5), 0);
  EXPECT_FLOAT_EQ(reward(Reward::complex, false, 5, -5), 0.5F);
  EXPECT_FLOAT_EQ(reward(Reward::complex, true, 0, 0), -10);
  EXPECT_FLOAT_EQ(reward(Reward::efficient, false, 5, -5), 0.5F - 0.1F - 0.05F * 2);
  EXPECT_FLOAT_EQ(reward(Reward::efficient, false, 5, 5), 0.5F - 0.1F + 0.02F);
  EXPECT_FLOAT_EQ(reward(Reward::efficient, true, 5, 5), -1);
  EXPECT_FLOAT_EQ(reward(Reward::offset_adaptive, false, 0, 0), 0.5F + 0.2F * 0.5F + 0.1F);
}

TEST(RobotModel, RefusesWhatIsNoRobot) {
  const auto refused = [](auto change, const char* what, const char* value) {
    Model model;
    change(model);
    try {
      model.check();
      ADD_FAILURE() << what << " was taken";
    } catch (const InvalidArgument& error) {
      EXPECT_THAT(error.message(), testing::AllOf(testing::HasSubstr(what), testing::HasSubstr(value)));
    }
  };
  refused([](Model& m) { m.mass = -1; }, "mass", "-1");
  refused([](Model& m) { m.height = std::nanf(""); }, "height", "nan");
  refused([](Model& m) { m.dt = 0; }, "dt", "0.001");
  refused([](Model& m) { m.fail_angle = 2; }, "fail angle", "2");
  refused([](Model& m) { m.history = 9; }, "history", "8");
  refused([](Model& m) { m.sensor_noise = INFINITY; }, "noise", "inf");
  EXPECT_NO_THROW(Model{}.check());
  EXPECT_THROW(static_cast<void>(reward_named("greedy")), InvalidArgument);
}

/// All memory of some robots.
struct Crowd {
  Crowd(std::uint32_t count, std::uint32_t history)
      : motion(robots::motion_columns * count),
        tallies(robots::tally_columns * count),
        observations(2 * history * count),
        outputs(action_count * count),
        actions(count),
        rewards(count),
        dones(count) {}
  robots::Buffers buffers(robots::Body body) {
    float* const values = body == robots::Body::decide ? outputs.data() : observations.data();
    return {motion.data(), tallies.data(), values, actions.data(), rewards.data(), dones.data()};
  }
  friend bool operator==(const Crowd& a, const Crowd& b) {
    const auto same = [](const auto& x, const auto& y) {
      return std::memcmp(x.data(), y.data(), x.size() * sizeof(x[0])) == 0;
    };
    return same(a.motion, b.motion) && same(a.tallies, b.tallies) && same(a.observations, b.observations) &&
           same(a.actions, b.actions) && same(a.rewards, b.rewards) && same(a.dones, b.dones);
  }
  std::vector<float> motion;
  std::vector<std::uint32_t> tallies;
  std::vector<float> observations, outputs;
  std::vector<std::uint32_t> actions;
  std::vector<float> rewards;
  std::vector<std::uint32_t> dones;
};

TEST(RobotLevels, GiveTheBitsOfTheBodies) {
  for (std::uint32_t variant = 0; variant < 64; ++variant) {
    Model model;
    model.physics = static_cast<Physics>(variant % 2);
    model.reward = static_cast<Reward>(variant / 2 % 4);
    model.history = variant / 8 + 1;
    model.sensor_noise = 0.01F;
    model.sensor_drift = 0.001F;
    model.max_steps = 40;
    const formulas::Coefficients c = model.coefficients();
    constexpr std::uint32_t count = 77;  // not a whole number of vectors
    robots::Parameters told{};
    told.count = count;
    told.seed = variant;
    told.physics = static_cast<std::uint32_t>(model.physics);
    told.reward = static_cast<std::uint32_t>(model.reward);
    told.history = model.history;
    told.max_steps = model.max_steps;
    static_assert(sizeof(c) == sizeof(told) - offsetof(robots::Parameters, dt));
    std::memcpy(&told.dt, &c, sizeof(c));
    std::vector<RobotStep> steps{{robots::Body::start, count, told}};
    for (int i = 0; i < 60; ++i) {
      for (const robots::Body body :
           {robots::Body::observe, robots::Body::decide, robots::Body::advance, robots::Body::move}) {
        if (body == robots::Body::move && i % 10 != 0) continue;
        steps.push_back({body, count, told});
      }
    }
    const auto outputs = [&](Crowd& crowd) {
      for (std::uint32_t i = 0; i < action_count * count; ++i) {
        crowd.outputs[i] = formulas::signed_of(formulas::draw(3, i, variant));
      }
    };
    Crowd wanted(count, model.history);
    outputs(wanted);
    for (const RobotStep& step : steps) {
      compute::run_in_loops<robots::Kernels>(std::span(&step, 1), wanted.buffers(step.body));
    }
    for (const Level& level : levels()) {
      Crowd crowd(count, model.history);
      outputs(crowd);
      for (const RobotStep& step : steps) {
        for (std::uint32_t part = 0; part < 3; ++part) level.run_robots(step, crowd.buffers(step.body), part, 3);
      }
      EXPECT_TRUE(crowd == wanted) << level.name << ", variant " << variant;
    }
    std::uint32_t falls = 0;
    for (std::uint32_t i = 0; i < count; ++i) falls += wanted.tallies[robots::falls_column * count + i];
    EXPECT_GT(falls, 0u) << "no robot fell, so no new start was tried";
  }
}

}  // namespace
}  // namespace weir::balance
