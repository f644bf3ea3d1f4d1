#include "balance_options.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace weir::tool {
namespace {

bool has_suffix(const std::string& path, const char* suffix) { return path.ends_with(suffix); }

using balance::TrainingSettings;

/// An option about what a checkpoint has, in words.
struct SavedOption {
  const char* name;
  std::string (*value)(const TrainingSettings& settings);
};
constexpr SavedOption saved_options[] = {
    {"--network",
     [](const TrainingSettings& s) {
       return balance::network_shape(s.network, s.model.inputs(), balance::action_count).text();
     }},
    {"--seed", [](const TrainingSettings& s) { return fmt::format("{}", s.seed); }},
    {"--reward", [](const TrainingSettings& s) { return std::string(balance::name(s.model.reward)); }},
    {"--physics",
     [](const TrainingSettings& s) {
       return std::string(s.model.physics == balance::Physics::simple ? "simple" : "two-wheels");
     }},
    {"--start", [](const TrainingSettings& s) { return std::string(s.start == balance::Start::he ? "he" : "xavier"); }},
    {"--rate", [](const TrainingSettings& s) { return fmt::format("{}", s.learning.rate); }},
    {"--discount", [](const TrainingSettings& s) { return fmt::format("{}", s.learning.discount); }},
    {"--batch", [](const TrainingSettings& s) { return fmt::format("{}", s.learning.batch); }},
    {"--noise", [](const TrainingSettings& s) { return fmt::format("{}", s.model.sensor_noise); }},
    {"--offset", [](const TrainingSettings& s) { return fmt::format("{}", s.model.sensor_offset); }},
};

}  // namespace

void TrainLine::go_on(const TrainingSettings& saved) {
  for (const SavedOption& option : saved_options) {
    const std::string given = option.value(settings), kept = option.value(saved);
    if (command->count(option.name) == 0 || given == kept) continue;
    throw InvalidArgument(checkpoint + ": was trained with " + option.name + " " + kept + ", not " + given +
                              "; leave the option out to go on, or name another file",
                          {.name = option.name});
  }
  TrainingSettings going_on = saved;
  going_on.episodes = settings.episodes;
  going_on.max_steps = settings.max_steps;
  going_on.stop_when_solved = settings.stop_when_solved;
  settings = going_on;
}

void TrainLine::settle() {
  settings.model.reward = balance::reward_named(reward);
  settings.model.physics = physics == "simple" ? balance::Physics::simple : balance::Physics::two_wheels;
  settings.start = start == "he" ? balance::Start::he : balance::Start::xavier;
  settings.model = balance::with_history_for(settings.model, settings.network);
  settings.check();
  if (seeds > 1 && !(checkpoint.empty() && output.empty() && header.empty())) {
    throw InvalidArgument("--checkpoint, -o and --header are about one network; leave out --seeds", {.name = "seeds"});
  }
  if (!curves.empty() && !has_suffix(curves, ".png") && !has_suffix(curves, ".svg")) {
    throw InvalidArgument(curves + ": the curves are a .png or an .svg file", {.name = "curves"});
  }
}

void add_train_options(CLI::App& command, TrainLine& line) {
  line.command = &command;
  balance::TrainingSettings& settings = line.settings;
  command.add_option("--network", settings.network,
                     "the sizes of its layers, such as 4-32-3, or Micro, Nano, Classic, Enhanced, Advanced, Research, "
                     "Maximum, DQN; default 4-32-3");
  command.add_option("--seeds", line.seeds, "trains so many networks, each from its own seed; default 1")
      ->check(CLI::Range(1, 1000));
  command.add_option("--seed", settings.seed, "the first seed; default 1");
  command.add_option("--reward", line.reward, "simple, complex (default), efficient, offset-adaptive");
  command.add_option("--physics", line.physics, "simple (default) or two-wheels")
      ->check(CLI::IsMember({"simple", "two-wheels"}));
  command.add_option("--start", line.start, "how weights start: he (default) or xavier")
      ->check(CLI::IsMember({"he", "xavier"}));
  command.add_option("--episodes", settings.episodes, "episodes at most; default 1000");
  command.add_option("--steps", settings.max_steps, "steps of the robot at most; default 20000");
  command.add_option("--rate", settings.learning.rate, "Adam's rate; default 0.002");
  command.add_option("--discount", settings.learning.discount, "the worth of the next step's reward; default 0.98");
  command.add_option("--batch", settings.learning.batch, "steps that an update learns from, 16 to 256; default 64");
  command.add_option("--noise", settings.model.sensor_noise, "of the sensor, rad; default 0");
  command.add_option("--offset", settings.model.sensor_offset, "of the sensor, rad; default 0");
  command.add_flag("!--keep-going", settings.stop_when_solved, "goes on after the network has passed its trial");
  command.add_option("--device", line.device, "host, vulkan, cuda; default: the best there is");
  command.add_option("--limit", line.limit, "of device memory, such as 64MiB");
  command.add_option("--pool", line.pool, "on (default), or off: each buffer from the driver");
  command.add_option("--kernels", line.host.level, "of the host: x86-64, x86-64-v3, x86-64-v4; default: the best");
  command.add_option("--threads", line.host.threads, "of the host; default 1")->check(CLI::Range(1, 256));
  command.add_option("--checkpoint", line.checkpoint,
                     "goes on from this file if it is there; writes it every 20 episodes, at the end and after Ctrl-C");
  command.add_option("--curves", line.curves, "writes learning curves: FILE.png or FILE.svg");
  command.add_option("-o,--output", line.output, "writes the trained network; not after Ctrl-C");
  command.add_option("--header", line.header, "writes it as a C header, with names that begin with network_FILE");
  command.add_flag("--json", line.json, "prints one object a seed and one for all");
}

void add_run_options(CLI::App& command, RunLine& line) {
  command.add_option("network", line.network, "a network that `weir balance train -o` wrote")->required();
  command.add_option("--device", line.device, "host, vulkan, cuda; default: the best there is");
  command.add_option("--seconds", line.seconds, "how long; default 10")->check(CLI::Range(0.02, 3600.0));
  command.add_option("--angle", line.angle, "where the robot starts, rad; default 0.2")->check(CLI::Range(-1.0, 1.0));
  command.add_option("--seed", line.seed, "of the sensor's noise; default 1");
  CLI::Option* watch =
      command.add_flag("--watch", line.watch, "draws the robot in the terminal, as fast as it really moves");
  command.add_flag("--json", line.json, "prints one object")->excludes(watch);
}

void add_bench_options(CLI::App& command, BenchLine& line) {
  command.add_option("--device", line.settings.backend, "host, vulkan, cuda; default: the best there is");
  command.add_option("--robots", line.settings.robots, "default 4096")->check(CLI::Range(1, 16'777'216));
  command.add_option("--network", line.settings.network, "of the loop and of updates; default 4-32-3");
  command.add_option("--kernels", line.settings.host.level, "of the host: x86-64, x86-64-v3, x86-64-v4");
  command.add_option("--threads", line.settings.host.threads, "of the host; default 1")->check(CLI::Range(1, 256));
  command.add_option("--seconds", line.settings.seconds, "for each figure; default 1");
  command.add_flag("--json", line.json, "prints one object");
}

}  // namespace weir::tool
