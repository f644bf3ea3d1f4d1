// What a report says beside its pictures, as JSON: totals, owners, latencies, findings. The page has it, and
// `weir report --json` writes it. Called by the command and by report_page.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "replay/findings.hpp"
#include "replay/history.hpp"
#include "replay/recording.hpp"

namespace weir::tool {

/// Where it came from, and what is missing or odd.
struct ReportSource {
  std::string file;
  std::vector<std::string> notes;
};

/// The report without its pictures; `histories` are of the recording's pools.
[[nodiscard]] nlohmann::json report_model(const replay::Recording& recording,
                                          const std::vector<replay::History>& histories, const ReportSource& source,
                                          const std::vector<replay::Finding>& findings);

/// As text of ASCII that is harmless inside HTML, whatever names are in it.
[[nodiscard]] std::string harmless_text(const nlohmann::json& json);

}  // namespace weir::tool
