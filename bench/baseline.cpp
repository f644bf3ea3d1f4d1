// Reads, writes and compares the baseline.
#include "baseline.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "bars.hpp"
#include "files/output_file.hpp"
#include "verdict.hpp"

namespace bench {
namespace {

Ratios read_ratios(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error(file.string() + ": cannot be read; write it with --write-baseline");
  try {
    return nlohmann::json::parse(stream).at("ratios").get<Ratios>();
  } catch (const nlohmann::json::exception& error) {
    throw std::runtime_error(file.string() + ": is no baseline: " + error.what());
  }
}

void print(const Ratios& baseline, const std::map<std::string, Spread>& now, double margin) {
  fmt::print("{:<58} {:>8} {:>8} {:>8}  {:>8}\n", "ratio (lower is better)", "baseline", "now", "at most", "change");
  for (const auto& [name, before] : baseline) {
    const auto found = now.find(name);
    if (found == now.end()) {
      fmt::print("{:<58} {:>8.3f} not measured\n", name, before);
      continue;
    }
    const double median = found->second.median;
    fmt::print("{:<58} {:>8.3f} {:>8.3f} {:>8.3f}  {:>+7.0f}%\n", name, before, median, before * (1 + margin),
               100 * (median / before - 1));
  }
}

void print(const std::vector<Bar>& all) {
  fmt::print("\n{:<58} {:>8}  bar\n", "bars, whatever the baseline", "now");
  for (const Bar& bar : all) {
    if (!bar.measured()) continue;
    const char* counts = bar.ratio ? "" : ", a time of this machine: does not count";
    fmt::print("{:<58} {:>8.3f}  {:<8} {}{}\n", bar.what, bar.value.median, bar.limit, bar.passed ? "PASS" : "MISS",
               counts);
  }
}

}  // namespace

bool compare_with_baseline(const BaselineOptions& options) {
  const Ratios baseline = read_ratios(options.file);
  const HotRun first = run_hot(options.hot);
  if (!first.failures.empty()) return false;
  const auto now = baseline_ratios(first);
  print(baseline, now, options.margin);
  std::size_t compared = 0;
  for (const auto& [name, before] : baseline) compared += now.count(name);
  if (compared == 0) {
    fmt::print(stderr, "weir_bench: nothing could be compared with {}\n", options.file.string());
    return false;
  }

  print(bars(first));

  const auto suspects = findings(baseline, first, options.margin);
  if (suspects.empty()) {
    fmt::print("{} ratios compared, none more than {:.0f} % above the baseline, none past its bar\n", compared,
               100 * options.margin);
    return true;
  }
  fmt::print("past the margin or a bar: {}; measuring once more\n", suspects.size());
  const HotRun second = run_hot(options.hot);
  if (!second.failures.empty()) return false;
  const auto still = findings(baseline, second, options.margin);
  bool passed = true;
  for (const auto& [name, finding] : suspects) {
    const auto found = still.find(name);
    if (found == still.end()) {
      fmt::print("within its limits now: {}\n", name);
      continue;
    }
    passed = false;
    fmt::print("REGRESSION: {}: {:.3f} and {:.3f}, {}\n", name, finding.median, found->second.median, finding.limit);
  }
  return passed;
}

void write_baseline(const BaselineOptions& options, const std::string& machine) {
  weir::files::OutputFile output(options.file);
  const HotRun run = run_hot(options.hot);
  if (!run.failures.empty()) throw std::runtime_error("no baseline is written: " + run.failures.front());
  nlohmann::ordered_json file;
  file["about"] = "Ratios of ./dev bench, lower is better; written by ./dev bench --write-baseline --machine NAME";
  file["machine"] = machine;
  file["subjects"] = run.versions;
  for (const auto& [name, value] : baseline_ratios(run)) file["ratios"][name] = std::round(value.median * 1e4) / 1e4;
  output.write(file.dump(2) + '\n');
  output.commit();
  fmt::print("wrote {}\n", options.file.string());
}

}  // namespace bench
