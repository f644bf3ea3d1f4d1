// Which extents fill the gaps of one growth: those that were found and fit, then new
// ones. Without driver and locks; called by Space::supply.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pool/space/growth_plan.hpp"

namespace weir::pool {

/// How large an extent may be.
struct ExtentSizes {
  std::uint64_t max_pages = 1;
  /// Of a growable block, which keeps its memory for long: the pages that come before the first gap. An extent moves as
  /// a whole, so one that starts n pages into its block has at most n / 8. A block that shrinks thus keeps at most an
  /// eighth more than it was asked to.
  std::optional<std::uint64_t> pages_before;
  std::uint64_t max_handle = UINT64_MAX;  ///< that the driver has; what is larger comes in several, side by side

  [[nodiscard]] std::uint64_t max_at(std::uint64_t place) const noexcept;
};

struct ExtentLayout {
  /// The extents for each gap, by their order. Those without a handle are new: to be created.
  std::vector<std::vector<MovableExtent>> by_gap;
  std::uint64_t new_pages = 0;
  /// What was found and has no place here.
  std::vector<MovableExtent> unused;
};

/// Where a gap has more available pages than it needs, a found extent may reach into it, and so do new ones, to be
/// whole.
[[nodiscard]] ExtentLayout lay_out(std::span<const Gap> gaps, const ExtentSizes& sizes,
                                   std::span<const MovableExtent> found);

}  // namespace weir::pool
