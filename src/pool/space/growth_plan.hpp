// A place for a block while the pages that it lacks are found and mapped: it is in no
// list, so that nobody else takes it, and no lock is held meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pool/space/page_table.hpp"

namespace weir::pool {

/// Pages side by side that are missing.
struct Gap {
  device::Address start = 0;           ///< of the available pages
  std::uint64_t pages = 0;             ///< that must be mapped
  std::uint64_t available_pages = 0;   ///< that may be mapped: what is mapped beyond `pages` is free memory
  bool from_end = false;               ///< `pages` lie at the end of the available pages, else at their start
  std::vector<MovableExtent> extents;  ///< `pages` to `available_pages`, once supplied

  /// The address where the extents are mapped.
  [[nodiscard]] device::Address address(std::uint64_t page_bytes) const noexcept;
};

struct GrowthPlan {
  /// So many gaps at most, lest planning allocates under a lock.
  static constexpr std::size_t max_gaps = 8;

  std::uint32_t piece = 0;        ///< covers the block and all available pages of the gaps
  std::uint64_t block_start = 0;  ///< granules
  std::vector<Gap> gaps;          ///< by address
  std::uint64_t missing_pages = 0;
  /// Of a growable block: its pages before the first that is missing.
  std::optional<std::uint64_t> pages_before;

  GrowthPlan() { gaps.reserve(max_gaps); }
};

/// Pages on their way out of an arena, whole extents that no work uses.
struct LeavingPages {
  /// So many extents at a time, lest taking them allocates under a lock.
  static constexpr std::size_t max_extents = 64;

  std::uint32_t piece = 0;
  device::Address address = 0;
  std::uint64_t pages = 0;
  std::vector<MovableExtent> extents;

  LeavingPages() { extents.reserve(max_extents); }
};

/// A live block on its way into a range of its own: extents that it alone uses are unmapped where it is and mapped
/// there, between new ones.
struct MovePlan {
  GrowthPlan range;  ///< its piece becomes the block; one gap, as long as the block, once it is supplied
  /// The extents that move with what they hold; none where all is copied. The address is the one they left.
  LeavingPages moving;
  std::uint64_t pages_before = 0;  ///< of the block, before the first that moves
  std::uint32_t max = 0;           ///< granules of the range
  bool lost = false;               ///< what moved could be mapped neither there nor back: the block is without it
};

/// Which pages are to leave an arena.
struct PagesWanted {
  std::uint64_t max_pages = 0;
  bool beyond = false;                   ///< rather than fewer, as many more as the last extent has
  std::uint32_t since = UINT32_MAX;      ///< coarse time: free since then or longer
  std::uint32_t max_moves = UINT32_MAX;  ///< none that was moved more often
};

}  // namespace weir::pool
