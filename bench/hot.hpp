// The hot paths of weir and of its peers, measured in turn. One round runs every case once with every
// subject, each in a fresh process, subject after subject, so that a machine that slows down or is
// shared slows all of them; ratios are taken within a round.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "child.hpp"
#include "spread.hpp"
#include "subject/cases.hpp"

namespace bench {

/// In the order of their turns.
inline constexpr std::array<const char*, 6> all_subjects = {"weir", "mimalloc", "jemalloc", "tbb", "glibc", "pmr"};

struct HotOptions {
  std::vector<const Case*> cases;
  std::vector<std::string> subjects;
  unsigned rounds = 12;
  unsigned milliseconds = 50;  ///< the clock runs for each measurement
  bool pin = false;
};

/// What one subject did in one case: an entry a round, empty where it failed.
struct Series {
  const Case* which = nullptr;
  std::string subject;
  std::vector<Numbers> rounds;

  /// One number of every round, NaN where there is none.
  [[nodiscard]] std::vector<double> values(const std::string& name = "ns_per_pair") const;
};

struct HotRun {
  std::vector<Series> series;
  std::map<std::string, std::string> versions;  ///< of each subject that is there
  std::vector<std::string> absent;              ///< subjects that were not built
  std::vector<std::string> failures;            ///< one line each

  [[nodiscard]] const Series* find(std::string_view name, unsigned threads, std::string_view subject) const;
};

/// Runs everything; tells of progress, absent subjects and failures on stderr.
[[nodiscard]] HotRun run_hot(const HotOptions& options);

/// one ÷ other, round by round; NaN where either has no number. Empty where a series is missing.
[[nodiscard]] std::vector<double> ratios(const Series* one, const Series* other,
                                         const std::string& name = "ns_per_pair");

}  // namespace bench
