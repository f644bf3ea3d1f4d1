#include "graph_report.hpp"

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>

#include "files/excerpt.hpp"
#include "lines.hpp"

namespace weir::tool {
namespace {

double hit_rate(const graph::RunReport& report) {
  return report.requests == 0 ? 0 : static_cast<double>(report.hits) / static_cast<double>(report.requests);
}

double steps_per_second(const graph::RunReport& report) {
  return report.step_seconds > 0 ? static_cast<double>(report.steps) / report.step_seconds : 0;
}

/// Why no more steps were made.
std::string ending(const GraphOutcome& outcome) {
  if (outcome.report.settled) return "settled";
  if (outcome.report.stopped) return "interrupted";
  const GraphCommandLine& asked = outcome.line;
  return asked.steps != 0 && outcome.report.steps >= asked.steps ? "not settled in the steps that it had"
         : asked.seconds > 0                                     ? "not settled in the time that it had"
                                                                 : "not settled";
}

std::string names_of(const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) all.append(all.empty() ? "" : ", ").append(files::printable(path));
  return all;
}

}  // namespace

std::string graph_text(const GraphOutcome& outcome) {
  const graph::RunReport& report = outcome.report;
  std::string text;
  line(text, "{}: {} nodes, {} edges; {} self loops and {} duplicates left out", files::printable(outcome.line.input),
       report.nodes, report.edges, report.self_loops, report.duplicates);
  line(text, "  read as {}{}{} in {:.3f} s", name(outcome.file.format), outcome.file.packed ? ", packed by gzip" : "",
       outcome.file.weighted ? ", with weights" : "", outcome.read_seconds);
  line(text, "  {}: {} steps in {:.3f} s of {:.3f} s, {:.4g} steps/s{}; {}", names_of(outcome.line.outputs),
       report.steps, report.step_seconds, report.seconds, steps_per_second(report),
       report.coarse_steps == 0 ? std::string() : fmt::format(", behind {} of coarser graphs", report.coarse_steps),
       ending(outcome));
  line(text, "  stress {:.4g}, spread of the edges' lengths {:.4g}", report.stress, report.edge_length_spread);
  line(text, "  on {} with {} kernels; {} frames, {} skipped, {:.0f} % of their downloads beside a step", report.device,
       report.kernels, report.frames, report.frames_dropped, 100 * report.overlap);
  line(text,
       "  memory: {} requests, {:.1f} % served by caches and arenas; {} driver calls, {} of them after warm-up; {} "
       "resizes in place, {} moved by growth; high-water {} (pinned {})",
       report.requests, 100 * hit_rate(report), report.driver_calls,
       report.driver_calls_after_warm_up ? std::to_string(*report.driver_calls_after_warm_up) : "unknown",
       report.resizes_in_place, format_bytes(report.bytes_moved_by_growth), format_bytes(report.memory_high_water),
       format_bytes(report.pinned_high_water));
  if (report.recoveries != 0) {
    line(text, "  the device was lost and recovered {} times; {} did not come back", report.recoveries,
         format_bytes(report.lost_bytes));
  }
  return text;
}

std::string graph_json(const GraphOutcome& outcome) {
  const graph::RunReport& report = outcome.report;
  const nlohmann::ordered_json all{
      {"nodes", report.nodes},
      {"edges", report.edges},
      {"self_loops", report.self_loops},
      {"duplicates", report.duplicates},
      {"steps", report.steps},
      {"settled", report.settled},
      {"seconds", report.seconds},
      {"step_seconds", report.step_seconds},
      {"steps_per_second", steps_per_second(report)},
      {"stress", report.stress},
      {"edge_length_spread", report.edge_length_spread},
      {"hit_rate", hit_rate(report)},
      {"driver_calls_after_warm_up", report.driver_calls_after_warm_up
                                         ? nlohmann::ordered_json(*report.driver_calls_after_warm_up)
                                         : nlohmann::ordered_json()},
      {"frames", report.frames},
      {"frames_dropped", report.frames_dropped},
      {"overlap", report.overlap},
      {"resizes_in_place", report.resizes_in_place},
      {"bytes_moved_by_growth", report.bytes_moved_by_growth},
      {"checksum", fmt::format("{:016x}", report.checksum)},
      {"format", name(outcome.file.format)},
      {"packed", outcome.file.packed},
      {"weighted", outcome.file.weighted},
      {"label_hits", outcome.file.label_hits},
      {"label_misses", outcome.file.label_misses},
      {"read_seconds", outcome.read_seconds},
      {"law", outcome.line.law},
      {"dimensions", outcome.line.dimensions},
      {"seed", outcome.line.seed},
      {"coarse_steps", report.coarse_steps},
      {"interrupted", report.stopped},
      {"device", report.device},
      {"kernels", report.kernels},
      {"requests", report.requests},
      {"driver_calls", report.driver_calls},
      {"memory_high_water", report.memory_high_water},
      {"pinned_high_water", report.pinned_high_water},
      {"recoveries", report.recoveries},
      {"lost_bytes", report.lost_bytes},
      {"recovery_seconds", report.recovery_seconds},
      {"spilled_bytes", report.spilled_bytes}};
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace weir::tool
