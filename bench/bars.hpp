// The bars that weir has to clear in the hot cases, and the ratios that the baseline remembers. Both
// are ratios taken within a round wherever that is possible, so that they mean the same on another
// machine. Read by the table and by the comparison with the baseline.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hot.hpp"

namespace bench {

struct Bar {
  std::string what;
  Spread value;
  std::string limit;  ///< as printed, e.g. "<= 0.30"
  bool passed = false;
  bool ratio = true;  ///< else a time, which belongs to a machine

  [[nodiscard]] bool measured() const { return !std::isnan(value.median); }
};

/// Every bar, also those that this run did not measure.
[[nodiscard]] std::vector<Bar> bars(const HotRun& run);

/// Rates with two threads ÷ alone of weir's thread `index` (0 or 1), a value a round. With `of_cpu` per
/// second of CPU time, which other users of the machine do not lower.
[[nodiscard]] std::vector<double> kept_rates(const HotRun& run, unsigned index, bool of_cpu = false);

/// Ratios of which a lower one is better, by name: weir ÷ mimalloc a case, and weir ÷ weir.
/// Those that this run did not measure are absent.
[[nodiscard]] std::map<std::string, Spread> baseline_ratios(const HotRun& run);

}  // namespace bench
