// By what a timeline of memory is stacked: a band for each of the owners that matter most, or for
// each class of sizes where owners tell nothing. Every life is in exactly one band. Read by the report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/history.hpp"

namespace weir::replay {

struct Bands {
  static constexpr std::size_t max_count = 12;

  bool by_size = false;             ///< owners are not told, or each has next to nothing
  std::vector<std::uint32_t> tags;  ///< by owner: the tag of each band; all others are in one more, if there are others
  std::vector<std::string> names;   ///< of each band
  std::vector<std::uint8_t> of_life;  ///< the band of each life
};

/// Owners by the most that each had live, the highest first.
[[nodiscard]] Bands bands_of(const RecordedPool& pool, const std::vector<std::string>& names, const History& history);

}  // namespace weir::replay
