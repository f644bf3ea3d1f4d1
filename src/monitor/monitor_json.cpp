// What a monitor knows, as one JSON object; monitoring/monitor.schema.json describes it.
#include <weir/monitor.hpp>

#include <cmath>
#include <utility>

#include "core/json_string.hpp"
#include "monitor/number_text.hpp"

namespace weir {
namespace {

/// Writes the members of an object in the order in which they come.
class Object {
 public:
  Object& raw(std::string_view key, std::string_view value) {
    text_ += (text_.size() == 1 ? "" : ",") + core::json_string(key) + ':';
    text_ += value;
    return *this;
  }
  Object& text(std::string_view key, std::string_view value) { return raw(key, core::json_string(value)); }
  Object& number(std::string_view key, double value) {
    return raw(key, std::isfinite(value) ? monitor::number_text(value) : "null");
  }
  Object& count(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  Object& seconds(std::string_view key, std::chrono::nanoseconds time) {
    return number(key, std::chrono::duration<double>(time).count());
  }
  template <class Value>
  Object& known(std::string_view key, const std::optional<Value>& value) {
    if (!value) return raw(key, "null");
    return number(key, static_cast<double>(*value));
  }
  [[nodiscard]] std::string str() const { return text_ + '}'; }

 private:
  std::string text_ = "{";
};

template <class All, class Write>
std::string array(const All& all, Write write) {
  std::string text = "[";
  for (const auto& each : all) {
    if (text.size() > 1) text += ',';
    text += write(each);
  }
  return text + ']';
}

std::string timing(const Timing& times) {
  return Object().count("count", times.count).seconds("seconds", times.total).str();
}

std::string sample_text(const MemorySample& sample) {
  return Object()
      .seconds("time", sample.time)
      .count("requested_bytes", sample.requested)
      .count("peak_requested_bytes", sample.peak_requested)
      .count("reserved_bytes", sample.reserved)
      .count("in_use_bytes", sample.in_use)
      .known("limit_bytes", sample.limit)
      .count("allocations", sample.allocations)
      .count("cache_hits", sample.cache_hits)
      .count("arena_hits", sample.arena_hits)
      .count("refusals", sample.refusals)
      .count("errors", sample.errors)
      .count("evictions", sample.evictions)
      .raw("driver", timing(sample.driver))
      .raw("compute", timing(sample.compute))
      .raw("transfers", timing(sample.transfers))
      .known("utilization", sample.utilization)
      .str();
}

std::string finding_text(const Finding& found) {
  return Object()
      .text("kind", name(found.kind))
      .text("metric", name(found.metric))
      .seconds("since", found.since)
      .seconds("noticed", found.noticed)
      .number("before", found.before)
      .number("now", found.now)
      .number("bytes_per_second", found.bytes_per_second)
      .text("setting", found.setting)
      .text("text", found.text())
      .str();
}

}  // namespace

std::string Monitor::json_text() const {
  constexpr int version = 1;
  const std::vector<MemorySample> last = history(1);
  Object summaries;
  for (std::size_t i = 0; i < metrics; ++i) {
    const auto metric = static_cast<Metric>(i);
    const MetricSummary known = summary(metric);
    summaries.raw(weir::name(metric), Object()
                                          .count("count", known.count)
                                          .number("last", known.last)
                                          .number("mean", known.mean)
                                          .number("min", known.min)
                                          .number("p50", known.p50)
                                          .number("p99", known.p99)
                                          .number("max", known.max)
                                          .str());
  }
  const Health now = health();
  const auto ahead = forecast();
  return Object()
      .count("version", version)
      .text("name", name())
      .raw("sample", last.empty() ? "null" : sample_text(last.front()))
      .raw("metrics", summaries.str())
      .raw("health",
           Object()
               .text("status", weir::name(now.status))
               .raw("reasons", array(now.reasons, [](const std::string& each) { return core::json_string(each); }))
               .str())
      .raw("findings", array(findings(), finding_text))
      .raw("forecast", ahead ? Object()
                                   .seconds("seconds_left", ahead->time_left)
                                   .number("bytes_per_second", ahead->bytes_per_second)
                                   .count("limit_bytes", ahead->limit)
                                   .str()
                             : "null")
      .str();
}

}  // namespace weir
