// weir_bench: the command line of the benches, called by ./dev bench from the root of the tree.
//   hot         weir and its peers on the hot paths; --json for scripts
//   tracking    what tracking costs
//   buffers     what buffers and transfers take
//   lidar       the LiDAR workload beside its peers; --full with many points
//   trajectory  the trajectories' workload beside a plain loop
//   frames      frames of a graph's layout that overlap with its steps, and growth
//   graph       the kernels of a graph's layout on the host
//   recording   what a recording costs, an event and a whole workload
//   spill       what spilling costs against a working set that fits
//   --against   compares ratios with a baseline
// Status 1: weir failed or is past the margin; 2: the command line was not understood.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "archive.hpp"
#include "baseline.hpp"
#include "buffers.hpp"
#include "frames.hpp"
#include "graph.hpp"
#include "hot.hpp"
#include "lidar.hpp"
#include "recording.hpp"
#include "spill.hpp"
#include "table.hpp"
#include "tracking.hpp"
#include "trajectory.hpp"

namespace bench {
namespace {

constexpr const char* results_folder = "bench/results";
constexpr const char* baseline_file = "bench/baseline.json";
constexpr const char* lidar_tile = "../shared/data/las/ign_lidarhd_77055_627755.las";

struct Arguments {
  std::vector<std::string> cases, subjects;
  unsigned rounds = 0;  ///< 0: the command's own number
  unsigned milliseconds = 50;
  bool json = false, verbose = false, pin = false, save = false, full = false;
  std::string machine;
  std::string against;
  std::string device = "host";
  bool write_baseline = false;
  double margin = 0.25;
  std::string command;  ///< as typed
};

/// The cases of those names, with every number of threads; without names all, or for scripts only
/// those that they rely on.
std::vector<const Case*> choose_cases(const Arguments& arguments) {
  std::vector<const Case*> chosen;
  for (const Case& one : cases) {
    const auto& names = arguments.cases;
    const bool named = std::find(names.begin(), names.end(), one.name) != names.end();
    if (named || (names.empty() && (one.standard || !arguments.json))) chosen.push_back(&one);
  }
  return chosen;
}

HotOptions hot_options(const Arguments& arguments, unsigned rounds) {
  HotOptions options;
  options.cases = choose_cases(arguments);
  options.subjects.assign(all_subjects.begin(), all_subjects.end());
  if (!arguments.subjects.empty()) {
    std::erase_if(options.subjects, [&](const std::string& subject) {
      return std::find(arguments.subjects.begin(), arguments.subjects.end(), subject) == arguments.subjects.end();
    });
  }
  options.rounds = arguments.rounds > 0 ? arguments.rounds : rounds;
  options.milliseconds = arguments.milliseconds;
  options.pin = arguments.pin;
  return options;
}

/// Where --save keeps a run; made before the run, so that it does not end in a folder that cannot be written.
class Saved {
 public:
  Saved(const Arguments& arguments, const std::string& name) : command_(arguments.command) {
    if (arguments.save) archive_.emplace(results_folder, arguments.machine, name);
  }
  void keep(const std::string& text, const nlohmann::ordered_json& raw) {
    if (!archive_) return;
    archive_->keep(command_, text, raw);
    fmt::print(stderr, "weir_bench: saved in {}\n", archive_->folder());
  }

