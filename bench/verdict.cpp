// Judges a run.
#include "verdict.hpp"

#include <fmt/format.h>

#include "bars.hpp"

namespace bench {

std::map<std::string, Finding> findings(const Ratios& baseline, const HotRun& run, double margin) {
  std::map<std::string, Finding> result;
  const auto now = baseline_ratios(run);
  for (const auto& [name, before] : baseline) {
    const auto found = now.find(name);
    if (found == now.end() || found->second.median <= before * (1 + margin)) continue;
    result[name] = {found->second.median, fmt::format("more than {:.0f} % above {:.3f}", 100 * margin, before)};
  }
  for (const Bar& bar : bars(run)) {
    if (!bar.ratio || !bar.measured() || bar.passed) continue;
    result["bar, " + bar.what] = {bar.value.median, "not " + bar.limit};
  }
  return result;
}

}  // namespace bench
