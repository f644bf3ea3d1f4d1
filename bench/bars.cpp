// Works out the bars and the ratios of the baseline.
#include "bars.hpp"

#include <fmt/format.h>

namespace bench {
namespace {

constexpr const char* yardstick = "mimalloc";

Bar at_most(std::string what, const std::vector<double>& values, double limit) {
  const Spread value = spread(values);
  return {std::move(what), value, fmt::format("<= {:.2f}", limit), value.median <= limit};
}

Bar at_least(std::string what, const std::vector<double>& values, double limit) {
  const Spread value = spread(values);
  return {std::move(what), value, fmt::format(">= {:.2f}", limit), value.median >= limit};
}

std::vector<double> to_yardstick(const HotRun& run, std::string_view name, unsigned threads) {
  return ratios(run.find(name, threads, "weir"), run.find(name, threads, yardstick));
}

std::vector<double> behind_holes(const HotRun& run, std::string_view few, std::string_view many) {
  return ratios(run.find(many, 1, "weir"), run.find(few, 1, "weir"));
}

}  // namespace

std::vector<double> kept_rates(const HotRun& run, unsigned index, bool of_cpu) {
  const Series* series = run.find("random_1000", 2, "weir");
  if (series == nullptr) return {};
  const std::string thread = std::to_string(index);
  // Time a pair: by the wall, or of the core.
  const auto times = [&](const std::string& when) {
    std::vector<double> values = series->values(when + "_" + thread);
    const std::vector<double> shares = series->values(when + "_cpu_" + thread);
    for (std::size_t i = 0; of_cpu && i < values.size(); ++i) values[i] *= shares[i];
    return values;
  };
  std::vector<double> kept = times("alone");
  const std::vector<double> both = times("both");
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] /= both[i];
  return kept;
}

std::vector<Bar> bars(const HotRun& run) {
  std::vector<Bar> result;
  for (const char* name : {"lifo_1", "lifo_64"}) {
    result.push_back(at_most(fmt::format("{}: weir ÷ mimalloc", name), to_yardstick(run, name, 1), 0.1));
  }
  result.push_back(at_most("random_1000: weir ÷ mimalloc", to_yardstick(run, "random_1000", 1), 0.3));
  result.push_back(at_most("random_1000, 2 threads: weir ÷ mimalloc", to_yardstick(run, "random_1000", 2), 0.4));
  for (const unsigned index : {0U, 1U}) {
    result.push_back(at_least(fmt::format("random_1000, thread {} of 2: share of its rate alone", index),
                              kept_rates(run, index), 0.7));
  }
  const auto holes = [&](const char* what, const char* few, const char* many) {
    const Spread value = spread(behind_holes(run, few, many));
    result.push_back({what, value, "< 2.00", value.median < 2});
  };
  holes("holes: behind 65,536 ÷ behind 100", "holes_100", "holes_65536");
  holes("holes of the request's own bin: the same", "holes_near_100", "holes_near_65536");

  if (const Series* rmm = run.find("rmm_random_100000_1", 1, "weir")) {
    for (const auto& [which, name] :
         {std::pair("ns_per_pair", ""), std::pair("cold", ", first run in a fresh process")}) {
      std::vector<double> milliseconds;
      for (const double ns : rmm->values(which)) milliseconds.push_back(ns * rmm_allocations * 1e-6);
      result.push_back(at_most(std::string("rmm_random_100000_1: total, ms") + name, milliseconds, 50));
      result.back().ratio = false;
    }
  }
  return result;
}

std::map<std::string, Spread> baseline_ratios(const HotRun& run) {
  std::map<std::string, Spread> result;
  const auto add = [&](std::string name, const std::vector<double>& values) {
    const Spread value = spread(values);
    if (!std::isnan(value.median)) result[std::move(name)] = value;
  };
  for (const Case& one : cases) {
    add(fmt::format("{}, {} thread{}: weir ÷ mimalloc", one.name, one.threads, one.threads > 1 ? "s" : ""),
        to_yardstick(run, one.name, one.threads));
  }
  for (const unsigned index : {0U, 1U}) {
    std::vector<double> slower = kept_rates(run, index, true);
    for (double& value : slower) value = 1 / value;
    add(fmt::format("random_1000, thread {} of 2: CPU time a pair ÷ alone", index), slower);
  }
  add("holes_65536 ÷ holes_100", behind_holes(run, "holes_100", "holes_65536"));
  add("holes_near_65536 ÷ holes_near_100", behind_holes(run, "holes_near_100", "holes_near_65536"));
  return result;
}

}  // namespace bench
