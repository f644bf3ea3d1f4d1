#include "trajectory.hpp"

#include <fmt/format.h>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {

BuffersReport run_trajectory(unsigned rounds) {
  constexpr std::chrono::seconds patience{600};
  Series series;
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_trajectory"), {"10000"}, patience));
  }
  using Bar = Figure::Bar;
  std::vector<Figure> figures{
      {"the plain loop, million steps/s of processor time, one thread", series.values("plain_msteps")},
      {"the best kernels that run here, million steps/s", series.values("best_msteps")},
      {"  times the plain loop", series.values("best_to_plain"), Bar::at_least, 4}};
  for (const std::string level : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    if (series.rounds.empty() || !series.rounds.front().contains(level + "_msteps")) continue;
    figures.push_back({level + " kernels, million steps/s", series.values(level + "_msteps")});
    figures.push_back({"  times the plain loop", series.values(level + "_to_plain")});
  }
  BuffersReport report;
  report.text = fmt::format(
                    "10,000 launches to the ground, one thread, without files; {} rounds, each a fresh process; the "
                    "least of a few runs in it.\n\n",
                    rounds) +
                figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = {{"trajectory", series.rounds}};
  return report;
}

}  // namespace bench
