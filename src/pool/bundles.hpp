// Rows of pages in which some may be bundled, taken apart handle by handle. A row
// holds bundles whole, so it never starts with a page that goes with the one before.
// Called by whoever looks at single pages of such rows; the driver sees extents.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "device/backend.hpp"

namespace weir::pool {

using device::PageHandle;

/// Goes with the page before it.
inline constexpr PageHandle bundled{UINT64_MAX};

/// How many pages the first handle of the row stands for; 0 for an empty row.
[[nodiscard]] inline std::size_t pages_of_first(std::span<const PageHandle> row) noexcept {
  std::size_t count = row.empty() ? 0 : 1;
  while (count < row.size() && row[count] == bundled) ++count;
  return count;
}

/// Calls visit(first, count) for each handle of the row: the place of its first page, and how many pages it has.
template <class Visit>
void for_each_handle(std::span<const PageHandle> row, Visit visit) {
  for (std::size_t first = 0; first < row.size();) {
    const std::size_t count = pages_of_first(row.subspan(first));
    visit(first, count);
    first += count;
  }
}

/// The same row as the contract has it.
[[nodiscard]] inline std::vector<device::Extent> extents_of(std::span<const PageHandle> row) {
  std::vector<device::Extent> extents;
  for_each_handle(row, [&](std::size_t first, std::size_t count) {
    extents.push_back({row[first], static_cast<std::uint32_t>(count)});
  });
  return extents;
}

}  // namespace weir::pool
