// Findings in words: what was seen, and what to change.
#include <weir/watch.hpp>

#include <cstdio>

#include <weir/bytes.hpp>

#include "watch/evidence.hpp"

namespace weir {
namespace {

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::string duration(double seconds) {
  char text[32];
  if (seconds < 1e-3) {
    std::snprintf(text, sizeof text, "%.1f us", 1e6 * seconds);
  } else if (seconds < 1) {
    std::snprintf(text, sizeof text, "%.1f ms", 1e3 * seconds);
  } else {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  }
  return text;
}

std::string bytes(double count) { return format_bytes(count <= 0 ? 0 : static_cast<std::uint64_t>(count)); }

std::string_view operations(Metric metric) {
  switch (metric) {
    case Metric::driver_time: return "a driver call";
    case Metric::compute_time: return "a computation";
    case Metric::transfer_time: return "a transfer";
    default: return "an operation";
  }
}

std::string seen(const Finding& found) {
  switch (found.kind) {
    case FindingKind::leak:
      return "at least " + bytes(found.now) + " requested, " + bytes(found.before) + " before, " +
             bytes(found.bytes_per_second) + " more each second";
    case FindingKind::hit_rate_drop:
      return percent(found.now) + " of the requests served " +
             (found.metric == Metric::hit_rate ? "by thread caches, " : "without the driver, ") +
             percent(found.before) + " before";
    case FindingKind::slow:
      return std::string(operations(found.metric)) + " takes " + duration(found.now) + ", " + duration(found.before) +
             " before";
    case FindingKind::fragmentation:
      return percent(found.now) + " of what is reserved is more than was requested at any one time, " +
             percent(found.before) + " before";
  }
  return {};
}

}  // namespace

std::string Finding::text() const {
  std::string text(name(kind));
  if (over) text += " is over";
  text += ": " + seen(*this);
  if (!over) text += ", for " + duration(watch::seconds(noticed - since));
  if (!over && !setting.empty()) text += "; change " + std::string(setting);
  return text;
}

}  // namespace weir
