#include "lidar_report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>

#include "lines.hpp"
#include "workloads/lidar/files/printable.hpp"

namespace weir::tool {
namespace {

using lidar::ColumnSummary;
using lidar::RunReport;
using lidar::StageTime;

/// The value that `part` of the sorted sample is below.
double quantile(const std::vector<float>& sorted, double part) {
  if (sorted.empty()) return std::nan("");
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

std::string neighbourhood(const LidarCommandLine::Pass& asked) {
  return asked.radius > 0 ? fmt::format("radius {}", asked.radius) : fmt::format("{} neighbours", asked.k);
}

std::string unit_name(const lidar::LengthUnit& unit) {
  return unit.kind == lidar::LengthUnit::Kind::unknown ? std::string("unknown") : unit.name;
}

/// The name and the unit of what the coordinates are in.
void add_system(std::string& text, const lidar::CoordinateSystem& system) {
  line(text, "  coordinate system    {}", system.name.empty() ? "not given" : lidar::printable(system.name));
  std::string unit = lidar::printable(unit_name(system.horizontal));
  if (unit == "unknown") unit += ", treated as metres";
  if (system.vertical.kind != lidar::LengthUnit::Kind::unknown)
    unit += "; heights in " + lidar::printable(system.vertical.name);
  line(text, "  unit                 {}", unit);
}

double extent(const lidar::Cloud& cloud, std::size_t axis) {
  const double steps = static_cast<double>(cloud.output_high()[axis]) - cloud.output_low()[axis];
  return steps * cloud.output_scale()[axis];
}

/// To the hundredth, but not as 0.00 if there is any, as of degrees.
std::string length(double value) {
  return value > 0 && value < 1 ? fmt::format("{:.4g}", value) : fmt::format("{:.2f}", value);
}

void add_cloud(std::string& text, const LidarOutcome& outcome) {
  const lidar::Cloud& cloud = outcome.cloud;
  line(text, "{}: {} points of {} {}", outcome.line.output, cloud.points(), cloud.files().size(),
       cloud.files().size() == 1 ? "file" : "files");
  add_system(text, outcome.system);
  line(text, "  extent               {} x {} x {}", length(extent(cloud, 0)), length(extent(cloud, 1)),
       length(extent(cloud, 2)));
  const double area = extent(cloud, 0) * extent(cloud, 1);
  if (area > 0) line(text, "  points a square unit {:.4g}", static_cast<double>(cloud.points()) / area);
  line(text, "  ground points        {}", cloud.ground_points());
}

void add_pass(std::string& text, const LidarPass& pass) {
  line(text, "  {:<20} farthest neighbour at {:.4g} (5 %), {:.4g} (half), {:.4g} (95 % of the points)",
       neighbourhood(pass.asked), quantile(pass.reaches, 0.05), quantile(pass.reaches, 0.5),
       quantile(pass.reaches, 0.95));
  if (pass.report.coincident != 0) {
    line(text, "  {:<20} {} points have all neighbours at their own place", "", pass.report.coincident);
  }
  if (pass.few_neighbours.value_or(0) != 0) {
    line(text, "  {:<20} {} points have fewer than {} neighbours: no eigenvalues, normal or ratios", "",
         *pass.few_neighbours, lidar::least_neighbours);
  }
  if (!pass.report.height.empty()) line(text, "  height_above_ground  {}", pass.report.height);
}

void add_columns(std::string& text, const std::vector<ColumnSummary>& columns, std::uint64_t points) {
  line(text, "  {:<32} {:>12} {:>12} {:>12}  no value", "feature", "least", "mean", "greatest");
  for (const ColumnSummary& each : columns) {
    if (each.nans == points) {
      line(text, "  {:<32} {:>12} {:>12} {:>12}  all points", each.name, "-", "-", "-");
      continue;
    }
    line(text, "  {:<32} {:>12.5g} {:>12.5g} {:>12.5g}  {}", each.name, each.least, each.mean, each.greatest,
         each.nans == 0 ? std::string("-") : fmt::format("{} points", each.nans));
  }
}

std::string pace_line(const lidar::Attempt& attempt) {
  std::string text = fmt::format("{} from chunk {} on: ", lidar::name(attempt.remedy), attempt.chunk);
  if (!attempt.possible) return text + "not possible";
  if (!attempt.after) return text + "the run ended before that was seen to help";
  return text + fmt::format("{:.3g} us a point, {:.3g} before, {}", 1e6 * *attempt.after, 1e6 * attempt.before,
                            attempt.kept ? "kept" : "undone");
}

void add_pace(std::string& text, const LidarPass& pass) {
  for (const PaceChange& change : pass.report.pace.changes) {
    line(text, "  {:<20} {}, by chunks", change.slower ? "device became slow" : "device recovered", change.text());
  }
  for (const lidar::Attempt& attempt : pass.report.pace.attempts) {
    line(text, "  {:<20} {}", "tried", pace_line(attempt));
  }
}

void add_stages(std::string& text, const LidarPass& pass) {
  const RunReport& report = pass.report;
  const auto stage = [&](const char* name, const StageTime& time) {
    line(text, "    {:<20} {:>9.3f} s {:>14.0f} points/s", name, time.seconds, time.points_per_second(report.points));
  };
  line(text, "  {}: {} chunks of up to {} points, on {} with {} kernels, {} threads", neighbourhood(pass.asked),
       report.chunks, report.chunk_points, report.device, report.kernel, report.threads);
  stage("read", report.read);
  stage("neighbours+features", report.compute);
  stage("write", report.write);
  stage("total", report.total);
  line(text, "    memory high-water {} (pinned {}), reuse {:.1f} %, hits {:.1f} %, fragmentation {:.1f} %",
       format_bytes(report.memory_high_water), format_bytes(report.pinned_high_water), 100 * report.reuse_rate,
       100 * report.hit_rate, 100 * report.fragmentation);
  line(text, "    driver calls for memory after the first chunk {}, allocation {:.3f} ms",
       report.driver_calls_after_first_chunk, 1000 * report.allocation_seconds);
  if (report.recoveries != 0) {
    line(text, "    the device was lost and recovered {} times, {} lost", report.recoveries,
         format_bytes(report.lost_bytes));
  }
  if (report.beyond_halo != 0) {
    line(text, "    {} points had neighbours looked for past their halo", report.beyond_halo);
  }
  text += report.scopes;
}

nlohmann::ordered_json stage(const StageTime& time, std::uint64_t points) {
  return {{"seconds", time.seconds}, {"points_per_second", time.points_per_second(points)}};
}

nlohmann::ordered_json pace(const lidar::PaceReport& report) {
  nlohmann::ordered_json changes = nlohmann::ordered_json::array(), attempts = changes;
  for (const PaceChange& change : report.changes) {
    changes.push_back({{"slower", change.slower},
                       {"factor", change.factor},
                       {"chunk", change.operation},
                       {"since_chunk", change.since}});
  }
  for (const lidar::Attempt& each : report.attempts) {
    attempts.push_back({{"action", lidar::name(each.remedy)},
                        {"from_chunk", each.chunk},
                        {"possible", each.possible},
                        {"kept", each.kept},
                        {"seconds_per_point_before", each.before},
                        {"seconds_per_point", each.after ? nlohmann::ordered_json(*each.after) : nullptr}});
  }
  return {{"changes", changes}, {"attempts", attempts}};
}

/// No number is null in JSON.
nlohmann::ordered_json column(const ColumnSummary& each) {
  return {{"name", each.name},
          {"least", each.least},
          {"mean", each.mean},
          {"greatest", each.greatest},
          {"nans", each.nans}};
}

}  // namespace

std::string lidar_text(const LidarOutcome& outcome) {
  std::string text;
  add_cloud(text, outcome);
  for (const LidarPass& pass : outcome.passes) {
    add_pass(text, pass);
    add_pace(text, pass);
  }
  add_columns(text, outcome.columns, outcome.cloud.points());
  line(text, "  {:.2f} s, {:.0f} points/s", outcome.total.seconds,
       outcome.total.points_per_second(outcome.cloud.points()));
  if (outcome.line.verbose) {
    for (const LidarPass& pass : outcome.passes) add_stages(text, pass);
  }
  for (const std::string& note : outcome.notes) line(text, "  note: {}", note);
  return text;
}

std::string lidar_json(const LidarOutcome& outcome) {
  const RunReport& report = outcome.passes.front().report;
  const std::uint64_t points = outcome.cloud.points();
  StageTime compute;
  std::uint64_t coincident = 0, beyond_halo = 0, memory = 0, pinned = 0, calls = 0;
  double allocation = 0;
  std::uint64_t recoveries = 0, lost = 0, spilled = 0;
  nlohmann::ordered_json scales = nlohmann::ordered_json::array();
  for (const LidarPass& pass : outcome.passes) {
    compute.seconds += pass.report.compute.seconds;
    coincident += pass.report.coincident;
    beyond_halo += pass.report.beyond_halo;
    calls += pass.report.driver_calls_after_first_chunk;
    allocation += pass.report.allocation_seconds;
    recoveries += pass.report.recoveries;
    lost += pass.report.lost_bytes;
    spilled += pass.report.spilled_bytes;
    memory = std::max(memory, pass.report.memory_high_water);
    pinned = std::max(pinned, pass.report.pinned_high_water);
    nlohmann::ordered_json scale;
    if (pass.asked.radius > 0) {
      scale["radius"] = pass.asked.radius;
    } else {
      scale["k"] = pass.asked.k;
    }
    scale["farthest_neighbour"] = {{"p05", quantile(pass.reaches, 0.05)},
                                   {"p50", quantile(pass.reaches, 0.5)},
                                   {"p95", quantile(pass.reaches, 0.95)}};
    if (pass.few_neighbours) scale["few_neighbours"] = *pass.few_neighbours;
    scale["neighbours_features"] = stage(pass.report.compute, points);
    scale["pace"] = pace(pass.report.pace);
    scales.push_back(scale);
  }
  nlohmann::ordered_json all{{"points", points},
                             {"read", stage(outcome.read, points)},
                             {"neighbours_features", stage(compute, points)},
                             {"write", stage(outcome.write, points)},
                             {"total", stage(outcome.total, points)},
                             {"memory_high_water", memory},
                             {"pinned_high_water", pinned},
                             {"reuse_rate", report.reuse_rate},
                             {"hit_rate", report.hit_rate},
                             {"fragmentation", report.fragmentation},
                             {"driver_calls_after_first_chunk", calls},
                             {"allocation_seconds", allocation},
                             {"chunks", report.chunks},
                             {"chunk_points", report.chunk_points},
                             {"coincident", coincident},
                             {"beyond_halo", beyond_halo},
                             {"recoveries", recoveries},
                             {"lost_bytes", lost},
                             {"spilled_bytes", spilled},
                             {"device", report.device},
                             {"kernel", report.kernel},
                             {"threads", report.threads}};
  if (!report.height.empty()) all["height_above_ground"] = report.height;
  all["coordinate_system"] = {{"name", outcome.system.name},
                              {"unit", unit_name(outcome.system.horizontal)},
                              {"vertical_unit", unit_name(outcome.system.vertical)}};
  all["scales"] = scales;
  all["features"] = nlohmann::ordered_json::array();
  for (const ColumnSummary& each : outcome.columns) all["features"].push_back(column(each));
  all["notes"] = outcome.notes;
  // Paths and names in files are any bytes.
  return all.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace weir::tool
