// What of a run is worse than it may be: a ratio past the baseline's by more than the margin, or past its
// bar, whatever the baseline says, so that one that was written in a bad hour lets nothing pass. A function
// of numbers; the comparison with the baseline measures them.
#pragma once

#include <map>
#include <string>

#include "hot.hpp"

namespace bench {

using Ratios = std::map<std::string, double>;

struct Finding {
  double median = 0;
  std::string limit;  ///< in words
};

/// By the name of the ratio or the bar. What was not measured is none, and neither is a time past its bar: that
/// belongs to a machine.
[[nodiscard]] std::map<std::string, Finding> findings(const Ratios& baseline, const HotRun& run, double margin);

}  // namespace bench
