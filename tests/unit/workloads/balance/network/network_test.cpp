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

/// A network with memory for one batch, and records to learn from.
struct Bench {
  Bench(const NetworkShape& of, std::uint32_t batch, std::uint32_t record_count = 400)
      : shape(of),
        layout(of, batch),
        replay(std::size_t{record_count} * layout.record()),
        indices(batch),
        parameters(first_parameters(of, Start::xavier, 5)),
        gradients(of.parameters()),
        moments(2 * std::size_t{of.parameters()}),
        values(2 * std::size_t{layout.values()}),
        errors(layout.values()),
        facts(layout.facts()) {
    const std::vector<float> target = first_parameters(of, Start::he, 6);
    parameters.insert(parameters.end(), target.begin(), target.end());
    for (std::uint32_t i = 0; i < replay.size(); ++i) replay[i] = random_number(1, i);
    for (std::uint32_t r = 0; r < record_count; ++r) {
      float* const what = &replay[std::size_t{r} * layout.record() + 2 * std::size_t{of.inputs()}];
      what[1] = static_cast<float>(r % of.outputs());
      what[2] = r % 7 == 0 ? 1.0F : 0.0F;
    }
    for (std::uint32_t b = 0; b < batch; ++b) indices[b] = formulas::draw(2, 2, b) % record_count;
  }
  nets::Buffers buffers() {
    return {replay.data(),  indices.data(), parameters.data(), gradients.data(),
            moments.data(), values.data(),  errors.data(),     facts.data()};
  }
  friend bool operator==(const Bench& a, const Bench& b) {
    const auto same = [](const std::vector<float>& x, const std::vector<float>& y) {
      return std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
    };
    return same(a.parameters, b.parameters) && same(a.gradients, b.gradients) && same(a.moments, b.moments) &&
           same(a.values, b.values) && same(a.errors, b.errors) && same(a.facts, b.facts);
  }

  NetworkShape shape;
  NetworkLayout layout;
  std::vector<float> replay;
  std::vector<std::uint32_t> indices;
  std::vector<float> parameters, gradients, moments, values, errors, facts;
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
    const double error = said - double{bench.facts[nets::aim_column * batch + b]};
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
    compute::run_in_loops<nets::Kernels>(steps, bench.buffers());
    const std::vector<double> at(bench.parameters.begin(), bench.parameters.begin() + shape.parameters());
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
  const std::vector<double> own(bench.parameters.begin(), bench.parameters.begin() + shape.parameters());
  const std::vector<double> target(bench.parameters.begin() + shape.parameters(), bench.parameters.end());
  LearningSettings settings;
  compute::run_in_loops<nets::Kernels>(bench.layout.update(settings, 1), bench.buffers());
  for (std::uint32_t b = 0; b < 20; ++b) {
    const float* const record = &bench.replay[std::size_t{bench.indices[b]} * bench.layout.record()];
    const std::vector<double> next(record + 4, record + 8);
    const std::vector<double> preferred = outputs_of(shape, own.data(), next);
    const auto best =
        static_cast<std::size_t>(std::max_element(preferred.begin(), preferred.end()) - preferred.begin());
    const double later = outputs_of(shape, target.data(), next)[best];
    const double aim = double{record[8]} + (record[10] == 0 ? double{settings.discount} * later : 0);
    EXPECT_NEAR(double{bench.facts[nets::aim_column * 20 + b]}, aim, 1e-5) << b;
  }
}

