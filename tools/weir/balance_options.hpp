// The command line of `weir balance`.
#pragma once

#include <cstdint>
#include <string>

#include "workloads/balance/learning/trainer.hpp"
#include "workloads/balance/measure/measure.hpp"

namespace CLI {
class App;
}

namespace weir::tool {

struct TrainLine {
  balance::TrainingSettings settings = {};
  balance::HostChoice host = {};
  std::string reward = "complex", physics = "simple", start = "he";
  std::uint32_t seeds = 1;
  std::string device = {};
  std::string limit = {};
  bool pool = true;
  bool json = false;
  std::string checkpoint = {}, curves = {}, output = {}, header = {};
  const CLI::App* command = nullptr;  ///< which knows what was given

  /// Fills `settings` from the words. Throws InvalidArgument for what does not go together.
  void settle();
  /// Takes the settings of a checkpoint, but for how long it goes on. Throws InvalidArgument for an option that was
  /// given and says otherwise. After settle().
  void go_on(const balance::TrainingSettings& saved);
};

struct RunLine {
  std::string network;
  std::string device = {};
  double seconds = 10;
  double angle = 0.2;
  std::uint32_t seed = 1;
  bool watch = false;
  bool json = false;
};

struct BenchLine {
  balance::MeasureSettings settings = {};
  bool json = false;
};

void add_train_options(CLI::App& command, TrainLine& line);
void add_run_options(CLI::App& command, RunLine& line);
void add_bench_options(CLI::App& command, BenchLine& line);

}  // namespace weir::tool
