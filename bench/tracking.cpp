// Runs both builds in turn and works out the differences.
#include "tracking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {
namespace {

constexpr unsigned turns = 10;

/// Two builds in one case: a value a round each, the median over the turns. Differences are taken within a turn.
struct Against {
  std::vector<double> with, without, difference, percent;

  [[nodiscard]] nlohmann::ordered_json raw() const {
    return {{"with", with}, {"without", without}, {"difference", difference}};
  }
};

void measure_round(Against& all, const std::string& which, const std::string& with, const std::string& without,
                   const TrackingOptions& options) {
  std::vector<std::string> arguments{which, "1", std::to_string(std::max(1U, options.milliseconds / turns)), "turns"};
  if (options.pin) arguments.emplace_back("pin");
  std::array<Partner, 2> both{Partner(sibling("weir_bench_" + with), arguments),
                              Partner(sibling("weir_bench_" + without), arguments)};
  Against of_turns;
  for (unsigned turn = 0; turn < turns; ++turn) {
    std::array<double, 2> ns{};
    for (const unsigned who : {turn % 2, 1 - turn % 2}) ns[who] = both[who].ask().at("ns_per_pair");
    of_turns.with.push_back(ns[0]);
    of_turns.without.push_back(ns[1]);
    of_turns.difference.push_back(ns[0] - ns[1]);
    of_turns.percent.push_back(100 * (ns[0] - ns[1]) / ns[1]);
  }
  for (auto values : {&Against::with, &Against::without, &Against::difference, &Against::percent}) {
    (all.*values).push_back(spread(of_turns.*values).median);
  }
}

struct Rounds {
  std::map<std::string, Against> builds, floors;  ///< by the case
  Series with, without;                           ///< of the bookkeeping programs
  Series events;
};

constexpr std::array<const char*, 2> all_cases = {"lifo_1", "random_1000"};

Rounds run_rounds(const TrackingOptions& options) {
  Rounds result;
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (const char* which : all_cases) {
      measure_round(result.builds[which], which, "weir", "untracked", options);
      measure_round(result.floors[which], which, "floor", "floor_unbooked", options);
    }
    result.with.rounds.push_back(run_for_numbers(sibling("weir_bench_bookkeeping_weir"), {}));
    result.without.rounds.push_back(run_for_numbers(sibling("weir_bench_bookkeeping_untracked"), {}));
    result.events.rounds.push_back(run_for_numbers(sibling("weir_bench_events"), {}));
  }
  return result;
}

std::vector<Figure> costs(const Rounds& rounds) {
  std::vector<Figure> result;
  for (const std::string name : all_cases) {
    const Against& builds = rounds.builds.at(name);
    result.push_back({name + ": ns a pair, tracked", builds.with});
    result.push_back({name + ": ns a pair, untracked", builds.without});
    result.push_back({name + ": tracking, ns a pair", builds.difference, Figure::Bar::at_most, 1.5});
    const bool barred = name == "random_1000";
    result.push_back(
        {name + ": tracking, percent", builds.percent, barred ? Figure::Bar::at_most : Figure::Bar::none, 5});
    result.push_back({name + ": the same books on bare lists, ns a pair", rounds.floors.at(name).difference});
    result.push_back(
        {name + ": an event that is read, ns", rounds.events.values(name + "_event_ns"), Figure::Bar::at_most, 10});
  }
  result.push_back(
      {"check_leaks() at 1,000 live blocks, ns", rounds.with.values("check_leaks_ns"), Figure::Bar::at_most, 10'000});

  std::vector<double> share = rounds.with.values("mix_resident");
  const std::vector<double> live = rounds.with.values("mix_live");
  for (std::size_t i = 0; i < share.size(); ++i) share[i] *= 100 / live[i];
  result.push_back(
      {"host memory of a pool with the blocks of random_1000, percent of their bytes", share, Figure::Bar::at_most, 2});
  const auto with = rounds.with.values("bytes_per_block");
  const auto without = rounds.without.values("bytes_per_block");
  result.push_back({"host bytes a live block, all bookkeeping", with});
  std::vector<double> alone = with;
  for (std::size_t i = 0; i < alone.size(); ++i) alone[i] -= without[i];
  result.push_back({"host bytes a live block, tracking alone", alone});
  return result;
}

}  // namespace

TrackingReport run_tracking(const TrackingOptions& options) {
  const Rounds rounds = run_rounds(options);
  TrackingReport report;
  report.text = fmt::format(
      "{} rounds of {} ms in {} turns; the library and a build of it without tracking, in fresh processes each round.\n"
      "Differences are taken within a turn.\n\n",
      options.rounds, options.milliseconds, turns);
  const std::vector<Figure> figures = costs(rounds);
  report.text += figures_text(figures);
  report.rows = figures_json(figures);
  for (const std::string name : all_cases) {
    report.raw[name] = {{"builds", rounds.builds.at(name).raw()}, {"floors", rounds.floors.at(name).raw()}};
  }
  report.raw["events"] = rounds.events.rounds;
  report.raw["bookkeeping"] = {{"tracked", rounds.with.rounds}, {"untracked", rounds.without.rounds}};
  if (options.verbose) report.text += '\n' + report.raw.dump(1) + '\n';
  return report;
}

}  // namespace bench
