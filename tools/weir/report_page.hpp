// Writes a report as one HTML file that needs nothing else and asks for nothing: its policy forbids the network.
// The page's parts are in page/, and built into the tool. Called by the command `report`.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "page_data.hpp"
#include "replay/findings.hpp"
#include "replay/recording.hpp"
#include "report_model.hpp"

namespace weir::tool {

/// What a page shows of each pool of a recording.
[[nodiscard]] std::vector<PoolPage> pages_of(const replay::Recording& recording,
                                             std::vector<replay::History> histories);

/// The file, part by part. `model` is report_model's.
void write_page(nlohmann::json model, const std::vector<PoolPage>& pools, const std::vector<std::string>& names,
                const std::function<void(std::string_view)>& write);

}  // namespace weir::tool
