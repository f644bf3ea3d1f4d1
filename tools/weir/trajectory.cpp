// `weir trajectory`: paths of golf balls from random launches, into a CSV file and a picture.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>

#include "commands.hpp"
#include "files/output_file.hpp"
#include "progress.hpp"
#include "trajectory_options.hpp"
#include "workloads/trajectory/files/flight_table.hpp"
#include "workloads/trajectory/files/picture.hpp"
#include "workloads/trajectory/run/open_memory.hpp"

namespace weir::tool {
namespace {

/// Least, mean and greatest of what launches came to.
struct Extremes {
  double least = std::numeric_limits<double>::infinity(), greatest = -least, sum = 0;
  std::uint64_t count = 0;

  void add(double value) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
    sum += value;
    ++count;
  }
  [[nodiscard]] double mean() const { return sum / static_cast<double>(count); }
  [[nodiscard]] nlohmann::ordered_json json() const {
    return {{"least", least}, {"mean", mean()}, {"greatest", greatest}};
  }
  [[nodiscard]] std::string text(const char* name, const char* unit) const {
    return fmt::format("  {:<15} {:>9.2f} {:>9.2f} {:>9.2f} {}\n", name, least, mean(), greatest, unit);
  }
};

/// Into the table, the picture and the sums.
class Outcome : public trajectory::Sink {
 public:
  Outcome(files::OutputFile& file, trajectory::Picture* picture) : table_(file), picture_(picture) {}

  void take(std::uint64_t first, std::span<const trajectory::Launch> launches,
            std::span<const trajectory::Flight> flights) override {
    table_.take(first, launches, flights);
    if (picture_ != nullptr) picture_->take(first, launches);
    for (const trajectory::Flight& each : flights) {
      carry.add(each.carry);
      apex.add(each.apex);
      time.add(each.time);
    }
  }

  Extremes carry, apex, time;

 private:
  trajectory::FlightTable table_;
  trajectory::Picture* picture_;
};

std::string text_of(const trajectory::RunReport& report, const Outcome& outcome, const std::string& output) {
  std::string text = fmt::format("{}: {} launches, {} steps in {:.3f} s, {:.3g} steps/s\n", output, report.launches,
                                 report.steps, report.seconds, report.steps_per_second());
  text += fmt::format("  {:<15} {:>9} {:>9} {:>9}\n", "", "least", "mean", "greatest");
  text += outcome.carry.text("carry", "m") + outcome.apex.text("apex", "m") + outcome.time.text("flight time", "s");
  if (report.out_of_time != 0) text += fmt::format("  {} were still in the air after 60 s\n", report.out_of_time);
  text +=
      fmt::format("  {} chunks of up to {} launches, on {} with {} kernels of {} bits, tolerance {:g}\n", report.chunks,
                  report.chunk_launches, report.device, report.kernels, report.real_bits, report.tolerance);
  const auto& after = report.driver_calls_after_second_chunk;
  text += fmt::format(
      "  memory: {} requests, {:.1f} % served by caches and arenas, {} tensors of which {} lay where others had; {} "
      "driver calls, {}; high-water {} (pinned {})\n",
      report.requests, 100 * report.hit_rate(), report.tensors, report.tensors_reused, report.driver_calls,
      after ? fmt::format("{} of them after the second chunk", *after) : "in fewer than three chunks",
      format_bytes(report.memory_high_water), format_bytes(report.pinned_high_water));
  if (report.recoveries != 0) {
    text += fmt::format("  the device was lost and recovered {} times, {} lost\n", report.recoveries,
                        format_bytes(report.lost_bytes));
  }
  return text;
}

std::string json_of(const trajectory::RunReport& report, const Outcome& outcome, std::uint64_t seed) {
  const nlohmann::ordered_json all{
      {"launches", report.launches},
      {"seed", seed},
      {"steps", report.steps},
      {"seconds", report.seconds},
      {"steps_per_second", report.steps_per_second()},
      {"out_of_time", report.out_of_time},
      {"carry", outcome.carry.json()},
      {"apex", outcome.apex.json()},
      {"flight_time", outcome.time.json()},
      {"tolerance", report.tolerance},
      {"chunks", report.chunks},
      {"chunk_launches", report.chunk_launches},
      {"retries", report.retries},
      {"device", report.device},
      {"kernels", report.kernels},
      {"real_bits", report.real_bits},
      {"tensors", report.tensors},
      {"tensors_reused", report.tensors_reused},
      {"requests", report.requests},
      {"hit_rate", report.hit_rate()},
      {"driver_calls", report.driver_calls},
      {"driver_calls_after_second_chunk", report.driver_calls_after_second_chunk
                                              ? nlohmann::ordered_json(*report.driver_calls_after_second_chunk)
                                              : nlohmann::ordered_json()},
      {"recoveries", report.recoveries},
      {"lost_bytes", report.lost_bytes},
      {"spilled_bytes", report.spilled_bytes},
      {"memory_high_water", report.memory_high_water},
      {"pinned_high_water", report.pinned_high_water}};
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

void execute(const TrajectoryCommandLine& line) {
  const std::uint64_t launches = line.launch_count();
  const trajectory::LaunchRanges ranges = line.ranges();
  trajectory::RunSettings settings = line.settings();
  settings.physics.check();
  std::optional<trajectory::Picture> picture;
  if (!line.picture.empty()) picture.emplace(launches, line.colour);
  files::OutputFile output(line.output);
  std::optional<files::OutputFile> drawn;
  if (picture) drawn.emplace(line.picture);
  if (drawn && drawn->same_as(output)) {
    throw InvalidArgument(line.picture + ": is the output too; the picture goes elsewhere", {.name = "picture"});
  }
  if (drawn && drawn->terminal()) {
    throw InvalidArgument(line.picture + ": is a terminal, which shows no picture; send it to a file or a pipe",
                          {.name = "picture"});
  }
  MemoryManager memory =
      trajectory::open_memory({.backend = line.device, .limit = line.limit.empty() ? 0 : parse_bytes(line.limit)});
  Outcome outcome(output, picture ? &*picture : nullptr);
  trajectory::RunReport report;
  {
    Progress bar(line.output);
    settings.progress = [&](std::uint64_t done, std::uint64_t all) { bar.show(done, all); };
    const auto launch = [&](std::uint64_t number) { return trajectory::random_launch(ranges, line.seed, number); };
    report = trajectory::run(launches, launch, settings, memory, outcome);
  }
  // A picture that cannot be written leaves the output as it was.
  if (picture) picture->write(*drawn, settings, memory);
  output.commit();
  if (drawn) drawn->commit();
  const bool taken = output.standard_output() || (drawn && drawn->standard_output());
  fmt::print(taken ? stderr : stdout, "{}",
             line.json ? json_of(report, outcome, line.seed) : text_of(report, outcome, line.output));
}

}  // namespace

void add_trajectory(CLI::App& app, int&) {
  auto line = std::make_shared<TrajectoryCommandLine>();
  add_trajectory_options(app, line)->callback([line] {
    line->check();
    execute(*line);
  });
}

}  // namespace weir::tool
