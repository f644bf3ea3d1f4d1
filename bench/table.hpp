// What a run looks like: a table for people, an array for scripts, and every round for the archive.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "hot.hpp"

namespace bench {

/// The table with ratios, and PASS or MISS for every bar. With `verbose` also every round.
[[nodiscard]] std::string hot_table(const HotRun& run, const HotOptions& options, bool verbose);

/// Every number of every round, as lines of text.
[[nodiscard]] std::string hot_rounds(const HotRun& run);

/// [{case, subject, threads, ns_per_pair, low, high}]: an interface that scripts rely on. Rows that
/// were not measured are left out, never invented.
[[nodiscard]] nlohmann::ordered_json hot_json(const HotRun& run);

/// An array with an element a line.
[[nodiscard]] std::string json_lines(const nlohmann::ordered_json& rows);

/// A line that says so where a tenth of the measurements or more had to share their cores; else empty.
[[nodiscard]] std::string disturbance(const HotRun& run);

/// All numbers of all rounds, with the versions of the subjects.
[[nodiscard]] nlohmann::ordered_json hot_raw(const HotRun& run);

}  // namespace bench
