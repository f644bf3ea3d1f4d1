#include "frames.hpp"

#include <fmt/format.h>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {

BuffersReport run_frames(unsigned rounds, const std::string& device) {
  constexpr std::chrono::seconds patience{600};
  // As many as a step takes some milliseconds for; an emulated GPU computes fewer in that time.
  const std::string nodes = device == "host" ? "8192" : device == "vulkan" ? "500" : "32768";
  Series series;
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_frames"), {device, nodes}, patience));
  }
  using Bar = Figure::Bar;
  const bool barred = device != "vulkan";
  const auto figure = [&](const char* what, const char* name, Bar bar = Bar::none, double limit = 0) {
    return Figure{what, series.values(name), barred ? bar : Bar::none, limit};
  };
  const std::vector<Figure> figures{
      figure("a step, all pairs, one compute thread, ms", "step_ms"),
      figure("download of a frame into pinned memory, ms", "download_ms"),
      figure("a step, and a consumer that computes as long: times the loop one by one", "two_speedup", Bar::at_least,
             1.8),
      figure("  time / of the critical path", "two_to_critical_path"),
      figure("  downloads' time with a step under way, percent", "two_overlap_percent"),
      figure("a step, and two consumers that wait as long: times the loop one by one", "three_speedup", Bar::at_least,
             2.6),
      figure("  time / of the critical path", "three_to_critical_path"),
      figure("  downloads' time with a step under way, percent", "three_overlap_percent"),
      figure("growth from 1,000 nodes while running, to", "growth_nodes"),
      figure("  frames lost", "growth_frames_lost", Bar::at_most, 0),
      figure("  bytes copied once a buffer has its range", "growth_bytes_copied_past_first_move", Bar::at_most, 0),
      figure("  resizes in place", "growth_resizes_in_place"),
      figure("  buffers with a range of their own", "growth_buffers_in_place"),
      figure("  s in all", "growth_seconds")};
  BuffersReport report;
  report.text = fmt::format(
                    "{} nodes on {}; {} rounds, each a fresh process; in it the median of 5 runs of 40 frames each "
                    "way, in turn.\n\n",
                    nodes, device, rounds) +
                figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = {{"frames", series.rounds}};
  return report;
}

}  // namespace bench
