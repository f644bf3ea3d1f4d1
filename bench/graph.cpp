#include "graph.hpp"

#include <fmt/format.h>

#include <string>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {

BuffersReport run_graph(unsigned rounds) {
  constexpr std::chrono::seconds patience{600};
  const std::string nodes = "8192";  // the most of which a run takes all pairs
  Series series;
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_graph"), {nodes}, patience));
  }
  std::vector<Figure> figures;
  // The processor's levels are those that the child told of. The peer of each is the portable one.
  for (const std::string level : {"x86-64", "x86-64-v3", "x86-64-v4"}) {
    for (const std::string law : {"fr", "fa2", "app"}) {
      for (const std::string dimensions : {"2d", "3d"}) {
        const std::string name = level + "_" + law + "_" + dimensions + "_gpairs";
        if (!series.rounds.front().contains(name)) continue;
        figures.push_back({fmt::format("all pairs, {}, {} in {}, one thread, 1e9 a second", level, law, dimensions),
                           series.values(name.c_str())});
      }
    }
  }
  for (const std::string dimensions : {"2d", "3d"}) {
    const std::vector<double> one = series.values(("tree_" + dimensions + "_steps_one_thread").c_str());
    const std::vector<double> two = series.values(("tree_" + dimensions + "_steps_two_threads").c_str());
    std::vector<double> ratio;
    for (std::size_t i = 0; i < one.size(); ++i) ratio.push_back(two[i] / one[i]);
    figures.push_back({"the tree in " + dimensions + ", 100,000 nodes, one thread, steps a second", one});
    figures.push_back({"  two threads, steps a second", two});
    figures.push_back({"  two threads, times one", ratio, Figure::Bar::at_least, 1.5});
  }
  BuffersReport report;
  report.text =
      fmt::format("{} nodes for all pairs; {} rounds, each a fresh process. The bar needs two idle cores.\n\n", nodes,
                  rounds) +
      figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = {{"graph", series.rounds}};
  return report;
}

}  // namespace bench
