// How long many things took, in a few numbers. Used by the report.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weir::replay {

/// Nanoseconds; exact. All 0 where there are none.
struct Durations {
  std::uint64_t count = 0;
  std::uint64_t p50 = 0;  ///< half of them took no longer
  std::uint64_t p99 = 0;  ///< 99 of 100 took no longer
  std::uint64_t max = 0;
};

[[nodiscard]] inline Durations durations_of(std::vector<std::uint64_t> all) {
  if (all.empty()) return {};
  const auto at_rank = [&](std::size_t percent) {
    const std::size_t rank = (all.size() * percent + 99) / 100;  // from 1
    const auto place = all.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(all.begin(), place, all.end());
    return *place;
  };
  return {
      .count = all.size(), .p50 = at_rank(50), .p99 = at_rank(99), .max = *std::max_element(all.begin(), all.end())};
}

}  // namespace weir::replay
