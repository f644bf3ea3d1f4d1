// Networks and checkpoints as files: what is written is read again to the bit, and what is not such a file is refused
// with its place.
#include <cmath>
#include <cstdio>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "workloads/balance/learning/saved.hpp"

namespace weir::balance {
namespace {

SavedNetwork some_network() {
  const NetworkShape shape = network_shape("4-6-5-3", 4, 3);
  Model model;
  model.history = 2;
  model.reward = Reward::efficient;
  model.sensor_offset = 0.01F;
  return {shape, first_parameters(shape, Start::he, 9), model};
}

Checkpoint some_checkpoint() {
  const SavedNetwork network = some_network();
  Checkpoint saved;
  saved.settings.model = network.model;
  saved.settings.network = network.shape.text();
  saved.settings.learning.replay = 20;
  saved.settings.learning.batch = 16;
  saved.learner.parameters = network.parameters;
  saved.learner.parameters.insert(saved.learner.parameters.end(), network.parameters.begin(), network.parameters.end());
  saved.learner.moments.assign(2 * network.parameters.size(), 1e-30F);
  saved.learner.remembered = 1'000'003;
  saved.learner.updates = 77;
  saved.learner.records.assign(std::size_t{20} * 11, 1.0F);
  saved.episodes = {{.steps = 12, .reward = 3.5F, .loss = 0.25F, .explore = 0.9F, .bytes = 12345}};
  saved.running = RunningEpisode{.so_far = {.steps = 5, .reward = 2.5F},
                                 .motion = {.angle = 0.1F, .speed = -0.2F, .position = 3, .velocity = 4},
                                 .observation = {0.5F, 0.25F, 0.125F, 1},
                                 .torque = -5,
                                 .learned = true};
  saved.settings.start = Start::xavier;
  saved.environment_steps = 1'000'003;
  saved.draws = (std::uint64_t{1} << 40) + 1;
  return saved;
}

template <class Parse>
std::string refusal(const Parse& parse, const std::string& text) {
  try {
    static_cast<void>(parse(text, "net.txt"));
  } catch (const ParseError& error) {
    return error.message();
  }
  ADD_FAILURE() << "it was taken: " << text.substr(0, 200);
  return {};
}

/// With the checksum that the changed text has, so that what is changed is what is refused.
std::string resealed(std::string text) {
  text.resize(text.rfind("checksum"));
  std::uint64_t sum = 14695981039346656037U;
  for (const char byte : text) sum = (sum ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  char line[40];
  std::snprintf(line, sizeof(line), "checksum %016llx\n", static_cast<unsigned long long>(sum));
  return text + line;
}

std::string with(std::string text, const std::string& old, const std::string& fresh) {
  const std::size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return text.replace(at, old.size(), fresh);
}

TEST(SavedNetwork, IsReadAsItWasWritten) {
  const SavedNetwork network = some_network();
  const std::string text = network_text(network);
  const SavedNetwork again = parse_network(text, "net.txt");
  EXPECT_EQ(again.shape, network.shape);
  EXPECT_EQ(again.parameters, network.parameters);
  EXPECT_EQ(again.model.reward, Reward::efficient);
  EXPECT_EQ(again.model.sensor_offset, 0.01F);
  EXPECT_EQ(network_text(again), text);
}

TEST(SavedNetwork, ACutFileIsRefusedWhereverItIsCut) {
  const std::string text = network_text(some_network());
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_THROW(static_cast<void>(parse_network(std::string_view(text).substr(0, length), "net.txt")), ParseError)
        << length;
  }
}

TEST(SavedNetwork, AChangedByteIsRefused) {
  const std::string text = network_text(some_network());
  for (std::size_t i = 0; i < text.size(); i += 7) {
    std::string changed = text;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_THROW(static_cast<void>(parse_network(changed, "net.txt")), ParseError) << i;
  }
}

TEST(SavedNetwork, SaysWhatIsWrong) {
  const std::string text = network_text(some_network());
  const auto says = [&](const std::string& changed, const char* why) {
    EXPECT_THAT(refusal(parse_network, resealed(changed)), testing::HasSubstr(why));
  };
  says(with(text, "weir-network 1", "weir-network 2"), "version 2");
  says(with(text, "weir-network 1", "weir-network 0"), "version 0");
  says(with(text, "weir-network", "some-network"), "line 1");
  says(with(text, "weir-network 1", "weir-network 1 anything"), "behind the version");
  says(with(text, "layers 4 4 6 5 3", "layers 4 4 6 999 3"), "999");
  says(with(text, "layers 4 4 6 5 3", "layers 4 4 6 nan 3"), "layers");
  says(with(text, "layers 4 4 6 5 3", "layers 4 4 6 4 3"), "parameters");
  says(with(text, "layers 4 4 6 5 3", "layers 18446744073709551615 4 6 5 3"), "line");
  says(with(text, "layers 4 4 6 5 3", "layers 4 4 6 5"), "line");
  says(with(text, "layers 4 4 6 5 3", "layers 4 4 6 5 3 9"), "more numbers");
  says(with(text, "layers 4 4 6 5 3", "layer 4 4 6 5 3"), "missing");
  says(with(text, "robot.history 1 2", "robot.history 1 3"), "layers");
  says(with(text, "robot.mass 1 1", "robot.mass 1 -1"), "mass");
  says(with(text, "robot.mass 1 1", "robot.mass 1 x"), "not a number");
  says(with(text, "robot.mass 1 1", "robot.dt 1 1"), "twice");
  EXPECT_THAT(refusal(parse_network, text + "more\n"), testing::HasSubstr("behind the checksum"));
  EXPECT_THAT(refusal(parse_network, with(text, "checksum ", "checksum 0")), testing::HasSubstr("checksum"));
  EXPECT_THROW(static_cast<void>(read_network("/nonexistent/net")), NotFound);
}

TEST(SavedNetwork, AnInfiniteWeightIsRefused) {
  SavedNetwork network = some_network();
  network.parameters[3] = INFINITY;
  EXPECT_THAT(refusal(parse_network, network_text(network)), testing::HasSubstr("parameters"));
}

TEST(SavedCheckpoint, IsReadAsItWasWritten) {
  const Checkpoint saved = some_checkpoint();
  const std::string text = checkpoint_text(saved);
  const Checkpoint again = parse_checkpoint(text, "training.txt");
  EXPECT_EQ(again.learner.parameters, saved.learner.parameters);
  EXPECT_EQ(again.learner.moments, saved.learner.moments);
  EXPECT_EQ(again.learner.records, saved.learner.records);
  EXPECT_EQ(again.learner.remembered, saved.learner.remembered);
  EXPECT_EQ(again.draws, saved.draws);
  EXPECT_EQ(again.settings.learning.replay, 20u);
  ASSERT_EQ(again.episodes.size(), 1u);
  EXPECT_EQ(again.episodes[0].bytes, 12345u);
  ASSERT_TRUE(again.running);
  EXPECT_EQ(again.running->observation, saved.running->observation);
  EXPECT_EQ(again.running->motion.velocity, 4);
  EXPECT_EQ(again.running->torque, -5);
  EXPECT_TRUE(again.running->learned);
  EXPECT_EQ(again.settings.start, Start::xavier);
  EXPECT_EQ(checkpoint_text(again), text);
  EXPECT_THAT(refusal(parse_checkpoint, resealed(with(text, "counts.updates 1 77", "counts.updates 1 7.5"))),
              testing::HasSubstr("whole number"));
  EXPECT_THAT(refusal(parse_checkpoint, resealed(with(text, "learning.batch 1 16", "learning.batch 1 0"))),
              testing::HasSubstr("batch"));
}

TEST(SavedCheckpoint, ANumberOfAnEpisodeThatCannotBeIsRefused) {
  const std::string text = checkpoint_text(some_checkpoint());
  const std::string episode = "episodes 5 12 3.5 0.25 0.9 12345";
  for (const char* wrong :
       {"episodes 5 -1 3.5 0.25 0.9 12345", "episodes 5 12 1e300 0.25 0.9 12345", "episodes 5 12 nan 0.25 0.9 12345",
        "episodes 5 12 3.5 inf 0.9 12345", "episodes 5 12 3.5 0.25 1.5 12345", "episodes 5 12 3.5 0.25 0.9 1e30"}) {
    EXPECT_THAT(refusal(parse_checkpoint, resealed(with(text, episode, wrong))), testing::HasSubstr("\"episodes\""));
  }
  EXPECT_THAT(refusal(parse_checkpoint, resealed(with(text, "running 15 5 2.5", "running 15 5 1e20"))),
              testing::HasSubstr("\"running\""));
  EXPECT_THAT(refusal(parse_checkpoint, resealed(with(text, "running 15 5", "running 14"))),
              testing::HasSubstr("running"));
}

TEST(SavedCheckpoint, OfMoreThanAFileHoldsIsRefused) {
  Checkpoint saved = some_checkpoint();
  saved.settings.learning.replay = 1'000'000;
  EXPECT_NO_THROW(static_cast<void>(checkpoint_text(saved)));
  saved.settings.network = "16-6-5-3";
  saved.settings.model.history = 8;
  EXPECT_THROW(static_cast<void>(checkpoint_text(saved)), InvalidArgument);
}

TEST(CHeader, NeedsAnIdentifier) {
  EXPECT_THROW(static_cast<void>(c_header(some_network(), "9lives")), InvalidArgument);
  EXPECT_THROW(static_cast<void>(c_header(some_network(), "a b")), InvalidArgument);
  EXPECT_THAT(c_header(some_network(), "brain"), testing::HasSubstr("static void brain(const float* observation"));
}

}  // namespace
}  // namespace weir::balance
