#include "lidar.hpp"

#include <fmt/format.h>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {

BuffersReport run_lidar(unsigned rounds, const std::string& tile) {
  Series series;
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_lidar"), {tile}));
  }
  using Bar = Figure::Bar;
  std::vector<Figure> figures;
  const auto cloud = [&](const std::string& name, const std::string& what, double points, double peer) {
    if (series.rounds.empty() || !series.rounds.front().contains(name + "_mpoints")) return;
    const Bar bar = peer > 0 ? Bar::at_least : Bar::none;
    figures.push_back(
        {what + ", million points/s, one thread", series.values(name + "_mpoints"), Bar::at_least, points});
    figures.push_back({"  times nanoflann + closed-form Eigen", series.values(name + "_to_peer"), bar, peer});
    figures.push_back({"  two threads / one", series.values(name + "_two_threads"), Bar::at_least, 1.8});
  };
  cloud("ign", "IGN tile", 2.5, 3);
  cloud("aerial", "aerial, 500,000 points", 2.5, 3);
  cloud("forest", "forest, 500,000 points", 1.4, 0);
  cloud("terrestrial", "terrestrial, 500,000 points", 1.4, 0);
  BuffersReport report;
  report.text = fmt::format("geometry, k = 20, without file time; {} rounds, each a fresh process.\n\n", rounds) +
                figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = series.rounds;
  return report;
}

}  // namespace bench
