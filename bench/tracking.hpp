// What tracking costs, against a build of the same sources that tracks nothing: time a pair, the time
// of check_leaks(), and host memory. Each round has fresh processes, which take turns of a few milliseconds: what else
// runs on a shared machine, and where a process lies in its caches, is more than the difference.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bench {

struct TrackingOptions {
  unsigned rounds = 20;
  unsigned milliseconds = 50;  ///< the clock runs for each build in a round, all turns together
  bool pin = false;
  bool verbose = false;  ///< every round in the text
};

struct TrackingReport {
  std::string text;             ///< for people: the differences, with PASS or MISS for each bar
  nlohmann::ordered_json rows;  ///< [{measure, median, low, high, wanted, passed}]
  nlohmann::ordered_json raw;   ///< every round
};

/// Throws ChildFailed where a build fails.
[[nodiscard]] TrackingReport run_tracking(const TrackingOptions& options);

}  // namespace bench
