// The report for scripts; see replay_report.hpp.
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "replay_report.hpp"

namespace weir::tool {
namespace {

using Json = nlohmann::ordered_json;
using replay::Holder;
using replay::ReplayReport;

double microseconds(std::chrono::duration<double, std::micro> time) { return time.count(); }

Json to_json(const Subject& subject, const Holder& holder) {
  const auto text = [&](bool given) { return given && !holder.label.empty() ? Json(holder.label) : Json(nullptr); };
  return {{"bytes", holder.bytes},
          {"device", holder.device},
          {"stream", holder.stream},
          {"number", holder.number},
          {"address", holder.address ? Json(*holder.address) : Json(nullptr)},
          {"line", holder.line != 0 ? Json(holder.line) : Json(nullptr)},
          {"id", text(!is_snapshot(subject) && !names_owners(subject))},
          {"tag", text(names_owners(subject))},
          {"frame", text(is_snapshot(subject))}};
}

/// Times are null on a device that lives in real time.
Json passes_of(const ReplayReport& report) {
  Json all = Json::array();
  const auto time = [&](std::chrono::nanoseconds value) {
    return report.has_time ? Json(microseconds(value)) : Json(nullptr);
  };
  for (const replay::PassFigures& pass : report.passes) {
    all.push_back({{"driver_calls", pass.driver_calls},
                   {"event_calls", pass.event_calls},
                   {"creates", pass.creates},
                   {"maps", pass.maps},
                   {"accesses", pass.accesses},
                   {"unmaps", pass.unmaps},
                   {"page_remaps", pass.page_remaps},
                   {"driver_us", time(pass.driver)},
                   {"waited_us", time(pass.waited)},
                   {"longest_us", time(pass.longest)},
                   {"peak_reserved", pass.peak_reserved},
                   {"utilization", ratio(report.peak_requested, pass.peak_reserved)}});
  }
  return all;
}

/// What PyTorch itself recorded is given where the file tells of this policy's.
Json policy_of(const replay::PolicyResult& policy, const std::optional<std::uint64_t>& recorded) {
  Json calls = Json::array();
  Json times = Json::array();
  for (const replay::DriverUse& pass : policy.passes) {
    calls.push_back(pass.calls);
    times.push_back(microseconds(pass.time));
  }
  return {{"peak_reserved", policy.peak_reserved},
          {"utilization", ratio(policy.peak_requested, policy.peak_reserved)},
          {"recorded_peak_reserved", recorded ? Json(*recorded) : Json(nullptr)},
          {"driver_calls", std::move(calls)},
          {"driver_us", std::move(times)}};
}

void add_answer(const Subject& subject, const ReplayReport& report, Json& line) {
  line["fits"] = report.fits();
  line["needed"] = report.needed;
  line["refused"] = Json::array();
  for (const replay::Refusal& refusal : report.refusals) {
    Json request = to_json(subject, refusal.request);
    request["live"] = refusal.live;
    request["why"] = refusal.why;
    request["pass"] = refusal.pass;
    request["operation"] = refusal.operation;
    line["refused"].push_back(std::move(request));
  }
  line["largest_holders"] = Json::array();
  for (const Holder& holder : report.largest_holders) {
    Json block = to_json(subject, holder);
    block["allocated"] = holder.allocated;
    line["largest_holders"].push_back(std::move(block));
  }
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
        {"pytorch_native", policy_of(report.pytorch, report.recorded_peak_reserved)},
        {"pytorch_expandable", policy_of(report.expandable, std::nullopt)}}},
      {"failures", subject.trace.failures},
      {"unmatched_frees", subject.trace.unmatched_frees},
      {"late_frees", subject.trace.late_frees},
      {"incomplete_blocks", subject.trace.incomplete_blocks},
      {"cut_lines", subject.trace.cut_lines},
      {"resizes", subject.trace.resizes},
      {"cut", subject.trace.is_cut},
      {"threads", report.threads},
      {"passes", passes_of(report)}};
  if (subject.options.capacity) add_answer(subject, report, line);
  if (subject.tightest) {
    line["tightest"] = {{"limit", subject.tightest->limit},
                        {"utilization", ratio(report.peak_requested, subject.tightest->all)}};
    if (subject.tightest->interrupted) line["tightest"]["interrupted"] = true;
  }
  // A file's name need not be UTF-8; what is not is replaced rather than refused.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weir::tool