 private:
  std::string command_;
  std::optional<Archive> archive_;
};

int hot(const Arguments& arguments) {
  Saved saved(arguments, "hot");
  const HotOptions options = hot_options(arguments, 12);
  const HotRun run = run_hot(options);
  const std::string text = hot_table(run, options, arguments.verbose);
  fmt::print("{}", arguments.json ? json_lines(hot_json(run)) : text);
  const std::string note = disturbance(run);
  if (!note.empty()) fmt::print(stderr, "weir_bench: {}\n", note);
  saved.keep(note.empty() ? text : text + '\n' + note + '\n', hot_raw(run));
  const bool weir_failed = std::any_of(run.failures.begin(), run.failures.end(), [](const std::string& failure) {
    return failure.find("weir_bench_weir:") != std::string::npos;
  });
  return weir_failed ? 1 : 0;
}

int tracking(const Arguments& arguments) {
  Saved saved(arguments, "tracking");
  TrackingOptions options;
  if (arguments.rounds > 0) options.rounds = arguments.rounds;
  options.milliseconds = arguments.milliseconds;
  options.pin = arguments.pin;
  options.verbose = arguments.verbose;
  const TrackingReport report = run_tracking(options);
  fmt::print("{}", arguments.json ? json_lines(report.rows) : report.text);
  saved.keep(report.text, report.raw);
  return 0;
}

/// A bench that gives one report; `measure` is called with the number of rounds.
template <class Measure>
int report(const Arguments& arguments, const std::string& name, unsigned usual_rounds, const Measure& measure) {
  Saved saved(arguments, name);
  const BuffersReport made = measure(arguments.rounds > 0 ? arguments.rounds : usual_rounds);
  fmt::print("{}", arguments.json ? json_lines(made.rows) : made.text);
  saved.keep(made.text, made.raw);
  return 0;
}

int buffers(const Arguments& arguments) { return report(arguments, "buffers", 5, run_buffers); }

int lidar(const Arguments& arguments) {
  return report(arguments, "lidar", 3, [&](unsigned rounds) { return run_lidar(rounds, lidar_tile, arguments.full); });
}

int trajectory(const Arguments& arguments) { return report(arguments, "trajectory", 5, run_trajectory); }

int frames(const Arguments& arguments) {
  return report(arguments, "frames", 3, [&](unsigned rounds) { return run_frames(rounds, arguments.device); });
}

int graph(const Arguments& arguments) { return report(arguments, "graph", 3, run_graph); }

int recording(const Arguments& arguments) {
  return report(arguments, "recording", 7, [](unsigned rounds) { return run_recording(rounds, lidar_tile); });
}

int spill(const Arguments& arguments) { return report(arguments, "spill", 5, run_spill); }

int baseline(const Arguments& arguments) {
  BaselineOptions options;
  options.file = arguments.against.empty() || arguments.against == "baseline" ? baseline_file : arguments.against;
  options.margin = arguments.margin;
  options.hot = hot_options(arguments, arguments.write_baseline ? 15 : 7);
  options.hot.subjects = {"weir", "mimalloc"};
  if (!arguments.write_baseline) return compare_with_baseline(options) ? 0 : 1;
  write_baseline(options, arguments.machine);
  return 0;
}

/// The flags that all commands share.
void add_shared(CLI::App& app, Arguments& arguments) {
  app.add_option("--rounds", arguments.rounds, "Rounds: every subject runs once in each")->check(CLI::Range(1, 10000));
  app.add_option("--milliseconds", arguments.milliseconds, "How long the clock runs for each measurement")
      ->check(CLI::Range(1, 60000))
      ->capture_default_str();
  app.add_flag("--pin", arguments.pin, "Pin a single thread to a core, as two are in any case");
}

void add_output(CLI::App& app, Arguments& arguments) {
  app.add_flag("--json", arguments.json, "JSON only on stdout");
  app.add_flag("--verbose", arguments.verbose, "Also every round");
  auto* machine = app.add_option("--machine", arguments.machine, "A short name of this machine, e.g. 2-core-xeon");
  app.add_flag("--save", arguments.save, "Keep the output below bench/results")->needs(machine);
}

void add_cases(CLI::App& app, Arguments& arguments) {
  std::set<std::string> names;
  for (const Case& one : cases) names.emplace(one.name);
  app.add_option("--case", arguments.cases, "Only this case (again for more)")
      ->check(CLI::IsMember(names))
      ->expected(1)
      ->take_all();
}

int run(int count, char** words) {
  Arguments arguments;
  arguments.command = "./dev bench";
  for (int i = 1; i < count; ++i) arguments.command += std::string(" ") + words[i];

  CLI::App app("Measures weir against its peers, and against its own past.");
  auto* hot_command = app.add_subcommand("hot", "The hot paths of weir and its peers, in turn");
  add_shared(*hot_command, arguments);
  add_output(*hot_command, arguments);
  add_cases(*hot_command, arguments);
  hot_command->add_option("--subject", arguments.subjects, "Only this allocator (again for more)")
      ->check(CLI::IsMember(std::vector<std::string>(all_subjects.begin(), all_subjects.end())))
      ->expected(1)
      ->take_all();
  auto* tracking_command = app.add_subcommand("tracking", "What tracking costs");
  add_shared(*tracking_command, arguments);
  add_output(*tracking_command, arguments);

  auto* buffers_command = app.add_subcommand("buffers", "What buffers and transfers take");
  add_shared(*buffers_command, arguments);
  add_output(*buffers_command, arguments);

  auto* lidar_command = app.add_subcommand("lidar", "The LiDAR workload beside nanoflann and Eigen");
  add_shared(*lidar_command, arguments);
  add_output(*lidar_command, arguments);
  lidar_command->add_flag("--full", arguments.full, "Also 10 and 50 million points, which takes several minutes");

  auto* trajectory_command = app.add_subcommand("trajectory", "The trajectories' workload beside a plain loop");
  add_shared(*trajectory_command, arguments);
  add_output(*trajectory_command, arguments);

  auto* frames_command = app.add_subcommand("frames", "Frames of a graph's layout that overlap with its steps");
  add_shared(*frames_command, arguments);
  add_output(*frames_command, arguments);
  frames_command->add_option("--device", arguments.device, "host, vulkan or cuda")
      ->check(CLI::IsMember({"host", "vulkan", "cuda"}))
      ->capture_default_str();

  auto* graph_command = app.add_subcommand("graph", "The kernels of a graph's layout on the host");
  add_shared(*graph_command, arguments);
  add_output(*graph_command, arguments);

  auto* recording_command = app.add_subcommand("recording", "What a recording costs");
  add_shared(*recording_command, arguments);
  add_output(*recording_command, arguments);

  auto* spill_command = app.add_subcommand("spill", "What spilling costs against a working set that fits");
  add_shared(*spill_command, arguments);
  add_output(*spill_command, arguments);

  add_shared(app, arguments);
  add_cases(app, arguments);
  auto* against = app.add_option("--against", arguments.against,
                                 "Compare with a baseline: a file, or `baseline` for bench/baseline.json");
  app.add_option("--margin", arguments.margin, "How far above the baseline a ratio may be, as a part of it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  auto* machine = app.add_option("--machine", arguments.machine, "Where the baseline is measured, in words");
  auto* writes = app.add_flag("--write-baseline", arguments.write_baseline, "Measure and write bench/baseline.json");
  writes->needs(machine)->excludes(against);

  try {
    app.parse(count, words);
    if (*hot_command) return hot(arguments);
    if (*tracking_command) return tracking(arguments);
    if (*buffers_command) return buffers(arguments);
    if (*lidar_command) return lidar(arguments);
    if (*trajectory_command) return trajectory(arguments);
    if (*frames_command) return frames(arguments);
    if (*graph_command) return graph(arguments);
    if (*recording_command) return recording(arguments);
    if (*spill_command) return spill(arguments);
    if (*against || *writes) return baseline(arguments);
    throw CLI::CallForHelp();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  try {
    return bench::run(count, words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "weir_bench: {}\n", error.what());
    return 1;
  }
}
