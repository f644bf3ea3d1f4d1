#include "spill.hpp"

#include <fmt/format.h>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {

BuffersReport run_spill(unsigned rounds) {
  constexpr std::chrono::seconds patience{600};
  Series series;
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_spill"), {}, patience));
  }
  const std::vector<Figure> figures{
      {"a buffer that is read and written once, us: all fit", series.values("fits_us")},
      {"  one and a half devices, used in turn, so that each use moves two buffers", series.values("spills_us")},
      {"    times what fits", series.values("ratio")},
      {"    times two copies of a buffer", series.values("ratio_to_copies")},
      {"    spills a use", series.values("spills_a_use")},
      {"  one and a half devices, each used four times before the next", series.values("reused_us")},
      {"    times what fits", series.values("reused_ratio")}};
  BuffersReport report;
  report.text = fmt::format(
                    "Buffers of 16 MiB on the host device with a limit of 128 MiB: 6 that fit, or 12 that do not; {} "
                    "rounds, each a fresh process.\n\n",
                    rounds) +
                figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = {{"spill", series.rounds}};
  return report;
}

}  // namespace bench
