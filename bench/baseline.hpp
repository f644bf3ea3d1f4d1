// The committed baseline: ratios that a change must not worsen past a margin. Times are never compared,
// since they belong to a machine; ratios to a peer and of weir to itself carry over. A ratio that is past
// the margin, or past the bar that weir has to clear whatever the baseline says, is measured once more
// before it counts, because a shared machine has bad minutes.
#pragma once

#include <filesystem>
#include <string>

#include "hot.hpp"

namespace bench {

struct BaselineOptions {
  std::filesystem::path file;
  double margin = 0.25;  ///< a ratio may be this much above the baseline's, as a part of it
  HotOptions hot;        ///< what is measured; subjects are weir and the peer of the ratios
};

/// Measures, and prints each ratio beside the baseline's. True where none is past the margin or its bar; false
/// also where weir failed or nothing could be compared. Throws std::runtime_error for a file that cannot be read.
[[nodiscard]] bool compare_with_baseline(const BaselineOptions& options);

/// Measures, and writes the ratios. `machine` says in words where they come from.
/// Throws std::runtime_error where weir failed or the file cannot be written.
void write_baseline(const BaselineOptions& options, const std::string& machine);

}  // namespace bench
