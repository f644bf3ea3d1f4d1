#include "lidar.hpp"

#include <fmt/format.h>

#include <utility>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {

BuffersReport run_lidar(unsigned rounds, const std::string& tile, bool full) {
  constexpr std::chrono::seconds patience{1800};
  const auto child = [&](const std::vector<std::string>& arguments) {
    return run_for_numbers(sibling("weir_bench_lidar"), arguments, patience);
  };
  Series series, large;
  std::vector<std::pair<std::string, Series>> pools{{"50000", {}}, {"1000000", {}}};
  std::vector<std::pair<std::string, Series>> stages = pools, batches = pools;
  std::vector<std::pair<std::string, Series>> awkward{{"100000", {}}, {"1000000", {}}};
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(child({"clouds", tile}));
    for (auto& [points, each] : pools) each.rounds.push_back(child({"pool", points}));
    for (auto& [points, each] : stages) each.rounds.push_back(child({"stages", points}));
    for (auto& [points, each] : awkward) each.rounds.push_back(child({"awkward", points}));
    for (auto& [points, each] : batches) each.rounds.push_back(child({"batches", points}));
  }
  if (full) {
    pools.emplace_back("10000000", Series{}).second.rounds.push_back(child({"pool", "10000000"}));
    large.rounds.push_back(child({"large", "1000000", "50000000"}));
  }
  using Bar = Figure::Bar;
  std::vector<Figure> figures;
  const auto cloud = [&](const std::string& name, const std::string& what, double points, double peer) {
    if (series.rounds.empty() || !series.rounds.front().contains(name + "_mpoints")) return;
    const Bar bar = peer > 0 ? Bar::at_least : Bar::none;
    figures.push_back({what + ", million points/s of processor time, one thread", series.values(name + "_mpoints"),
                       Bar::at_least, points});
    figures.push_back({"  times nanoflann + closed-form Eigen", series.values(name + "_to_peer"), bar, peer});
    figures.push_back({"  two threads / one", series.values(name + "_two_threads"), Bar::at_least, 1.8});
    figures.push_back({"  million points/s of processor time, the whole run", series.values(name + "_whole")});
  };
  cloud("ign", "IGN tile", 2.5, 3);
  cloud("aerial", "aerial, 500,000 points", 2.5, 3);
  cloud("forest", "forest, 500,000 points", 1.4, 0);
  cloud("terrestrial", "terrestrial, 500,000 points", 1.4, 0);
  for (const auto& [points, each] : pools) {
    figures.push_back({"pool off / pooled, processor time, aerial, " + points + " points, 16 chunks or fewer",
                       each.values("off_to_pooled"), Bar::at_least, 1});
    figures.push_back({"  by the clock", each.values("off_to_pooled_clock")});
    figures.push_back({"  allocation time less, per cent", each.values("allocation_less"), Bar::at_least, 80});
  }
  for (const auto& [points, each] : stages) {
    figures.push_back(
        {"stages one after the other / overlapped, aerial, " + points + " points, 16 chunks (earlier: 1.2-1.5)",
         each.values("serial_to_overlapped")});
  }
  for (const auto& [points, each] : awkward) {
    const auto slower = [&](const std::string& what, const std::string& name) {
      figures.push_back({what + ", aerial, " + points + " points: time / that without, the worst way",
                         each.values(name + "_to_plain"), Bar::at_most, 1.5});
    };
    slower("one point 10^3 to 7 * 10^7 spacings off along x, y or z", "far");
    slower("four clusters far apart", "clusters");
    slower("all at one place", "one_place");
  }
  for (const auto& [points, each] : batches) {
    figures.push_back({"single transfers / a batch, 14 columns of " + points + " points",
                       each.values("single_to_batched"), Bar::at_least, 1});
  }
  if (full) {
    figures.push_back({"50 million points, limit 4 GiB: time a point / that of 1 million",
                       large.values("each_to_fewer"), Bar::at_most, 1.3});
    figures.push_back({"  resident without file pages, MiB", large.values("resident_mib"), Bar::at_most, 5120});
    figures.push_back({"  million points/s, all threads, with reading", large.values("mpoints")});
  }
  BuffersReport report;
  report.text =
      fmt::format(
          "geometry, k = 20, without file time; {} rounds, each a fresh process; the least of a few runs in it.\n\n",
          rounds) +
      figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = {{"clouds", series.rounds}};
  for (const auto& [points, each] : pools) report.raw["pool " + points] = each.rounds;
  for (const auto& [points, each] : stages) report.raw["stages " + points] = each.rounds;
  for (const auto& [points, each] : awkward) report.raw["awkward " + points] = each.rounds;
  for (const auto& [points, each] : batches) report.raw["batches " + points] = each.rounds;
  if (full) report.raw["large"] = large.rounds;
  return report;
}

}  // namespace bench
