// Trains one network on one robot, episode by episode, until it passes its trial: the robot moves on the host, the
// network lives and learns on the device. Tells how it goes, stops when asked, and goes on from where another run
// stopped. Where the device is lost it goes on from what it last kept on the host, and makes the same weights.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "compute/losses.hpp"
#include "workloads/balance/device/runners.hpp"
#include "workloads/balance/learning/learner.hpp"
#include "workloads/balance/robot/model.hpp"

namespace weir::balance {

/// The model with as much history as a network such as "4-32-3" has inputs for; as it is for a preset's name. Throws
/// InvalidArgument for an odd number of inputs, and one that no history gives.
[[nodiscard]] Model with_history_for(const Model& model, std::string_view network);

struct TrainingSettings {
  Model model = {};
  LearningSettings learning = {};
  std::string network = "4-32-3";  ///< layers or a preset's name, as network_shape()
  Start start = Start::he;
  std::uint32_t seed = 1;
  std::uint32_t episodes = 1'000;     ///< at most; 1 to 1,000,000
  std::uint64_t max_steps = 20'000;   ///< of the robot in all, at most; 1 to 1e9. The last episode may be cut off
  std::uint32_t easy_episodes = 100;  ///< those that start within the model's angle; later ones start within
  float hard_angle = 0.5235988F;      ///< this. 0 to 60°
  std::uint32_t trial_every = 500;    ///< steps from one trial to the next; 1 to 1,000,000
  bool stop_when_solved = true;

  /// Throws InvalidArgument that names the value and its range.
  void check() const;
};

struct Episode {
  std::uint32_t steps = 0;
  float reward = 0;         ///< the sum of its steps'
  float loss = 0;           ///< of the last update in it
  float explore = 0;        ///< the share of random actions at its end
  std::uint64_t bytes = 0;  ///< of live device memory at its end
};

/// An episode that is not over.
struct RunningEpisode {
  Episode so_far;
  formulas::Motion motion;
  std::vector<float> observation;  ///< the newest step first
  float torque = 0;                ///< of the step before
  bool learned = false;            ///< whether there was an update in it
};

struct TrainingResult {
  bool solved = false;
  bool stopped = false;  ///< because it was asked to
  std::uint64_t environment_steps = 0;
  std::uint64_t updates = 0;
  std::uint32_t upright = 0;  ///< of the last trial or, where that was passed, of the second; of Trial::robots
  double seconds = 0;
  std::vector<Episode> episodes = {};  ///< the last may have been cut off
  std::vector<float> parameters = {};
  // Of the memory; requests, hits and driver calls are those of device and pinned memory, after this run's warm-up, or
  // after that which follows a loss of the device.
  std::uint64_t requests = 0;
  double hit_rate = 0;  ///< of those: served by cache or arena
  std::uint64_t driver_calls_after_warm_up = 0;
  std::uint64_t peak_bytes = 0;         ///< requested, of device memory
  std::uint64_t peak_update_bytes = 0;  ///< of what single updates took
  std::uint64_t spilled_bytes = 0;      ///< moved to the host for want of device memory, in this run
  std::uint64_t recoveries = 0;         ///< of losses of the device, in the trainer's life
  std::uint64_t lost_bytes = 0;         ///< that did not come back with them
  double recovery_seconds = 0;          ///< of those, until the device was opened again

  /// Mean reward of the last 100 episodes; 0 without any.
  [[nodiscard]] double mean_reward() const noexcept;
};

/// What a run was when it stopped, which may be inside an episode.
struct Checkpoint {
  TrainingSettings settings;
  Learner::State learner;
  std::vector<Episode> episodes;
  std::optional<RunningEpisode> running = {};
  std::uint64_t environment_steps = 0;
  std::uint64_t draws = 0;
};

class Trainer {
 public:
  /// `memory` outlives it; the runners are of its device. Throws as the settings' check() and Learner.
  Trainer(MemoryManager& memory, const TrainingSettings& settings, const HostChoice& host = {});

  [[nodiscard]] const NetworkShape& shape() const noexcept { return shape_; }
  /// Goes on from there: with the checkpoint's settings, run() makes the same weights as one that did not stop. Throws
  /// InvalidArgument where the network is another.
  void restore(const Checkpoint& checkpoint);
  /// Holds a trial, and trains until one is passed, a limit is reached or `stop`, asked before each step, is true.
  /// Calls `told` after each episode, once, which may take a checkpoint. Survives losses of the device as
  /// compute::Losses does; then steps since the last state that was kept are made again, a thousand at most or a
  /// tenth of the replay memory, and `stop` is asked before them again.
  [[nodiscard]] TrainingResult run(const std::function<void(const Episode&)>& told = {},
                                   const std::function<bool()>& stop = {});
  /// After a run it is what the run ended with, and costs a copy.
  [[nodiscard]] Checkpoint checkpoint();

 private:
  /// What goes with a device that is lost.
  struct OnDevice {
    OnDevice(MemoryManager& memory, const Trainer& trainer);

    Stream stream;
    std::unique_ptr<NetworkRunner> network_runner;
    std::unique_ptr<RobotRunner> robot_runner;
    Learner learner;
  };
  /// Where a run is, but for the network.
  struct Progress {
    std::optional<RunningEpisode> running = {};
    std::size_t episodes = 0;  ///< that are over
    std::uint64_t steps = 0, draws = 0;
    std::uint32_t upright = 0;
    bool solved = false;
    bool had_trial = false;  ///< this run's first
  };
  /// A whole state on the host.
  struct Kept {
    Learner::State learner;
    Progress at;
  };

  template <class Work>
  void survive(const Work& work);
  void take_up();
  void keep();
  void train(const std::function<void(const Episode&)>& told, const std::function<bool()>& stop,
             TrainingResult& result);
  [[nodiscard]] std::uint32_t draw() noexcept;
  [[nodiscard]] RunningEpisode first_of_episode();
  /// A step of the running episode; whether it was the last.
  [[nodiscard]] bool step(RunningEpisode& episode);
  [[nodiscard]] Episode finished(const RunningEpisode& episode);
  void hold_trial();
  [[nodiscard]] float explore() const noexcept;
  [[nodiscard]] bool ended() const noexcept;

  MemoryManager& memory_;
  const TrainingSettings settings_;
  const HostChoice host_;
  const formulas::Coefficients coefficients_;
  const NetworkShape shape_;
  std::unique_ptr<OnDevice> device_;  // null after a loss
  std::vector<Episode> episodes_;     // `at_.episodes` of them count; what came after a state that was kept comes again
  Progress at_;
  std::optional<Kept> kept_;
  bool changed_ = true;  // since then
  bool surviving_ = false;
  std::size_t told_ = 0;  // episodes
  compute::Losses losses_;
};

}  // namespace weir::balance
