#include "report.hpp"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>

#include "monitor/replay/excerpt.hpp"

namespace weir::tool {
namespace {

using Json = nlohmann::ordered_json;
using replay::Holder;
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

bool is_snapshot(const Subject& subject) { return subject.trace.format == replay::TraceFormat::pytorch_snapshot; }

Json to_json(const Subject& subject, const Holder& holder) {
  const auto text = [&](bool given) { return given && !holder.label.empty() ? Json(holder.label) : Json(nullptr); };
  return {{"bytes", holder.bytes},
          {"device", holder.device},
          {"stream", holder.stream},
          {"number", holder.number},
          {"address", holder.address ? Json(*holder.address) : Json(nullptr)},
          {"line", holder.line != 0 ? Json(holder.line) : Json(nullptr)},
          {"id", text(!is_snapshot(subject))},
          {"frame", text(is_snapshot(subject))}};
}

/// A block as its recording knows it, in a line.
std::string to_text(const Subject& subject, const Holder& holder) {
  std::string text = format_bytes(holder.bytes);
  if (subject.trace.devices.size() > 1) text += fmt::format(", device {}", holder.device);
  if (holder.line != 0) {
    text += fmt::format(", line {}", holder.line);
  } else if (!holder.address) {
    text += fmt::format(", allocation number {}", holder.number + 1);
  }
  if (!is_snapshot(subject) && !holder.label.empty()) text += ", id " + replay::printable(holder.label);
  if (holder.address) text += fmt::format(", at {:#x}", *holder.address);
  text += fmt::format(", stream {:#x}", holder.stream);
  if (is_snapshot(subject) && !holder.label.empty()) text += ", " + replay::printable(holder.label);
  return text;
}

/// What was replayed, and first whether it fits, where that was asked.
std::string verdict(const Subject& subject, const ReplayReport& report) {
  const std::string file = replay::printable(subject.file);
  if (!subject.capacity) return file + "\n";
  const std::string capacity = format_bytes(*subject.capacity);
  const char* each = subject.trace.devices.size() > 1 ? " a device" : "";
  if (report.fits()) return fmt::format("fits in {}{}: {}\n", capacity, each, file);
  std::string text =
      fmt::format("DOES NOT FIT in {}{}, {} would do: {}\n", capacity, each, format_bytes(report.needed), file);
  for (const replay::Refusal& refusal : report.refusals) {
    text += fmt::format("  refused         {}; {} were live then\n", to_text(subject, refusal.request),
                        format_bytes(refusal.live));
    if (subject.named_device) text += "  the device says " + replay::printable(refusal.why) + "\n";
  }
  if (!report.largest_holders.empty()) text += "  the largest blocks then:\n";
  for (const Holder& holder : report.largest_holders) text += "    " + to_text(subject, holder) + "\n";
  return text + "  the whole trace, without a bound:\n";
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
  if (subject.capacity) {
    line["fits"] = report.fits();
    line["needed"] = report.needed;
    line["refused"] = Json::array();
    for (const replay::Refusal& refusal : report.refusals) {
      Json request = to_json(subject, refusal.request);
      request["live"] = refusal.live;
      request["why"] = refusal.why;
      line["refused"].push_back(std::move(request));
    }
    line["largest_holders"] = Json::array();
    for (const Holder& holder : report.largest_holders) {
      Json block = to_json(subject, holder);
      block["allocated"] = holder.allocated;
      line["largest_holders"].push_back(std::move(block));
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
  std::string text = verdict(subject, report);
  text += fmt::format("  {}, {} operations, {} stream{}\n", replay::to_string(subject.trace.format), report.operations,
                      report.streams, report.streams == 1 ? "" : "s");
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
  return text;
}

}  // namespace weir::tool
