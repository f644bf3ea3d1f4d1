// Prometheus' text format. Invariant: a metric has its lines together, under one # HELP and one # TYPE, whoever they
// are of; https://prometheus.io/docs/instrumenting/exposition_formats/ has the rules.
#include <weir/monitor.hpp>

#include <array>
#include <limits>
#include <utility>

#include "monitor/number_text.hpp"
#include "monitor/watcher.hpp"

namespace weir {
namespace {

std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

class PrometheusText::Families {
 public:
  /// One metric; `label` is a further one, as `by="cache"`, or empty.
  void add(std::string_view name, std::string_view type, std::string_view help, std::string_view pool,
           std::string_view label, double value) {
    put(family(name, type, help), "", pool, label, value);
  }
  void gauge(std::string_view name, std::string_view help, std::string_view pool, double value) {
    add(name, "gauge", help, pool, "", value);
  }
  void count(std::string_view name, std::string_view help, std::string_view pool, std::string_view label,
             std::uint64_t value) {
    add(name, "counter", help, pool, label, static_cast<double>(value));
  }
  void summary(std::string_view name, std::string_view help, std::string_view pool, const std::string& label,
               const LatencySummary& times, std::chrono::nanoseconds total) {
    Family& all = family(name, "summary", help);
    put(all, "", pool, label + ",quantile=\"0.5\"", seconds(times.p50));
    put(all, "", pool, label + ",quantile=\"0.99\"", seconds(times.p99));
    put(all, "_sum", pool, label, seconds(total));
    put(all, "_count", pool, label, static_cast<double>(times.count));
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const Family& each : families_) {
      all += "# HELP " + each.name + ' ' + each.help + "\n# TYPE " + each.name + ' ' + each.type + '\n' + each.lines;
    }
    return all;
  }

  void add(std::string_view pool, const Statistics& known, std::optional<std::uint64_t> limit);
  void add(std::string_view manager, const ManagerStatistics& known, std::optional<std::uint64_t> limit);
  void add(const Monitor& monitor, const Monitor::Watcher& watcher);

 private:
  struct Family {
    std::string name, type, help, lines;
  };
  Family& family(std::string_view name, std::string_view type, std::string_view help) {
    for (Family& each : families_) {
      if (each.name == name) return each;
    }
    return families_.emplace_back(Family{std::string(name), std::string(type), std::string(help), {}});
  }
  static void put(Family& all, std::string_view ending, std::string_view pool, std::string_view label, double value) {
    all.lines += all.name;
    all.lines += ending;
    all.lines += "{pool=\"" + label_value(pool) + '"';
    if (!label.empty()) (all.lines += ',') += label;
    all.lines += "} " + monitor::number_text(value) + '\n';
  }

  std::vector<Family> families_;
};

void PrometheusText::Families::add(std::string_view pool, const Statistics& known, std::optional<std::uint64_t> limit) {
  const auto bytes = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    gauge(name, help, pool, static_cast<double>(value));
  };
  bytes("weir_requested_bytes", "What callers asked for and hold", known.requested.live);
  bytes("weir_requested_peak_bytes", "The most that callers held", known.requested.peak);
  bytes("weir_reserved_bytes", "Physical memory held from the driver", known.reserved.live);
  bytes("weir_reserved_peak_bytes", "The most that was held from the driver", known.reserved.peak);
  bytes("weir_external_bytes", "Booked for other libraries", known.external);
  if (limit) bytes("weir_limit_bytes", "Bound on reserved and external memory", *limit);
  constexpr std::string_view states = "Reserved memory by state; the states sum to what is reserved";
  const auto state = [&](const char* label, std::uint64_t value) {
    add("weir_memory_bytes", "gauge", states, pool, label, static_cast<double>(value));
  };
  state("state=\"live\"", known.live);
  state("state=\"cached\"", known.cached);
  state("state=\"pending\"", known.pending);
  state("state=\"mapped_free\"", known.mapped_free);
  state("state=\"held\"", known.held);
  constexpr std::string_view served = "Requests served, by where the memory came from";
  count("weir_allocations_total", served, pool, "by=\"cache\"", known.cache_hits);
  count("weir_allocations_total", served, pool, "by=\"arena\"", known.arena_hits);
  count("weir_allocations_total", served, pool, "by=\"driver\"", known.misses);
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    count(name, help, pool, "", value);
  };
  total("weir_frees_total", "Blocks that came back", known.frees);
  total("weir_refusals_total", "Requests that memory was refused, or that ended in an error", known.refusals);
  total("weir_errors_total", "Misuse that was caught", known.errors);
  total("weir_evictions_total", "Blocks pushed out of thread caches", known.evictions);
  total("weir_page_remaps_total", "Mappings of pages beyond the most pages that there were", known.page_remaps);
  total("weir_driver_calls_total", "Calls into the driver about memory", known.driver_calls);
  add("weir_driver_seconds_total", "counter", "Time in the driver about memory", pool, "", seconds(known.driver_time));
}

