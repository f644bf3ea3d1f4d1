// What a sample says of each metric, and the names of what is told.
#include <weir/watch.hpp>

#include <array>

#include "watch/evidence.hpp"

namespace weir {
namespace {

std::optional<double> share(std::uint64_t part, std::uint64_t whole) noexcept {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::optional<double> mean(const Timing& before, const Timing& now) noexcept {
  if (now.count <= before.count) return std::nullopt;
  return watch::seconds(now.total - before.total) / static_cast<double>(now.count - before.count);
}

}  // namespace

std::string_view name(Metric metric) noexcept {
  constexpr std::array<std::string_view, metrics> names{"requested",     "reserved",    "limit_share", "fragmentation",
                                                        "hit_rate",      "served_rate", "driver_time", "compute_time",
                                                        "transfer_time", "utilization"};
  const auto index = static_cast<std::size_t>(metric);
  return index < names.size() ? names[index] : "unknown";
}

std::string_view name(FindingKind kind) noexcept {
  switch (kind) {
    case FindingKind::leak: return "leak";
    case FindingKind::hit_rate_drop: return "hit_rate_drop";
    case FindingKind::slow: return "slow";
    case FindingKind::fragmentation: return "fragmentation";
  }
  return "unknown";
}

std::string_view name(HealthStatus status) noexcept {
  switch (status) {
    case HealthStatus::good: return "good";
    case HealthStatus::warning: return "warning";
    case HealthStatus::bad: return "bad";
  }
  return "unknown";
}

std::optional<double> value(Metric metric, const MemorySample& before, const MemorySample& now) noexcept {
  const std::uint64_t requests = now.allocations - before.allocations;
  const std::uint64_t cached = now.cache_hits - before.cache_hits;
  switch (metric) {
    case Metric::requested: return static_cast<double>(now.requested);
    case Metric::reserved: return static_cast<double>(now.reserved);
    case Metric::limit_share: return now.limit ? share(now.in_use, *now.limit) : std::nullopt;
    case Metric::fragmentation: {
      const auto requested = share(now.requested, now.reserved);
      return requested ? std::optional(1 - *requested) : std::nullopt;
    }
    case Metric::hit_rate: return share(cached, requests);
    case Metric::served_rate: return share(cached + now.arena_hits - before.arena_hits, requests);
    case Metric::driver_time: return mean(before.driver, now.driver);
    case Metric::compute_time: return mean(before.compute, now.compute);
    case Metric::transfer_time: return mean(before.transfers, now.transfers);
    case Metric::utilization: return now.utilization;
  }
  return std::nullopt;
}

}  // namespace weir
