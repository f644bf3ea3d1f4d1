// The report for people; see replay_report.hpp.
#include <array>
#include <chrono>

#include <fmt/format.h>

#include <weir/bytes.hpp>

#include "files/excerpt.hpp"
#include "replay_report.hpp"

namespace weir::tool {
namespace {

using replay::Holder;
using replay::PassFigures;
using replay::ReplayReport;
using Time = std::chrono::duration<double, std::nano>;

// Passes that are shown: the first two, which warm up, and the last few, of what it came to.
constexpr std::size_t first_passes = 2;
constexpr std::size_t last_passes = 3;

std::string percent(double share) { return fmt::format("{:.2f} %", share * 100); }

std::string time_of(double nanoseconds) {
  return nanoseconds < 1e4 ? fmt::format("{:.0f} ns", nanoseconds) : fmt::format("{:.1f} µs", nanoseconds / 1e3);
}

/// Of whole passes.
std::string long_time(Time time) {
  const double us = time.count() / 1e3;
  if (us < 100) return fmt::format("{:.1f} µs", us);
  return us < 1e7 ? fmt::format("{:.2f} ms", us / 1e3) : fmt::format("{:.2f} s", us / 1e6);
}

/// What the record lacks or bends, a line each; nothing for a record without such.
std::string gaps(const replay::Trace& trace) {
  const auto line = [](std::uint64_t count, const char* what) {
    return count == 0 ? std::string() : fmt::format("  of the record    {:>11}   {}\n", count, what);
  };
  return line(trace.failures, "failed allocations, ignored") +
         line(trace.unmatched_frees, "frees without a recorded allocation, ignored") +
         line(trace.late_frees, "frees recorded after their address was reused, moved before that") +
         line(trace.incomplete_blocks, "blocks without a recorded start or end, ignored or ended") +
         line(trace.resizes, "blocks resized, replayed as a free and an allocation") +
         line(trace.cut_lines, "line cut at the file's end, ignored") +
         (trace.is_cut ? "  of the record            cut   the rest of the recording is missing\n" : "");
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
  const bool named = !holder.label.empty();
  if (named && names_owners(subject)) text += ", owner " + files::printable(holder.label);
  if (named && !is_snapshot(subject) && !names_owners(subject)) text += ", id " + files::printable(holder.label);
  if (holder.address) text += fmt::format(", at {:#x}", *holder.address);
  text += fmt::format(", stream {:#x}", holder.stream);
  if (named && is_snapshot(subject)) text += ", " + files::printable(holder.label);
  return text;
}

std::string refusal_of(const Subject& subject, const replay::Refusal& refusal) {
  const bool several = subject.options.passes > 1;
  std::string text = fmt::format("  refused         {}; {} were live then\n", to_text(subject, refusal.request),
                                 format_bytes(refusal.live));
  if (several) text += fmt::format("                  in pass {}, operation {}\n", refusal.pass, refusal.operation);
  if (!subject.options.device.empty()) text += "  the device says " + files::printable(refusal.why) + "\n";
  return text;
}

const char* each_device(const Subject& subject) { return subject.trace.devices.size() > 1 ? " a device" : ""; }

/// What was replayed, and first whether it fits, where that was asked.
std::string verdict(const Subject& subject, const ReplayReport& report) {
  const std::string file = files::printable(subject.file);
  if (!subject.options.capacity) return file + "\n";
  const std::string capacity = format_bytes(*subject.options.capacity) + each_device(subject);
  if (report.fits()) return fmt::format("fits in {}: {}\n", capacity, file);
  std::string text =
      fmt::format("DOES NOT FIT in {}; {} are enough: {}\n", capacity, format_bytes(report.needed), file);
  for (const replay::Refusal& refusal : report.refusals) text += refusal_of(subject, refusal);
  if (!report.largest_holders.empty()) text += "  the largest blocks then:\n";
  for (const Holder& holder : report.largest_holders) text += "    " + to_text(subject, holder) + "\n";
  return text + "  the whole trace, without a bound:\n";
}

std::string tightest_of(const Subject& subject, const ReplayReport& report) {
  if (!subject.tightest) return {};
  const replay::Tightest& tightest = *subject.tightest;
  return fmt::format("  {} {:>12}   utilization {}{}\n", tightest.interrupted ? "tightest so far" : "tightest       ",
                     format_bytes(tightest.limit), percent(ratio(report.peak_requested, tightest.all)),
                     tightest.interrupted ? ", interrupted; it is more than " + format_bytes(tightest.refused) : "");
}

// --- pass by pass ----------------------------------------------------------------------------

bool costs_time(const Subject& subject, const ReplayReport& report) {
  return report.has_time && subject.options.driver != device::DriverModel();
}

std::string pass_row(std::size_t number, const PassFigures& pass, const ReplayReport& report, bool timed) {
  std::string text = fmt::format("    {:>4} {:>12} {:>12} {:>8} {:>13} {:>11}", number, pass.driver_calls,
                                 pass.event_calls, pass.page_remaps, format_bytes(pass.peak_reserved),
                                 percent(ratio(report.peak_requested, pass.peak_reserved)));
  if (timed) {
    text +=
        fmt::format(" {:>13} {:>11} {:>12}", long_time(pass.driver), long_time(pass.waited), long_time(pass.longest));
  }
  return text + "\n";
}

/// Nothing for one pass in which no call takes time: the lines above say all of that.
std::string pass_table(const Subject& subject, const ReplayReport& report) {
  const bool timed = costs_time(subject, report);
  const std::vector<PassFigures>& passes = report.whole;
  if (passes.size() < 2 && !timed) return {};
  std::string text = fmt::format("    {:>4} {:>12} {:>12} {:>8} {:>13} {:>11}", "pass", "memory calls", "event calls",
                                 "remaps", "peak reserved", "utilization");
  if (timed) text += fmt::format(" {:>13} {:>11} {:>12}", "in the driver", "waited", "longest wait");
  text += "\n";
  for (std::size_t i = 0; i < passes.size(); ++i) {
    const bool shown = i < first_passes || i + last_passes >= passes.size();
    if (shown) text += pass_row(i + 1, passes[i], report, timed);
    if (!shown && i == first_passes) text += fmt::format("    {:>4}\n", "...");
  }
  return text;
}

// --- beside others ---------------------------------------------------------------------------

/// One allocator's line: its memory, and its calls and their time in the first pass and, where there are more, the
/// last.
struct Row {
  const char* name;
  std::uint64_t reserved;
  std::uint64_t requested;
  std::vector<replay::DriverUse> passes;  ///< empty: not known
};

std::string to_text(const Row& row, bool timed) {
  const auto both = [&](auto value) -> std::string {
    if (row.passes.empty()) return "-";
    const std::string first = value(row.passes.front());
    return row.passes.size() == 1 ? first : first + " / " + value(row.passes.back());
  };
  std::string text = fmt::format("    {:<34} {:>12} {:>12} {:>16}", row.name, format_bytes(row.reserved),
                                 percent(ratio(row.requested, row.reserved)),
                                 both([](const replay::DriverUse& pass) { return std::to_string(pass.calls); }));
  if (timed) {
    // A µ is one column and two bytes, which fmt knows.
    text += fmt::format(" {:>22}", both([](const replay::DriverUse& pass) { return long_time(pass.time); }));
  }
  return text + "\n";
}

std::string comparison(const Subject& subject, const ReplayReport& report) {
  const bool timed = costs_time(subject, report);
  const bool several = report.whole.size() > 1;
  std::vector<replay::DriverUse> weir;
  for (const PassFigures& pass : report.whole) weir.push_back({pass.driver_calls, pass.driver});
  const auto policy = [](const char* name, const replay::PolicyResult& result) {
    return Row{name, result.peak_reserved, result.peak_requested, result.passes};
  };
  std::string text = fmt::format("  {:<36} {:>12} {:>12} {:>16}",
                                 several ? "the same trace, first / last pass" : "the same trace through",
                                 "peak reserved", "utilization", "memory calls");
  if (timed) text += fmt::format(" {:>22}", "in the driver");
  text += "\n";
  text += to_text(Row{"weir", report.pool.reserved.peak, report.peak_requested, weir}, timed);
  text += to_text(policy("PyTorch's native policy (model)", report.pytorch), timed);
  text += to_text(policy("PyTorch's expandable ones (model)", report.expandable), timed);
  if (report.recorded_peak_reserved) {
    text += to_text(Row{"PyTorch, as the file recorded it", *report.recorded_peak_reserved, report.peak_requested, {}},
                    timed);
  }
  return text + to_text(policy("a driver call for each block", report.direct), timed);
}

}  // namespace

std::string to_text(const Subject& subject, const ReplayReport& report) {
  const Statistics& pool = report.pool;
  const auto share = [&](std::uint64_t count) {
    return percent(pool.allocations == 0 ? 0.0 : ratio(count, pool.allocations));
  };
  const auto plural = [](std::uint64_t count) { return count == 1 ? "" : "s"; };
  std::string text = verdict(subject, report);
  text +=
      fmt::format("  {}, {} operations, {} stream{}, {} thread{}\n", replay::to_string(subject.trace.format),
                  report.operations, report.streams, plural(report.streams), report.threads, plural(report.threads));
  text += gaps(subject.trace);
  text += fmt::format("  peak requested  {:>12}\n", format_bytes(pool.requested.peak));
  text += fmt::format("  peak reserved   {:>12}   utilization {}\n", format_bytes(pool.reserved.peak),
                      percent(pool.utilization()));
  text += tightest_of(subject, report);
  text += fmt::format("  served by       cache {}, mapped pages {}, new mappings {}\n", share(pool.cache_hits),
                      share(pool.arena_hits), share(pool.misses));
  text += fmt::format("  driver calls    {:>12}   page remaps {}\n", pool.driver_calls, pool.page_remaps);
  text += fmt::format("  per operation   p50 {}, p99 {}, max {}\n", time_of(report.per_operation.p50),
                      time_of(report.per_operation.p99), time_of(report.per_operation.max));
  return text + pass_table(subject, report) + comparison(subject, report);
}

std::string to_answer(const Subject& subject, const ReplayReport& report) {
  const std::string file = files::printable(subject.file);
  const std::string capacity = format_bytes(*subject.options.capacity) + each_device(subject);
  if (!report.fits()) {
    return fmt::format("does not fit in {}: {}; {} are enough", capacity, file, format_bytes(report.needed));
  }
  std::string answer = fmt::format("fits in {}: {}", capacity, file);
  if (!report.has_time) return answer;
  if (!costs_time(subject, report)) return answer + "; give --driver to see the time that it loses";
  const std::vector<PassFigures>& passes = report.passes;
  const auto lost = passes.back().lost();
  std::string text =
      fmt::format("{}, and loses {} to memory in each step", answer, lost.count() == 0 ? "no time" : long_time(lost));
  if (passes.size() > 1) text += fmt::format(" ({} in the first)", long_time(passes.front().lost()));
  return text;
}

}  // namespace weir::tool
