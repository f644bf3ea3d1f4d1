// See report_model.hpp.
#include "report_model.hpp"

#include <algorithm>
#include <cstdint>

#include "replay/convert.hpp"
#include "replay/durations.hpp"

namespace weir::tool {
namespace {

using nlohmann::json;
using replay::History;

json to_json(const Amount& amount) {
  return {{"live", amount.live}, {"peak", amount.peak}, {"cumulative", amount.cumulative}};
}

json to_json(const replay::Durations& durations) {
  return {{"count", durations.count}, {"p50_ns", durations.p50}, {"p99_ns", durations.p99}, {"max_ns", durations.max}};
}

json to_json(const LatencySummary& latency) {
  return {{"count", latency.count},
          {"p50_ns", latency.p50.count()},
          {"p99_ns", latency.p99.count()},
          {"max_ns", latency.max.count()}};
}

json transfers_of(const History& history, bool upload) {
  std::vector<std::uint64_t> times;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t ended_bytes = 0;
  std::uint64_t busy = 0;
  for (const replay::RecordedTransfer& each : history.transfers) {
    if (each.upload != upload) continue;
    ++count;
    bytes += each.bytes;
    if (each.end == History::no_time) continue;
    times.push_back(each.end - each.start);
    ended_bytes += each.bytes;
    busy += each.end - each.start;
  }
  json made = to_json(replay::durations_of(std::move(times)));
  made["ended"] = made["count"];
  made["count"] = count;
  made["bytes"] = bytes;
  made["bytes_per_second"] =
      busy == 0 ? json(nullptr) : json(1e9 * static_cast<double>(ended_bytes) / static_cast<double>(busy));
  return made;
}

json latencies_of(const replay::RecordedPool& pool, const History& history) {
  std::vector<std::uint64_t> lifetimes;
  for (const replay::Life& each : history.lives) {
    if (each.end == History::never) continue;
    lifetimes.push_back(history.changes[each.end].time - history.changes[each.begin].time);
  }
  json made{{"upload", transfers_of(history, true)},
            {"download", transfers_of(history, false)},
            {"lifetime", to_json(replay::durations_of(std::move(lifetimes)))}};
  if (pool.at_end) {
    made["arena"] = to_json(pool.at_end->arena_latency);
    made["growth"] = to_json(pool.at_end->growth_latency);
    made["mapping"] = to_json(pool.at_end->mapping_latency);
    made["wait"] = to_json(pool.at_end->wait_latency);
  }
  return made;
}

json owners(const replay::Recording& recording, const replay::RecordedPool& pool, std::uint64_t last) {
  // Of more than these a table tells nothing; what the others have is one line.
  constexpr std::size_t max_owners = 500;
  json all = json::array();
  json others{{"owners", 0}, {"live", 0}, {"blocks", 0}, {"allocations", 0}};
  for (const replay::OwnerFigures& each : replay::owners_of(pool)) {
    if (all.size() == max_owners) {
      others["owners"] = others["owners"].get<std::uint64_t>() + 1;
      others["live"] = others["live"].get<std::uint64_t>() + each.live;
      others["blocks"] = others["blocks"].get<std::uint64_t>() + each.blocks;
      others["allocations"] = others["allocations"].get<std::uint64_t>() + each.allocations;
      continue;
    }
    all.push_back({{"tag", each.tag},
                   {"owner", recording.names[each.tag]},
                   {"peak", each.peak},
                   {"live", each.live},
                   {"blocks", each.blocks},
                   {"allocations", each.allocations},
                   {"resizes", each.resizes},
                   {"copies", each.copies},
                   {"oldest_ns", each.blocks == 0 ? json(nullptr) : json(last - std::min(last, each.oldest))}});
  }
  return {{"owners", std::move(all)}, {"other_owners", std::move(others)}};
}

json pool_model(const replay::Recording& recording, const replay::RecordedPool& pool, const History& history) {
  const Statistics& totals = pool.totals;
  const std::uint64_t last = pool.events.empty() ? 0 : pool.events.back().time;
  json made{{"name", pool.name},
            {"device", pool.device},
            {"backend", pool.backend},
            {"mode", pool.mode},
            {"limit", pool.limit},
            {"page_bytes", pool.page_bytes},
            {"has_times", pool.has_times},
            {"has_addresses", pool.has_addresses},
            {"ended", pool.at_end.has_value()},
            {"lost", pool.lost},
            {"unmatched", pool.unmatched},
            {"replaced", pool.replaced},
            {"requested", to_json(totals.requested)},
            {"allocated", to_json(totals.allocated)},
            {"reserved", to_json(totals.reserved)},
            {"allocations", totals.allocations},
            {"frees", totals.frees},
            {"cache_hits", totals.cache_hits},
            {"arena_hits", totals.arena_hits},
            {"misses", totals.misses},
            {"refusals", totals.refusals},
            {"duration_ns", history.last_time},
            {"latencies", latencies_of(pool, history)}};
  if (pool.at_end) {
    made["driver_calls"] = pool.at_end->driver_calls;
    made["page_remaps"] = pool.at_end->page_remaps;
  }
  made.update(owners(recording, pool, last));
  return made;
}

}  // namespace

json report_model(const replay::Recording& recording, const std::vector<History>& histories, const ReportSource& source,
                  const std::vector<replay::Finding>& findings) {
  json pools = json::array();
  for (std::size_t i = 0; i < recording.pools.size(); ++i) {
    pools.push_back(pool_model(recording, recording.pools[i], histories[i]));
  }
  json found = json::array();
  for (const replay::Finding& each : findings) {
    found.push_back({{"rule", each.rule},
                     {"pool", each.pool},
                     {"owner", each.owner},
                     {"text", each.text},
                     {"setting", each.setting},
                     {"weight", each.weight}});
  }
  const std::uint64_t first = replay::first_time_of(recording);
  return {{"file", source.file},
          {"weir", WEIR_VERSION},
          {"notes", source.notes},
          {"process", recording.process},
          {"began_ns", recording.wall_time == 0 ? 0 : replay::wall_time_of(recording, first)},
          {"findings", std::move(found)},
          {"pools", std::move(pools)}};
}

std::string harmless_text(const json& json) {
  const std::string text = json.dump(-1, ' ', true, json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size() + text.size() / 64);
  for (const char each : text) {
    if (each == '<') {
      out += "\\u003c";  // ends no script, begins no comment
    } else {
      out += each;
    }
  }
  return out;
}

}  // namespace weir::tool
