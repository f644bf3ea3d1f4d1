// How the pages of one growth come by their handles: from what was found, the rest
// new. Memory that a growable block keeps for long comes in bundles, which cost the
// driver one call where single pages cost many; but a bundle moves as a whole, so one
// that starts n pages into its block has at most n / 8. A block that shrinks thus
// keeps at most an eighth more than it was asked to. Without driver and locks; called
// by Pool::Implementation::supply.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device/backend.hpp"

namespace weir::pool {

struct PageLayout {
  /// In the order of their addresses: first the new ones, to be created as they stand here, then those found.
  std::vector<device::PageHandle> pages;
  std::uint64_t fresh = 0;  ///< how many of them are new
  /// What was found and has no place here, whole handles.
  std::vector<device::PageHandle> unused;
};

/// The pages that a growth misses. `most_bundled` is the most pages of a bundle; with 1 there are no bundles.
struct MissingPages {
  std::uint64_t count = 0;
  std::uint64_t before = 0;  ///< pages of the block before the first that is missing
  std::uint64_t most_bundled = 1;
};

[[nodiscard]] PageLayout lay_out(const MissingPages& missing, std::span<const device::PageHandle> found);

}  // namespace weir::pool
