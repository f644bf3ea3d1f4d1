// Training: that it solves the task, gives the same weights again, goes on from a checkpoint as if it had not stopped,
// and what it asks of the pool.
#include <filesystem>
#include <iterator>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "workloads/balance/learning/performance.hpp"
#include "workloads/balance/learning/saved.hpp"
#include "workloads/balance/learning/trainer.hpp"
#include "workloads/balance/learning/trial.hpp"

namespace weir::balance {
namespace {

MemoryManager host_memory() { return MemoryManager(open_device({.backend = "host"}), {.name = "balance"}); }

TrainingSettings settings_for(const char* network, std::uint32_t seed) {
  TrainingSettings settings;
  settings.network = network;
  settings.model = with_history_for(settings.model, network);
  settings.seed = seed;
  return settings;
}

TrainingResult trained(const TrainingSettings& settings, const HostChoice& host = {}) {
  MemoryManager memory = host_memory();
  Trainer trainer(memory, settings, host);
  TrainingResult result = trainer.run();
  return result;
}

TEST(Training, SolvesTheTaskFromMostSeedsOutOfPooledMemory) {
  std::uint32_t solved = 0;
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const TrainingResult result = trained(settings_for("4-32-3", seed));
    solved += result.solved ? 1 : 0;
    if (!result.solved) continue;
    EXPECT_EQ(result.upright, Trial::robots);
    EXPECT_GE(result.requests, result.updates - 100) << "an update asks the pool at least once";
    EXPECT_GE(result.hit_rate, 0.9);
    EXPECT_EQ(result.driver_calls_after_warm_up, 0u);
    EXPECT_GT(result.peak_bytes, result.peak_update_bytes);
    EXPECT_GT(result.peak_update_bytes, 0u);
  }
  EXPECT_GE(solved, 4u);
}

std::ptrdiff_t threads_here() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

TEST(Training, GivesTheSameWeightsAgainWhateverTheThreadsAndKernels) {
  TrainingSettings settings = settings_for("Maximum", 3);
  settings.max_steps = 300;
  settings.learning.batch = 256;
  const auto with_threads = [&](unsigned threads, std::ptrdiff_t& started) {
    MemoryManager memory = host_memory();
    const std::ptrdiff_t before = threads_here();
    Trainer trainer(memory, settings, {.threads = threads});
    const TrainingResult result = trainer.run();
    started = threads_here() - before;
    return result;
  };
  std::ptrdiff_t by_one = 0, by_three = 0;
  const TrainingResult one = with_threads(1, by_one);
  ASSERT_EQ(one.environment_steps, 300u);
  ASSERT_GT(one.updates, 0u);
  EXPECT_EQ(one.parameters, trained(settings).parameters);
  EXPECT_EQ(one.parameters, with_threads(3, by_three).parameters);
  EXPECT_EQ(by_three, by_one + 2) << "no team was worth it, so none was tried";
  EXPECT_EQ(one.parameters, trained(settings, {.level = "x86-64"}).parameters);
  settings.seed = 4;
  EXPECT_NE(one.parameters, trained(settings).parameters);
}

TEST(Training, GoesOnFromACheckpointAsIfItHadNotStopped) {
  TrainingSettings settings = settings_for("4-8-3", 2);
  settings.max_steps = 900;
  settings.trial_every = 200;
  settings.stop_when_solved = false;
  settings.learning.replay = 300;  // which goes round
  const TrainingResult whole = trained(settings);
  MemoryManager memory = host_memory();
  std::size_t inside = 0;
  // At the limit of a shorter run, and where one is told to stop, inside episodes and between them.
  for (const std::uint64_t at : {50u, 333u, 450u, 451u, 452u, 453u, 899u}) {
    std::string text;
    {
      TrainingSettings shorter = settings;
      if (at % 2 == 0) shorter.max_steps = at;
      Trainer first(memory, shorter);
      std::uint64_t asked = 0;
      const TrainingResult part = first.run({}, [&] { return asked++ == at; });
      EXPECT_EQ(part.stopped, at % 2 == 1);
      EXPECT_EQ(part.environment_steps, at);
      const Checkpoint saved = first.checkpoint();
      inside += saved.running ? 1 : 0;
      EXPECT_EQ(part.episodes.size(), saved.episodes.size() + (saved.running ? 1 : 0));
      text = checkpoint_text(saved);
    }
    Trainer second(memory, settings);
    second.restore(parse_checkpoint(text, "training.txt"));
    const TrainingResult rest = second.run();
    EXPECT_EQ(rest.environment_steps, whole.environment_steps);
    EXPECT_EQ(rest.updates, whole.updates);
    EXPECT_EQ(rest.parameters, whole.parameters) << at;
    ASSERT_EQ(rest.episodes.size(), whole.episodes.size());
    for (std::size_t i = 0; i < rest.episodes.size(); ++i) EXPECT_EQ(rest.episodes[i].steps, whole.episodes[i].steps);
  }
  EXPECT_GE(inside, 4u);
}

TEST(Training, GoneOnWithAfterItsEndTellsWhatItsNetworkCan) {
  const TrainingSettings settings = settings_for("4-32-3", 1);
  MemoryManager memory = host_memory();
  Checkpoint saved;
  {
    Trainer first(memory, settings);
    ASSERT_TRUE(first.run().solved);
    saved = first.checkpoint();
  }
  TrainingSettings no_more = settings;
  no_more.max_steps = saved.environment_steps;
  no_more.stop_when_solved = false;
  Trainer second(memory, no_more);
  second.restore(saved);
  const TrainingResult again = second.run();
  EXPECT_TRUE(again.solved);
  EXPECT_EQ(again.upright, Trial::robots);
  EXPECT_EQ(again.environment_steps, saved.environment_steps);
}

TEST(Training, CountsItsWarmUpFromWhereItGoesOn) {
  TrainingSettings settings = settings_for("4-8-3", 2);
  settings.stop_when_solved = false;
  settings.max_steps = 300;
  MemoryManager memory = host_memory();
  Checkpoint saved;
  {
    Trainer first(memory, settings);
    static_cast<void>(first.run());
    saved = first.checkpoint();
  }
  settings.max_steps = 350;
  Trainer second(memory, settings);
  second.restore(saved);
  EXPECT_EQ(second.run().requests, 0u) << "50 updates are no warm-up";
}

TEST(Training, RefusesACheckpointOfAnotherNetwork) {
  MemoryManager memory = host_memory();
  Checkpoint saved;
  {
    Trainer small(memory, settings_for("4-8-3", 1));
    saved = small.checkpoint();
  }
  Trainer large(memory, settings_for("4-32-3", 1));
  EXPECT_THROW(large.restore(saved), InvalidArgument);
}

TEST(Training, RefusesWhatIsOutOfRange) {
  const auto refused = [](auto change) {
    TrainingSettings settings;
    change(settings);
    EXPECT_THROW(settings.check(), InvalidArgument);
  };
  refused([](TrainingSettings& s) { s.episodes = 0; });
  refused([](TrainingSettings& s) { s.max_steps = 0; });
  refused([](TrainingSettings& s) { s.learning.batch = 0; });
  refused([](TrainingSettings& s) { s.model.mass = -1; });
  refused([](TrainingSettings& s) { s.trial_every = 0; });
  EXPECT_THROW(static_cast<void>(with_history_for({}, "3-8-3")), InvalidArgument);
  EXPECT_THROW(static_cast<void>(with_history_for({}, "18-8-3")), InvalidArgument);
  EXPECT_EQ(with_history_for({}, "16-8-3").history, 8u);
  EXPECT_EQ(with_history_for({}, "DQN").history, 1u);
}

TEST(Training, LeavesNothingBehind) {
  MemoryManager memory = host_memory();
  {
    TrainingSettings settings = settings_for("Micro", 1);
    settings.max_steps = 200;
    Trainer trainer(memory, settings);
    static_cast<void>(trainer.run());
  }
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  EXPECT_NO_THROW(memory.pool().verify());
}

TEST(Training, UnderALimitThatDoesNotHoldItIsRefusedWhole) {
  MemoryManager memory(open_device({.backend = "host"}),
                       {.name = "small", .pool = {.limit = std::uint64_t{256} << 10}});
  EXPECT_THROW(Trainer(memory, settings_for("4-32-3", 1)), Error);
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
}

TEST(Performance, ATrainedNetworkKeepsOneRobotUprightAndAnUntrainedOneDoesNot) {
  const TrainingSettings settings = settings_for("4-32-3", 1);
  const TrainingResult result = trained(settings);
  ASSERT_TRUE(result.solved);
  MemoryManager memory = host_memory();
  const NetworkShape shape = network_shape(settings.network, 4, action_count);
  const auto upright_steps = [&](const std::vector<float>& parameters) {
    Performance robot(memory, {shape, parameters, settings.model}, 0.2F, 1);
    int steps = 0;
    while (steps < 500 && !robot.step().fell) ++steps;
    return steps;
  };
  EXPECT_EQ(upright_steps(result.parameters), 500);
  EXPECT_LT(upright_steps(std::vector<float>(shape.parameters(), 0.0F)), 500);
}

}  // namespace
}  // namespace weir::balance
