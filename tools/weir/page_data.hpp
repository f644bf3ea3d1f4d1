// The numbers of a report's page: a pool's history in columns of varints, packed by zlib, as base64 text. The page's
// data.js reads them, and tests/tool/report_test.py. Called by report_page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "replay/address_regions.hpp"
#include "replay/history.hpp"
#include "replay/history_bands.hpp"
#include "replay/history_levels.hpp"

namespace weir::tool {

/// All of one pool that a page shows.
struct PoolPage {
  replay::History history;
  replay::Bands bands;
  replay::Levels levels;
  std::vector<replay::AddressRegion> regions;
};

/// What comes one behind the other is written where it is put together.
[[nodiscard]] std::string columns_of(const PoolPage& pool);

/// In zlib's format, at its usual level.
[[nodiscard]] std::string packed(std::string_view bytes);

[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace weir::tool
