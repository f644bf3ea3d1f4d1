// The generated training steps: orderly, deterministic, steady from the second
// step on, and of the size that the model's arithmetic gives.
#include "replay/transformer.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "trace_facts.hpp"

namespace weir::replay {
namespace {

using testing::facts_of;
using testing::message_of;
using testing::names;
using Precision = TransformerOptions::Precision;

TransformerOptions small() {
  TransformerOptions options;
  options.layers = 2;
  options.width = 64;
  options.heads = 4;
  options.context = 32;
  options.batch = 2;
  options.vocabulary = 100;
  return options;
}

std::string refusal(const TransformerOptions& options) {
  return message_of<InvalidArgument>([&] { static_cast<void>(generate_transformer(options)); });
}

TEST(Transformer, IsAnOrderlyTraceThatFreesEverything) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    TransformerOptions options = small();
    options.precision = precision;
    const Trace trace = generate_transformer(options);
    EXPECT_EQ(trace.format, TraceFormat::generated);
    EXPECT_EQ(testing::broken_promise(trace), "");
    EXPECT_EQ(facts_of(trace.devices[0]).live_at_end, 0U);
    EXPECT_EQ(trace.devices[0].recorded_peak_reserved, std::nullopt);
  }
}

TEST(Transformer, IsDeterministic) {
  const DeviceTrace first = generate_transformer(small()).devices[0];
  const DeviceTrace second = generate_transformer(small()).devices[0];
  EXPECT_EQ(first.block_bytes, second.block_bytes);
  EXPECT_EQ(testing::events_text(first), testing::events_text(second));
}

TEST(Transformer, StepsAreEqualFromTheSecondOn) {
  const auto events = [](std::uint64_t steps) {
    TransformerOptions options = small();
    options.steps = steps;
    return generate_transformer(options).devices[0].events.size();
  };
  const std::size_t step = events(3) - events(2);
  EXPECT_GT(step, 100U);
  EXPECT_EQ(events(4) - events(3), step);
  EXPECT_EQ(events(20) - events(4), 16 * step);
  const auto peak = [](std::uint64_t steps) {
    TransformerOptions options = small();
    options.steps = steps;
    return facts_of(generate_transformer(options).devices[0]).peak_live;
  };
  EXPECT_GT(peak(2), peak(1)) << "Adam's states exist before the second step's activations";
  EXPECT_EQ(peak(2), peak(10));
}

TEST(Transformer, HoldsTheParametersOfGpt2) {
  TransformerOptions options;
  options.context = 1024;
  options.batch = 1;
  const DeviceTrace trace = generate_transformer(options).devices[0];
  // 124,439,808 parameters of four bytes, the number published for GPT-2 small.
  constexpr std::size_t tensors = 2 + 12 * 12 + 2;
  std::uint64_t parameters = 0;
  for (std::size_t block = 0; block < tensors; ++block) parameters += trace.block_bytes[block];
  EXPECT_EQ(parameters, std::uint64_t{4} * 124'439'808);
}

TEST(Transformer, MixedPrecisionHalvesTheActivations) {
  TransformerOptions options = small();
  const DeviceTrace wide = generate_transformer(options).devices[0];
  options.precision = Precision::bf16;
  const DeviceTrace narrow = generate_transformer(options).devices[0];
  EXPECT_EQ(wide.block_bytes[0], 2 * narrow.block_bytes[0]);
  EXPECT_LT(facts_of(narrow).peak_live, facts_of(wide).peak_live);
  EXPECT_GT(narrow.block_bytes.size(), wide.block_bytes.size()) << "a master copy of each parameter";
}

TEST(Transformer, RefusesOptionsByName) {
  const std::map<std::string, std::uint64_t TransformerOptions::*> options{
      {"layers", &TransformerOptions::layers}, {"width", &TransformerOptions::width},
      {"heads", &TransformerOptions::heads},   {"context", &TransformerOptions::context},
      {"batch", &TransformerOptions::batch},   {"vocabulary", &TransformerOptions::vocabulary},
      {"steps", &TransformerOptions::steps}};
  for (const auto& [name, option] : options) {
    for (const std::uint64_t value : {std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()}) {
      TransformerOptions wrong = small();
      wrong.*option = value;
      EXPECT_TRUE(names(refusal(wrong), {"option " + name + " is " + std::to_string(value)}));
    }
  }
}

TEST(Transformer, RefusesHeadsThatDoNotDivideTheWidth) {
  TransformerOptions options = small();
  options.heads = 7;
  EXPECT_TRUE(names(refusal(options), {"width", "64", "heads", "7"}));
}

TEST(Transformer, RefusesModelsBeyondAllMachines) {
  TransformerOptions options = small();
  options.context = std::uint64_t{1} << 24;
  EXPECT_TRUE(names(refusal(options), {"1 PiB"})) << "the matrix of scores";
  options = small();
  options.layers = 4096;
  options.width = std::uint64_t{1} << 20;
  EXPECT_TRUE(names(refusal(options), {"1 PiB"})) << "the sum of the layers";
  options = small();
  options.layers = 4096;
  options.steps = 10'000;
  EXPECT_TRUE(names(refusal(options), {"layers", "steps", "100000"}));
}

}  // namespace
}  // namespace weir::replay
