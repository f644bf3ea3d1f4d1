// A network's kernels: gradients against differences, the host's loops against the bodies, and what is no network.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "compute/loop.hpp"
#include "workloads/balance/host/levels.hpp"
#include "workloads/balance/network/plan.hpp"

namespace weir::balance {
namespace {

float random_number(std::uint32_t who, std::uint32_t i) { return formulas::signed_of(formulas::draw(11, who, i)); }

/// The buffers of one network, as weir::NetworkBuffers has them.
struct Side {
  Side(const NetworkShape& of, std::uint32_t batch, const std::vector<float>& flat)
      : shape(of), input(std::size_t{of.inputs()} * batch), hidden(std::size_t{of.neurons()} * batch) {
    for (const Segment& each : segments(shape)) {
      const auto from = flat.begin() + static_cast<std::ptrdiff_t>(each.first);
      std::vector<float>& part = parts.at(static_cast<std::size_t>(each.part));
      EXPECT_EQ(part.size(), each.at) << "segments follow each other in their buffers";
      part.insert(part.end(), from, from + static_cast<std::ptrdiff_t>(each.count));
    }
  }
  /// In the order of the array of parameters.
  [[nodiscard]] std::vector<float> flat() const {
    std::vector<float> all;
    for (const Segment& each : segments(shape)) {
      const auto from = parts.at(static_cast<std::size_t>(each.part)).begin() + static_cast<std::ptrdiff_t>(each.at);
      all.insert(all.end(), from, from + static_cast<std::ptrdiff_t>(each.count));
    }
    return all;
  }
  NetworkMemory<void*>::Side memory() {
    return {input.data(), hidden.data(), parts[0].data(), parts[1].data(), parts[2].data(), parts[3].data()};
  }

  NetworkShape shape;
  std::vector<float> input, hidden;
  std::array<std::vector<float>, 4> parts;
};

/// A network with memory for one batch, and records to learn from.
struct Bench {
  Bench(const NetworkShape& of, std::uint32_t batch, std::uint32_t record_count = 400)
      : Bench(of, batch, record_count, first_parameters(of, Start::xavier, 5)) {}
  Bench(const NetworkShape& of, std::uint32_t batch, std::uint32_t record_count, const std::vector<float>& parameters)
      : shape(of),
        layout(of, batch),
        network(of, batch, parameters),
        target(of, batch, first_parameters(of, Start::he, 6)),
        replay(std::size_t{record_count} * layout.record()),
        indices(batch),
        actions(batch),
        dones(batch),
        output(std::size_t{of.outputs()} * batch),
        q_values(output.size()),
        target_q_values(output.size()),
        rewards(batch),
        aims(batch),
        td_errors(batch),
        errors(layout.errors()),
        gradients(of.parameters()),
        moments(2 * std::size_t{of.parameters()}) {
    for (std::uint32_t i = 0; i < replay.size(); ++i) replay[i] = random_number(1, i);
    for (std::uint32_t r = 0; r < record_count; ++r) {
      float* const what = &replay[std::size_t{r} * layout.record() + 2 * std::size_t{of.inputs()}];
      what[1] = static_cast<float>(r % of.outputs());
      what[2] = r % 7 == 0 ? 1.0F : 0.0F;
    }
    for (std::uint32_t b = 0; b < batch; ++b) indices[b] = formulas::draw(2, 2, b) % record_count;
  }
  /// By number of a step's memory.
  std::vector<nets::Buffers> buffers() {
    const NetworkMemory<void*> memory{network.memory(),       target.memory(),  output.data(),  q_values.data(),
                                      target_q_values.data(), replay.data(),    indices.data(), actions.data(),
                                      rewards.data(),         dones.data(),     aims.data(),    td_errors.data(),
                                      errors.data(),          gradients.data(), moments.data()};
    std::vector<void*> all;
    memory.append_to(all, update_memories);
    std::vector<nets::Buffers> sets;
    for (std::size_t i = 0; i < all.size(); i += nets::Kernels::bindings) {
      std::array<void*, nets::Kernels::bindings> at{};
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(i), at.size(), at.begin());
      sets.push_back(nets::Kernels::buffers(at));
    }
    return sets;
  }
  void run_in_loops(const std::vector<NetworkStep>& steps) {
    const std::vector<nets::Buffers> sets = buffers();
    for (const NetworkStep& step : steps) {
      compute::run_in_loops<nets::Kernels>(std::span(&step, 1), sets.at(step.memory));
    }
  }
  friend bool operator==(const Bench& a, const Bench& b) {
    const auto same = [](const auto& x, const auto& y) {
      return std::memcmp(x.data(), y.data(), x.size() * sizeof(x[0])) == 0;
    };
    const auto same_sides = [&](const Side& x, const Side& y) {
      return same(x.input, y.input) && same(x.hidden, y.hidden) && same(x.flat(), y.flat());
    };
    return same_sides(a.network, b.network) && same_sides(a.target, b.target) && same(a.output, b.output) &&
           same(a.q_values, b.q_values) && same(a.target_q_values, b.target_q_values) && same(a.actions, b.actions) &&
           same(a.rewards, b.rewards) && same(a.dones, b.dones) && same(a.aims, b.aims) &&
           same(a.td_errors, b.td_errors) && same(a.errors, b.errors) && same(a.gradients, b.gradients) &&
           same(a.moments, b.moments);
  }

