// Runs both builds in turn and works out the differences.
#include "tracking.hpp"

#include <fmt/format.h>

#include "figures.hpp"
#include "hot.hpp"
#include "table.hpp"

namespace bench {
namespace {

enum class As { difference, percent };

/// with − without, or that in percent of without, round by round.
std::vector<double> overhead(const std::vector<double>& with, const std::vector<double>& without, As as) {
  std::vector<double> result;
  for (std::size_t i = 0; i < with.size(); ++i) {
    const double difference = with[i] - without[i];
    result.push_back(as == As::percent ? 100 * difference / without[i] : difference);
  }
  return result;
}

struct Rounds {
  HotRun hot;
  Series with, without;  ///< of the bookkeeping programs
};

Rounds run_rounds(const TrackingOptions& options) {
  Rounds result;
  HotOptions hot;
  hot.cases = {find_case("lifo_1", 1), find_case("random_1000", 1)};
  hot.subjects = {"weir", "untracked", "floor", "floor_unbooked"};
  hot.rounds = options.rounds;
  hot.milliseconds = options.milliseconds;
  hot.pin = options.pin;
  result.hot = run_hot(hot);
  if (!result.hot.failures.empty()) throw ChildFailed(result.hot.failures.front());
  for (unsigned round = 0; round < options.rounds; ++round) {
    result.with.rounds.push_back(run_for_numbers(sibling("weir_bench_bookkeeping_weir"), {}));
    result.without.rounds.push_back(run_for_numbers(sibling("weir_bench_bookkeeping_untracked"), {}));
  }
  return result;
}

std::vector<Figure> costs(const Rounds& rounds) {
  std::vector<Figure> result;
  for (const char* name : {"lifo_1", "random_1000"}) {
    const auto with = rounds.hot.find(name, 1, "weir")->values();
    const auto without = rounds.hot.find(name, 1, "untracked")->values();
    result.push_back({fmt::format("{}: ns a pair, tracked", name), with});
    result.push_back({fmt::format("{}: ns a pair, untracked", name), without});
    result.push_back({fmt::format("{}: tracking, ns a pair", name), overhead(with, without, As::difference),
                      Figure::Bar::at_most, 1.5});
    const bool barred = name == std::string("random_1000");
    result.push_back({fmt::format("{}: tracking, percent", name), overhead(with, without, As::percent),
                      barred ? Figure::Bar::at_most : Figure::Bar::none, 5});
    const auto floor = rounds.hot.find(name, 1, "floor")->values();
    const auto unbooked = rounds.hot.find(name, 1, "floor_unbooked")->values();
    result.push_back(
        {fmt::format("{}: the same books on bare lists, ns a pair", name), overhead(floor, unbooked, As::difference)});
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
  result.push_back({"host bytes a live block, tracking alone", overhead(with, without, As::difference)});
  return result;
}

}  // namespace

TrackingReport run_tracking(const TrackingOptions& options) {
  const Rounds rounds = run_rounds(options);
  TrackingReport report;
  report.text = fmt::format(
      "{} rounds of {} ms; the library and a build of it without tracking in turn, each in a fresh process.\n"
      "Differences are taken within a round.\n\n",
      options.rounds, options.milliseconds);
  const std::vector<Figure> figures = costs(rounds);
  report.text += figures_text(figures);
  report.rows = figures_json(figures);
  if (options.verbose) report.text += hot_rounds(rounds.hot);
  report.raw = hot_raw(rounds.hot);
  report.raw["bookkeeping"] = {{"tracked", rounds.with.rounds}, {"untracked", rounds.without.rounds}};
  return report;
}

}  // namespace bench
