#include "report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>

#include "monitor/replay/excerpt.hpp"

namespace weir::tool {
namespace {

using Json = nlohmann::ordered_json;
using replay::ReplayReport;

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string percent(double share) { return fmt::format("{:.2f} %", share * 100); }

std::string time_of(double nanoseconds) {
  return nanoseconds < 1e4 ? fmt::format("{:.0f} ns", nanoseconds) : fmt::format("{:.1f} µs", nanoseconds / 1e3);
}

/// What the record lacks or bends, a line each; nothing for a record without such.
std::string gaps(const replay::Trace& trace) {
  const auto line = [](std::uint64_t count, const char* what) {
    return count == 0 ? std::string() : fmt::format("  of the record    {:>11}   {}\n", count, what);
  };
  return line(trace.failures, "failed allocations, left out") +
         line(trace.unmatched_frees, "frees of what was never seen to be allocated, left out") +
         line(trace.late_frees, "frees told after their address was allocated again, put before that") +
         line(trace.incomplete_blocks, "blocks without a recorded beginning or end, left out or ended");
}

std::string row(const std::string& name, std::uint64_t reserved, std::uint64_t requested, const std::string& calls) {
  return fmt::format("    {:<34} {:>12} {:>12} {:>14}\n", name, format_bytes(reserved),
                     percent(ratio(requested, reserved)), calls);
}

}  // namespace

std::string to_json(const Subject& subject, const ReplayReport& report) {
  const Statistics& pool = report.pool;
  Json line = {
      {"file", subject.file},
      {"format", replay::to_string(subject.trace.format)},
      {"operations", report.operations},
      {"streams", report.streams},
      {"peak_requested", pool.requested.peak},
      {"peak_allocated", pool.allocated.peak},
      {"peak_reserved", pool.reserved.peak},
      {"utilization", pool.utilization()},
      {"cache_hits", pool.cache_hits},
      {"arena_hits", pool.arena_hits},
      {"misses", pool.misses},
      {"driver_calls", pool.driver_calls},
      {"page_remaps", pool.page_remaps},
      {"ns_per_operation",
       {{"p50", report.per_operation.p50}, {"p99", report.per_operation.p99}, {"max", report.per_operation.max}}},
      {"comparisons",
       {{"direct", {{"peak_reserved", report.direct.peak_reserved}, {"driver_calls", report.direct.driver_calls}}},
        {"pytorch_native",
         {{"peak_reserved", report.pytorch.peak_reserved},
          {"utilization", ratio(report.pytorch.peak_requested, report.pytorch.peak_reserved)},
          {"recorded_peak_reserved",
           report.recorded_peak_reserved ? Json(*report.recorded_peak_reserved) : Json(nullptr)}}}}},
      {"failures", subject.trace.failures},
      {"unmatched_frees", subject.trace.unmatched_frees},
      {"late_frees", subject.trace.late_frees},
      {"incomplete_blocks", subject.trace.incomplete_blocks}};
  if (subject.bounded) {
    line["fits"] = report.fits;
    line["largest_holders"] = Json::array();
    for (const LiveBlock& holder : report.largest_holders) {
      line["largest_holders"].push_back(
          {{"bytes", holder.requested}, {"allocated", holder.allocated}, {"address", holder.address}});
    }
  }
  // A file's name need not be UTF-8; what is not is replaced rather than refused.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const Subject& subject, const ReplayReport& report) {
  const Statistics& pool = report.pool;
  const auto share = [&](std::uint64_t count) {
    return percent(pool.allocations == 0 ? 0.0 : ratio(count, pool.allocations));
  };
  std::string text = fmt::format("{}\n  {}, {} operations, {} stream{}\n", replay::printable(subject.file),
                                 replay::to_string(subject.trace.format), report.operations, report.streams,
                                 report.streams == 1 ? "" : "s");
  text += gaps(subject.trace);
  text += fmt::format("  peak requested  {:>12}\n", format_bytes(pool.requested.peak));
  text += fmt::format("  peak reserved   {:>12}   utilization {}\n", format_bytes(pool.reserved.peak),
                      percent(pool.utilization()));
  text += fmt::format("  served by       cache {}, mapped pages {}, new mappings {}\n", share(pool.cache_hits),
                      share(pool.arena_hits), share(pool.misses));
  text += fmt::format("  driver calls    {:>12}   page remaps {}\n", pool.driver_calls, pool.page_remaps);
  text += fmt::format("  per operation   p50 {}, p99 {}, max {}\n", time_of(report.per_operation.p50),
                      time_of(report.per_operation.p99), time_of(report.per_operation.max));
  text += fmt::format("  the same trace through             {:>13} {:>12} {:>14}\n", "peak reserved", "utilization",
                      "driver calls");
  text += row("weir", pool.reserved.peak, pool.requested.peak, std::to_string(pool.driver_calls));
  text += row("PyTorch's native policy (model)", report.pytorch.peak_reserved, report.pytorch.peak_requested,
              std::to_string(report.pytorch.driver_calls));
  if (report.recorded_peak_reserved) {
    text += row("PyTorch, as the file recorded it", *report.recorded_peak_reserved, report.pytorch.peak_requested, "-");
  }
  text += row("a driver call for each block", report.direct.peak_reserved, report.direct.peak_requested,
              std::to_string(report.direct.driver_calls));
  if (!report.fits) {
    text += fmt::format("  DOES NOT FIT: {}\n  the largest blocks then:\n", report.refusal);
    for (const LiveBlock& holder : report.largest_holders) {
      text += fmt::format("    {:>12} at {:#x}\n", format_bytes(holder.requested), holder.address);
    }
  } else if (subject.bounded) {
    text += "  fits\n";
  }
  return text;
}

}  // namespace weir::tool