  NetworkShape shape;
  NetworkLayout layout;
  Side network, target;
  std::vector<float> replay;
  std::vector<std::uint32_t> indices, actions, dones;
  std::vector<float> output, q_values, target_q_values, rewards, aims, td_errors, errors, gradients, moments;
};

/// The outputs for one observation, in doubles.
std::vector<double> outputs_of(const NetworkShape& shape, const double* parameters, std::vector<double> in) {
  for (const Layer& layer : shape.layers()) {
    std::vector<double> out(layer.outputs);
    for (std::uint32_t j = 0; j < layer.outputs; ++j) {
      out[j] = parameters[layer.bias() + j];
      for (std::uint32_t k = 0; k < layer.inputs; ++k)
        out[j] += in[k] * parameters[layer.first + k * layer.outputs + j];
      if (&layer != &shape.layers().back()) out[j] = std::max(out[j], 0.0);
    }
    in = out;
  }
  return in;
}

/// The mean loss of a batch whose aims are known, in doubles.
double loss_of(const Bench& bench, const std::vector<double>& parameters, const LearningSettings& settings) {
  const std::uint32_t batch = bench.layout.batch(), inputs = bench.shape.inputs();
  double sum = 0;
  for (std::uint32_t b = 0; b < batch; ++b) {
    const float* const record = &bench.replay[std::size_t{bench.indices[b]} * bench.layout.record()];
    const std::vector<double> outputs = outputs_of(bench.shape, parameters.data(), {record, record + inputs});
    const double said = outputs[static_cast<std::size_t>(record[2 * inputs + 1])];
    const double error = said - double{bench.aims[b]};
    const double huber = double{settings.huber};
    sum += std::abs(error) <= huber ? 0.5 * error * error : huber * (std::abs(error) - 0.5 * huber);
  }
  return sum / batch;
}

TEST(Network, GradientsAreThoseOfTheLoss) {
  LearningSettings settings;
  settings.max_error = 1000;  // a bound would cut the loss off, which differences see
  for (const char* text : {"2-8-3", "4-32-3", "6-12-8-3", "2-5-4-3-7-2-3-6-4-3"}) {
    const NetworkShape shape = network_shape(text, text[0] - '0', 3);
    Bench bench(shape, 33);
    std::vector<NetworkStep> steps = bench.layout.update(settings, 1);
    std::erase_if(steps, [](const NetworkStep& step) { return step.body == nets::Body::adapt; });
    bench.run_in_loops(steps);
    const std::vector<float> parameters = bench.network.flat();
    const std::vector<double> at(parameters.begin(), parameters.end());
    double largest = 0, worst = 0;
    for (std::uint32_t i = 0; i < shape.parameters(); ++i) {
      constexpr double step = 1e-5;
      std::vector<double> moved = at;
      moved[i] = at[i] + step;
      const double above = loss_of(bench, moved, settings);
      moved[i] = at[i] - step;
      const double difference = (above - loss_of(bench, moved, settings)) / (2 * step);
      largest = std::max(largest, std::abs(difference));
      worst = std::max(worst, std::abs(difference - double{bench.gradients[i]}));
    }
    EXPECT_GT(largest, 1e-3) << text;
    EXPECT_LT(worst, 2e-5 * std::max(largest, 1.0)) << text;
  }
}

TEST(Network, AimsAtTheTargetNetworksValueOfItsOwnChoice) {
  const NetworkShape shape = network_shape("4-16-3", 4, 3);
  Bench bench(shape, 20);
  const std::vector<float> own_floats = bench.network.flat(), target_floats = bench.target.flat();
  const std::vector<double> own(own_floats.begin(), own_floats.end());
  const std::vector<double> target(target_floats.begin(), target_floats.end());
  LearningSettings settings;
  bench.run_in_loops(bench.layout.update(settings, 1));
  for (std::uint32_t b = 0; b < 20; ++b) {
    const float* const record = &bench.replay[std::size_t{bench.indices[b]} * bench.layout.record()];
    const std::vector<double> next(record + 4, record + 8);
    const std::vector<double> preferred = outputs_of(shape, own.data(), next);
    const auto best =
        static_cast<std::size_t>(std::max_element(preferred.begin(), preferred.end()) - preferred.begin());
    const double later = outputs_of(shape, target.data(), next)[best];
    const double aim = double{record[8]} + (record[10] == 0 ? double{settings.discount} * later : 0);
    EXPECT_NEAR(double{bench.aims[b]}, aim, 1e-5) << b;
  }
}

// Adam in doubles, with the bounds of an error (5), a gradient (0.5) and a weight (10), and the copy after two updates.
TEST(Network, TwoUpdatesAreAdamsWithinItsBounds) {
  const NetworkShape shape = network_shape("4-16-3", 4, 3);
  const std::uint32_t all = shape.parameters();
  std::vector<float> start = first_parameters(shape, Start::xavier, 5);
  for (std::uint32_t i = 0; i < all; i += 5) start[i] = i % 2 == 0 ? 9.99F : -9.99F;
  Bench bench(shape, 32, 400, start);
  for (float& number : bench.replay) number *= 8;
  for (std::uint32_t r = 0; r < 400; ++r) bench.replay[r * 11 + 9] /= 8, bench.replay[r * 11 + 10] /= 8;
  const std::vector<float> target = bench.target.flat();
  const LearningSettings settings{.rate = 0.1F, .target_updates = 2};
  std::vector<double> mean(all), square(all);
  std::uint32_t cut_gradients = 0, cut_weights = 0, cut_errors = 0;
  for (const int update : {1, 2}) {
    const std::vector<float> before = bench.network.flat();
    bench.run_in_loops(bench.layout.update(settings, static_cast<std::uint64_t>(update)));
    const std::vector<float> after = bench.network.flat();
    for (std::uint32_t i = 0; i < all; ++i) {
      const double slope = std::clamp(double{bench.gradients[i]}, -0.5, 0.5);
      cut_gradients += std::abs(slope) == 0.5 ? 1 : 0;
      mean[i] = 0.9 * mean[i] + 0.1 * slope;
      square[i] = 0.999 * square[i] + 0.001 * slope * slope;
      const double unbiased_mean = mean[i] / (1 - std::pow(0.9, update));
      const double unbiased_square = square[i] / (1 - std::pow(0.999, update));
      const double moved = double{before[i]} - 0.1 * unbiased_mean / (std::sqrt(unbiased_square) + 1e-8);
      cut_weights += std::abs(moved) > 10 ? 1 : 0;
      // Where nothing flows, the small number in the divisor decides.
      if (slope == 0 || std::abs(slope) > 1e-4) {
        EXPECT_NEAR(double{after[i]}, std::clamp(moved, -10.0, 10.0), 2e-5) << i << ", update " << update;
      }
    }
    for (std::uint32_t b = 0; b < 32; ++b) {
      EXPECT_LE(std::abs(bench.td_errors[b]), 5);
      cut_errors += std::abs(bench.td_errors[b]) == 5 ? 1 : 0;
    }
    EXPECT_EQ(bench.target.flat(), update == 1 ? target : after);
  }
  EXPECT_GT(cut_gradients, 0u);
  EXPECT_LT(cut_gradients, 2 * all);
  EXPECT_GT(cut_weights, 0u);
  EXPECT_GT(cut_errors, 0u);
}

TEST(NetworkLevels, GiveTheBitsOfTheBodiesWhateverTheParts) {
  for (const NetworkPreset& preset : network_presets()) {
    for (const std::uint32_t batch : {1u, 16u, 100u, 256u}) {
      const NetworkShape shape(6, preset.hidden, 3);
      const LearningSettings settings{.target_updates = 2};
      Bench wanted(shape, batch);
      std::vector<NetworkStep> steps = wanted.layout.update(settings, 1);
      const std::vector<NetworkStep> second = wanted.layout.update(settings, 2);
      steps.insert(steps.end(), second.begin(), second.end());
      wanted.run_in_loops(steps);
      for (const Level& level : levels()) {
        for (const std::uint32_t parts : {1u, 5u}) {
          Bench bench(shape, batch);
          const std::vector<nets::Buffers> sets = bench.buffers();
          for (const NetworkStep& step : steps) {
            for (std::uint32_t part = 0; part < parts; ++part) {
              level.run_network(step, sets.at(step.memory), part, parts);
            }
          }
          EXPECT_TRUE(bench == wanted) << level.name << ", " << preset.name << ", batch " << batch << ", parts "
                                       << parts;
        }
      }
    }
  }
}

TEST(NetworkLevels, OneObservationIsAsOfABatch) {
  for (const char* text : {"2-8-3", "4-32-3", "5-7-9-3", "3-1-2", "9-8-8-4", "8-5-7-3-6-2", "1-8-1", "2-8-5",
                           "2-64-48-32-24-16-3", "1-256-100-5"}) {
    const std::string words = text;
    const NetworkShape shape = network_shape(text, static_cast<std::uint32_t>(words.front() - '0'),
                                             static_cast<std::uint32_t>(words.back() - '0'));
    Bench bench(shape, 3);
    for (std::size_t i = 0; i < bench.network.input.size(); ++i)
      bench.network.input[i] = random_number(9, static_cast<std::uint32_t>(i));
    bench.run_in_loops(bench.layout.forward());
    for (const Level& level : levels()) {
      PaddedNetwork network(shape);
      network.fill(shape, bench.network.flat());
      for (std::uint32_t b = 0; b < 3; ++b) {
        std::vector<float> observation;
        for (std::uint32_t k = 0; k < shape.inputs(); ++k) observation.push_back(bench.network.input[k * 3 + b]);
        alignas(64) std::array<float, 2 * max_neurons> space{};
        const float* const outputs = level.infer(network, observation.data(), space.data());
        for (std::uint32_t j = 0; j < shape.outputs(); ++j) {
          EXPECT_EQ(outputs[j], bench.output[j * 3 + b]) << level.name << " " << text;
        }
      }
    }
  }
}

TEST(NetworkShape, HasThePresetsAndItsLimits) {
  EXPECT_EQ(network_shape("DQN", 2, 3).parameters(), 771u);
  EXPECT_EQ(network_shape("maximum", 4, 3).text(), "4-64-48-32-24-16-3");
  EXPECT_EQ(network_shape("4-32-3", 4, 3).hidden(), std::vector<std::uint32_t>{32});
  const auto refused = [](const char* text, const char* why) {
    try {
      static_cast<void>(network_shape(text, 4, 3));
      ADD_FAILURE() << text << " was taken";
    } catch (const InvalidArgument& error) {
      EXPECT_THAT(error.message(), testing::HasSubstr(why)) << text;
    }
  };
  refused("4-0-3", "hidden layer 1 is 0");
  refused("4-257-3", "256");
  refused("4-1-1-1-1-1-1-1-1-1-3", "hidden layers is 9");
  refused("4-256-256-3", "parameters");
  refused("2-8-3", "the robot needs 4 and 3");
  refused("4-3", "such as 4-32-3");
  refused("4--3", "such as 4-32-3");
  refused("large", "Micro, Nano");
  refused("4-99999999999-3", "such as 4-32-3");
}

TEST(NetworkShape, StartsWithinItsBounds) {
  const NetworkShape shape = network_shape("4-100-3", 4, 3);
  const std::vector<float> xavier = first_parameters(shape, Start::xavier, 1);
  EXPECT_EQ(xavier, first_parameters(shape, Start::xavier, 1));
  EXPECT_NE(xavier, first_parameters(shape, Start::xavier, 2));
  double sum = 0;
  for (std::uint32_t i = 0; i < 400; ++i) {
    EXPECT_LE(std::abs(double{xavier[i]}), std::sqrt(2.0 / 104));
    sum += double{xavier[i]};
  }
  EXPECT_NEAR(sum / 400, 0, 0.02);
  EXPECT_EQ(xavier[400], 0.01F);
  const std::vector<float> he = first_parameters(shape, Start::he, 1);
  double squares = 0;
  for (std::uint32_t i = 0; i < 400; ++i) squares += double{he[i]} * double{he[i]};
  EXPECT_NEAR(squares / 400, 0.5, 0.1);
}

TEST(LearningSettings, RefuseWhatIsOutOfRange) {
  const auto refused = [](auto change, const char* what) {
    LearningSettings settings;
    change(settings);
    EXPECT_THROW(settings.check(), InvalidArgument) << what;
  };
  refused([](LearningSettings& s) { s.batch = 0; }, "batch");
  refused([](LearningSettings& s) { s.batch = 257; }, "batch");
  refused([](LearningSettings& s) { s.rate = -1; }, "rate");
  refused([](LearningSettings& s) { s.rate = std::nanf(""); }, "rate");
  refused([](LearningSettings& s) { s.replay = 10; }, "replay");
  refused([](LearningSettings& s) { s.discount = 1.5F; }, "discount");
  EXPECT_THROW(NetworkLayout(network_shape("DQN", 2, 3), 0), InvalidArgument) << "a batch of 0";
}

}  // namespace
}  // namespace weir::balance