void PrometheusText::Families::add(std::string_view manager, const ManagerStatistics& known,
                                   std::optional<std::uint64_t> limit) {
  add(manager, known.pool, limit);
  const TransferStatistics& moved = known.transfers;
  gauge("weir_buffers", "Buffers that are open", manager, static_cast<double>(known.buffers));
  constexpr std::string_view transfers = "Transfers between host and device";
  count("weir_transfers_total", transfers, manager, "direction=\"up\"", moved.uploads);
  count("weir_transfers_total", transfers, manager, "direction=\"down\"", moved.downloads);
  constexpr std::string_view bytes = "Bytes of transfers";
  count("weir_transfer_bytes_total", bytes, manager, "direction=\"up\"", moved.bytes_uploaded);
  count("weir_transfer_bytes_total", bytes, manager, "direction=\"down\"", moved.bytes_downloaded);
  count("weir_transfer_timeouts_total", "Waits for transfers that ended at a deadline", manager, "", moved.timeouts);
  gauge("weir_spilled_bytes", "Contents of buffers that are on the host for want of memory", manager,
        static_cast<double>(moved.spilled));
  gauge("weir_pinned_bytes", "Pinned memory held from the driver", manager,
        static_cast<double>(moved.pinned.reserved.live));
  summary("weir_operation_seconds", "What operations took", manager, "operation=\"transfer\"", moved.transfer_latency,
          moved.transfer_time);
}

void PrometheusText::Families::add(const Monitor& monitor, const Monitor::Watcher& watcher) {
  const std::string& pool = watcher.name();
  if (watcher.manager() != nullptr) {
    add(pool, watcher.manager()->quick_statistics(), watcher.limit());
  } else {
    add(pool, watcher.bare_pool()->quick_statistics(), watcher.limit());
  }
  summary("weir_operation_seconds", "What operations took", pool, "operation=\"compute\"",
          watcher.compute()->latency.summary(), std::chrono::nanoseconds(watcher.compute()->total.load()));
  const Health health = monitor.health();
  gauge("weir_health", "0 good, 1 warning, 2 bad", pool, static_cast<double>(health.status));
  std::array<int, finding_kinds> standing{};
  for (const Finding& each : monitor.findings()) ++standing[static_cast<std::size_t>(each.kind)];
  for (std::size_t kind = 0; kind < finding_kinds; ++kind) {
    const std::string label = "kind=\"" + std::string(weir::name(static_cast<FindingKind>(kind))) + '"';
    add("weir_findings", "gauge", "Anomalies that were found and are not over", pool, label, standing[kind]);
  }
  const auto forecast = monitor.forecast();
  constexpr double never = std::numeric_limits<double>::infinity();
  gauge("weir_seconds_to_limit", "When the limit is reached if use grows as it does; +Inf where it does not", pool,
        forecast ? seconds(forecast->time_left) : never);
  for (const Metric metric : {Metric::fragmentation, Metric::served_rate, Metric::hit_rate, Metric::utilization}) {
    const MetricSummary known = monitor.summary(metric, 60);
    if (known.count == 0) continue;
    gauge("weir_recent_" + std::string(weir::name(metric)),
          "Mean of the last 60 samples in which it is known, as a part of 1", pool, known.mean);
  }
}

PrometheusText::PrometheusText() : families_(std::make_unique<Families>()) {}
PrometheusText::~PrometheusText() = default;
PrometheusText::PrometheusText(PrometheusText&&) noexcept = default;
PrometheusText& PrometheusText::operator=(PrometheusText&&) noexcept = default;

void PrometheusText::add(std::string_view pool, const Statistics& known, std::optional<std::uint64_t> limit) {
  families_->add(pool, known, limit);
}
void PrometheusText::add(std::string_view manager, const ManagerStatistics& known, std::optional<std::uint64_t> limit) {
  families_->add(manager, known, limit);
}
void PrometheusText::add(const Monitor& monitor) { families_->add(monitor, *monitor.watcher_); }
std::string PrometheusText::text() const { return families_->text(); }

}  // namespace weir
