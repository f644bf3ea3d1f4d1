// The device is lost in mid-training: training goes on from what it kept, and makes the same weights, wherever it was
// lost; episodes are told once.
#include <gtest/gtest.h>

#include "losing_device.hpp"
#include "workloads/balance/learning/saved.hpp"
#include "workloads/balance/learning/trainer.hpp"

namespace weir::balance {
namespace {

class TrainingLossOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { WEIR_NEEDS_BACKEND(std::string(GetParam())) }

  /// So short that a trial is held at its beginning alone, and falls at once.
  static TrainingSettings settings(std::uint64_t steps) {
    TrainingSettings short_one;
    short_one.network = "Micro";
    short_one.model = with_history_for(short_one.model, short_one.network);
    short_one.max_steps = steps;
    short_one.trial_every = 1'000'000;
    short_one.stop_when_solved = false;
    short_one.learning.batch = 16;
    short_one.learning.replay = 30;  // which goes round
    return short_one;
  }
  struct Trained {
    TrainingResult result;
    std::vector<std::uint32_t> told;  ///< steps of each episode
    std::string checkpoint;
  };
  /// Over devices whose faults `on_open` plans.
  static Trained train_on(LosingDevice& devices, const TrainingSettings& settings) {
    Trained trained;
    MemoryManager memory(devices.open(), {.name = "balance"});
    {
      Trainer trainer(memory, settings);
      trained.result = trainer.run([&](const Episode& each) { trained.told.push_back(each.steps); });
      Checkpoint last = trainer.checkpoint();
      for (Episode& each : last.episodes) each.bytes = 0;
      if (last.running) last.running->so_far.bytes = 0;
      trained.checkpoint = checkpoint_text(last);
    }
    EXPECT_EQ(memory.statistics().buffers, 0u);
    EXPECT_EQ(memory.check_leaks().blocks, 0u);
    EXPECT_NO_THROW(memory.pool().verify());
    return trained;
  }
  static Trained undisturbed(const TrainingSettings& settings) {
    LosingDevice devices(GetParam());
    Trained whole = train_on(devices, settings);
    EXPECT_EQ(whole.result.recoveries, 0u);
    EXPECT_GT(whole.result.updates, 0u);
    return whole;
  }
  static void expect_same(const Trained& trained, const Trained& whole) {
    EXPECT_EQ(trained.result.parameters, whole.result.parameters);
    EXPECT_EQ(trained.result.environment_steps, whole.result.environment_steps);
    EXPECT_EQ(trained.result.updates, whole.result.updates);
    EXPECT_EQ(trained.result.upright, whole.result.upright);
    EXPECT_EQ(trained.result.lost_bytes, 0u);
    EXPECT_EQ(trained.told, whole.told) << "an episode was told twice, or not at all";
    EXPECT_EQ(trained.checkpoint, whole.checkpoint);
  }
  static std::uint64_t lose_at_submits(const TrainingSettings& settings, std::uint64_t first, std::uint64_t step) {
    const Trained whole = undisturbed(settings);
    std::uint64_t runs = 0;
    bool fired = true;
    for (std::uint64_t n = first; fired; n += step, ++runs) {
      SCOPED_TRACE(testing::Message() << "lost at submit " << n);
      LosingDevice devices(GetParam());
      LosingDevice::Faulty lost;
      devices.on_open = [&](device::FaultyBackend& device, std::size_t before) {
        if (before != 0) return;
        device.lose_at_submit(n);
        lost = devices.newest();
      };
      const Trained trained = train_on(devices, settings);
      fired = lost->fired();
      EXPECT_EQ(trained.result.recoveries, fired ? 1u : 0u);
      expect_same(trained, whole);
      if (HasFailure()) return runs;
    }
    return runs;
  }
};

TEST_P(TrainingLossOn, AtEverySubmitMakesTheSameWeights) {
  if (std::string(GetParam()) != "host") GTEST_SKIP() << "each of some hundred runs compiles its kernels anew";
  EXPECT_GT(lose_at_submits(settings(45), 1, 1), 90u) << "several a step";
}

// Far enough that a state was kept in mid-run.
TEST_P(TrainingLossOn, BehindAStateThatWasKeptMakesTheSameWeights) {
  EXPECT_GT(lose_at_submits(settings(1'050), 7, std::string(GetParam()) == "host" ? 701 : 3'001), 1u);
}

TEST_P(TrainingLossOn, InALaterTrialMakesTheSameWeights) {
  if (std::string(GetParam()) != "host") GTEST_SKIP() << "as above";
  TrainingSettings tried = settings(40);
  tried.trial_every = 20;
  const Trained whole = undisturbed(tried);
  bool fired = true;
  for (std::uint64_t n = 11; fired; n += 997) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    LosingDevice devices(GetParam());
    LosingDevice::Faulty lost;
    devices.on_open = [&](device::FaultyBackend&, std::size_t before) {
      if (before == 0) lost = devices.newest();
    };
    MemoryManager memory(devices.open(), {.name = "balance"});
    lost->lose(n);
    Trainer trainer(memory, tried);
    const TrainingResult result = trainer.run();
    fired = lost->fired();
    EXPECT_EQ(result.parameters, whole.result.parameters);
    EXPECT_EQ(result.upright, whole.result.upright);
    if (HasFailure()) return;
  }
}

TEST_P(TrainingLossOn, ACheckpointThatGoesOnSurvivesALossToo) {
  const TrainingSettings all = settings(60);
  const Trained whole = undisturbed(all);
  TrainingSettings half = all;
  half.max_steps = 30;
  LosingDevice first_devices(GetParam());
  MemoryManager first_memory(first_devices.open(), {.name = "first"});
  Trainer first(first_memory, half);
  static_cast<void>(first.run());
  for (const std::uint64_t n : {1u, 10u, 20u, 40u}) {
    SCOPED_TRACE(testing::Message() << "lost at submit " << n << " of what goes on");
    LosingDevice devices(GetParam());
    MemoryManager memory(devices.open(), {.name = "second"});
    Trainer second(memory, all);
    devices.newest()->lose_at_submit(n);
    second.restore(first.checkpoint());
    EXPECT_EQ(second.run().parameters, whole.result.parameters);
    EXPECT_EQ(memory.statistics().recoveries, 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(, TrainingLossOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weir::balance