// Adam in doubles, with the bounds of an error (5), a gradient (0.5) and a weight (10), and the copy after two updates.
TEST(Network, TwoUpdatesAreAdamsWithinItsBounds) {
  const NetworkShape shape = network_shape("4-16-3", 4, 3);
  const std::uint32_t all = shape.parameters();
  Bench bench(shape, 32);
  for (float& number : bench.replay) number *= 8;
  for (std::uint32_t r = 0; r < 400; ++r) bench.replay[r * 11 + 9] /= 8, bench.replay[r * 11 + 10] /= 8;
  for (std::uint32_t i = 0; i < all; i += 5) bench.parameters[i] = i % 2 == 0 ? 9.99F : -9.99F;
  const std::vector<float> target(bench.parameters.begin() + all, bench.parameters.end());
  const LearningSettings settings{.rate = 0.1F, .target_updates = 2};
  std::vector<double> mean(all), square(all);
  std::uint32_t cut_gradients = 0, cut_weights = 0, cut_errors = 0;
  for (const int update : {1, 2}) {
    const std::vector<double> before(bench.parameters.begin(), bench.parameters.begin() + all);
    compute::run_in_loops<nets::Kernels>(bench.layout.update(settings, static_cast<std::uint64_t>(update)),
                                         bench.buffers());
    for (std::uint32_t i = 0; i < all; ++i) {
      const double slope = std::clamp(double{bench.gradients[i]}, -0.5, 0.5);
      cut_gradients += std::abs(slope) == 0.5 ? 1 : 0;
      mean[i] = 0.9 * mean[i] + 0.1 * slope;
      square[i] = 0.999 * square[i] + 0.001 * slope * slope;
      const double unbiased_mean = mean[i] / (1 - std::pow(0.9, update));
      const double unbiased_square = square[i] / (1 - std::pow(0.999, update));
      const double moved = before[i] - 0.1 * unbiased_mean / (std::sqrt(unbiased_square) + 1e-8);
      cut_weights += std::abs(moved) > 10 ? 1 : 0;
      // Where nothing flows, the small number in the divisor decides.
      if (slope == 0 || std::abs(slope) > 1e-4) {
        EXPECT_NEAR(double{bench.parameters[i]}, std::clamp(moved, -10.0, 10.0), 2e-5) << i << ", update " << update;
      }
    }
    for (std::uint32_t b = 0; b < 32; ++b) {
      const double loss = double{bench.facts[nets::loss_column * 32 + b]};
      EXPECT_LE(loss, 4.5) << "Huber's line at an error of 5";
      cut_errors += loss == 4.5 ? 1 : 0;
    }
    const std::vector<float> copy(bench.parameters.begin() + all, bench.parameters.end());
    EXPECT_EQ(copy,
              update == 1 ? target : std::vector<float>(bench.parameters.begin(), bench.parameters.begin() + all));
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
      compute::run_in_loops<nets::Kernels>(steps, wanted.buffers());
      for (const Level& level : levels()) {
        for (const std::uint32_t parts : {1u, 5u}) {
          Bench bench(shape, batch);
          for (const NetworkStep& step : steps) {
            for (std::uint32_t part = 0; part < parts; ++part) level.run_network(step, bench.buffers(), part, parts);
          }
          EXPECT_TRUE(bench == wanted) << level.name << ", " << preset.name << ", batch " << batch << ", parts "
                                       << parts;
        }
      }
    }
  }
}

TEST(NetworkLevels, OneObservationIsAsOfABatch) {
  for (const char* text : {"2-8-3", "4-32-3", "5-7-9-3", "3-1-2", "2-64-48-32-24-16-3", "1-256-100-5"}) {
    const std::string words = text;
    const NetworkShape shape = network_shape(text, static_cast<std::uint32_t>(words.front() - '0'),
                                             static_cast<std::uint32_t>(words.back() - '0'));
    Bench bench(shape, 3);
    for (std::size_t i = 0; i < bench.values.size(); ++i)
      bench.values[i] = random_number(9, static_cast<std::uint32_t>(i));
    compute::run_in_loops<nets::Kernels>(bench.layout.forward(), bench.buffers());
    for (const Level& level : levels()) {
      PaddedNetwork network(shape);
      network.fill(shape, std::span(bench.parameters).first(shape.parameters()));
      for (std::uint32_t b = 0; b < 3; ++b) {
        std::vector<float> observation;
        for (std::uint32_t k = 0; k < shape.inputs(); ++k) observation.push_back(bench.values[k * 3 + b]);
        alignas(64) std::array<float, 2 * max_neurons> space{};
        const float* const outputs = level.infer(network, observation.data(), space.data());
        for (std::uint32_t j = 0; j < shape.outputs(); ++j) {
          EXPECT_EQ(outputs[j], bench.values[bench.layout.outputs() + j * 3 + b]) << level.name << " " << text;
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
