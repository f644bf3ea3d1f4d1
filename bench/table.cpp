// Prints runs.
#include "table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <iterator>

#include "bars.hpp"

namespace bench {
namespace {

using Out = std::back_insert_iterator<std::string>;

std::string cell(double value, int digits) { return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits); }

double median_ratio(const Series* one, const Series* other) { return spread(ratios(one, other)).median; }

void header(Out out, const HotRun& run, const HotOptions& options) {
  for (const auto& [subject, version] : run.versions) fmt::format_to(out, "{:<9} {}\n", subject, version);
  for (const std::string& subject : run.absent) fmt::format_to(out, "{:<9} absent\n", subject);
  fmt::format_to(
      out,
      "\n{} rounds of {} ms, every subject in a fresh process of its own, in turn{}. ns a pair (one\n"
      "allocation and one free) = wall time x threads / all pairs; rmm: total / {} allocations. Median and\n"
      "quartiles of the rounds; ratios are medians of the ratios within a round. CPU is the share of its\n"
      "cores that the subject got (well below 1, others were using them), CPU ns what a pair took of it.\n"
      "Blocks are neither read nor written, since a device allocator's are not; the same for all subjects.\n\n",
      options.rounds, options.milliseconds, options.pin ? ", pinned to cores" : "", rmm_allocations);
}

/// Median of the time that the subject's own cores were at work: what is left when others share them.
double cpu_ns(const Series& series) {
  std::vector<double> values = series.values();
  const std::vector<double> shares = series.values("cpu");
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= shares[i];
  return spread(values).median;
}

void case_rows(Out out, const HotRun& run, const Case& which) {
  const auto row = [&](const auto&... cells) {
    fmt::format_to(out, "  {:<9} {:>10} {:>10} {:>10} {:>6} {:>10} {:>9} {:>11}\n", cells...);
  };
  fmt::format_to(out, "{}{}: {}\n", which.name, which.threads > 1 ? fmt::format(", {} threads", which.threads) : "",
                 which.what);
  row("subject", "ns/pair", "low", "high", "CPU", "CPU ns", "/ weir", "/ mimalloc");
  std::string cold;
  for (const Series& series : run.series) {
    if (series.which != &which) continue;
    const Spread ns = spread(series.values());
    row(series.subject, cell(ns.median, 1), cell(ns.low, 1), cell(ns.high, 1),
        cell(spread(series.values("cpu")).median, 2), cell(cpu_ns(series), 1),
        cell(median_ratio(&series, run.find(which.name, which.threads, "weir")), 2),
        cell(median_ratio(&series, run.find(which.name, which.threads, "mimalloc")), 3));
    const double first = spread(series.values("cold")).median;
    if (!std::isnan(first)) cold += fmt::format(" {} {:.1f}", series.subject, first);
  }
  if (!cold.empty()) fmt::format_to(out, "  the first run, in a fresh process:{}\n", cold);
}

/// Every paired run of the two threads, and what the rates would be if the cores had been ours alone.
void paired_runs(Out out, const HotRun& run) {
  if (run.find("random_1000", 2, "weir") == nullptr) return;
  fmt::format_to(out, "weir, two threads, each one's rate with both at work / its rate alone, all paired runs:\n");
  for (const unsigned index : {0U, 1U}) {
    const std::vector<double> kept = kept_rates(run, index);
    fmt::format_to(out, "  thread {}: {:.2f}\n    per second of CPU time, median {}\n", index, fmt::join(kept, " "),
                   cell(spread(kept_rates(run, index, true)).median, 2));
  }
}

void bar_rows(Out out, const HotRun& run) {
  fmt::format_to(out, "\n{:<58} {:>8} {:>8} {:>8}  {:<9}\n", "bar", "median", "low", "high", "wanted");
  for (const Bar& bar : bars(run)) {
    const char* verdict = !bar.measured() ? "not measured" : bar.passed ? "PASS" : "MISS";
    fmt::format_to(out, "{:<58} {:>8} {:>8} {:>8}  {:<9} {}\n", bar.what, cell(bar.value.median, 3),
                   cell(bar.value.low, 3), cell(bar.value.high, 3), bar.limit, verdict);
  }
}

}  // namespace

std::string hot_table(const HotRun& run, const HotOptions& options, bool verbose) {
  std::string text;
  const Out out = std::back_inserter(text);
  header(out, run, options);
  for (const Case* which : options.cases) {
    case_rows(out, run, *which);
    fmt::format_to(out, "\n");
  }
  paired_runs(out, run);
  bar_rows(out, run);
  if (verbose) text += hot_rounds(run);
  return text;
}

std::string hot_rounds(const HotRun& run) {
  std::string text = "\nevery round:\n";
  const Out out = std::back_inserter(text);
  for (const Series& series : run.series) {
    fmt::format_to(out, "{}, {} threads, {}\n", series.which->name, series.which->threads, series.subject);
    for (const Numbers& round : series.rounds) {
      for (const auto& [name, value] : round) fmt::format_to(out, "  {} {:.4g}", name, value);
      fmt::format_to(out, "\n");
    }
  }
  return text;
}

nlohmann::ordered_json hot_json(const HotRun& run) {
  auto rows = nlohmann::ordered_json::array();
  const auto rounded = [](double ns) { return std::round(ns * 1000) / 1000; };
  for (const Series& series : run.series) {
    const Spread ns = spread(series.values());
    if (std::isnan(ns.median)) continue;
    rows.push_back({{"case", series.which->name},
                    {"subject", series.subject},
                    {"threads", series.which->threads},
                    {"ns_per_pair", rounded(ns.median)},
                    {"low", rounded(ns.low)},
                    {"high", rounded(ns.high)}});
  }
  return rows;
}

std::string json_lines(const nlohmann::ordered_json& rows) {
  std::string text;
  for (const auto& row : rows) text += (text.empty() ? "[\n " : ",\n ") + row.dump();
  return text.empty() ? "[]\n" : text + "\n]\n";
}

std::string disturbance(const HotRun& run) {
  constexpr double undisturbed = 0.9;
  std::size_t rounds = 0;
  std::size_t disturbed = 0;
  for (const Series& series : run.series) {
    for (const double share : series.values("cpu")) {
      ++rounds;
      disturbed += share < undisturbed ? 1 : 0;
    }
  }
  if (10 * disturbed < rounds) return {};
  return fmt::format(
      "{} of {} measurements had less than {} of the cores they use: the machine is shared, times by the wall are "
      "too long and two threads too slow",
      disturbed, rounds, undisturbed);
}

nlohmann::ordered_json hot_raw(const HotRun& run) {
  nlohmann::ordered_json raw;
  raw["subjects"] = run.versions;
  raw["series"] = nlohmann::ordered_json::array();
  for (const Series& series : run.series) {
    raw["series"].push_back({{"case", series.which->name},
                             {"subject", series.subject},
                             {"threads", series.which->threads},
                             {"rounds", series.rounds}});
  }
  return raw;
}

}  // namespace bench
