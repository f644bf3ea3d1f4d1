#include "pool/page_layout.hpp"

#include <algorithm>

#include "pool/bundles.hpp"

namespace weir::pool {

using device::PageHandle;

namespace {

/// The most pages of a bundle that starts so many pages into its block.
std::uint64_t most_at(std::uint64_t place, const MissingPages& missing) noexcept {
  return std::clamp<std::uint64_t>(place / 8, 1, missing.most_bundled);
}

using Row = std::span<const PageHandle>;

std::vector<Row> handles_of(Row row) {
  std::vector<Row> handles;
  for_each_handle(row, [&](std::size_t first, std::size_t count) { handles.push_back(row.subspan(first, count)); });
  return handles;
}

}  // namespace

// The largest bundles go where the largest may be, to the end.
PageLayout lay_out(const MissingPages& missing, std::span<const PageHandle> found) {
  std::vector<Row> handles = handles_of(found);
  std::stable_sort(handles.begin(), handles.end(), [](Row a, Row b) { return a.size() > b.size(); });
  PageLayout layout;
  layout.pages.resize(missing.count, PageHandle::none);
  std::uint64_t left = missing.count;
  for (const Row handle : handles) {
    const bool fits = handle.size() <= left && handle.size() <= most_at(missing.before + left - handle.size(), missing);
    if (!fits) {
      layout.unused.insert(layout.unused.end(), handle.begin(), handle.end());
      continue;
    }
    left -= handle.size();
    std::copy(handle.begin(), handle.end(), layout.pages.begin() + static_cast<std::ptrdiff_t>(left));
  }
  layout.fresh = left;
  for (std::uint64_t place = 0; place < left;) {
    const std::uint64_t count = std::min(most_at(missing.before + place, missing), left - place);
    const auto first = layout.pages.begin() + static_cast<std::ptrdiff_t>(place);
    std::fill(first + 1, first + static_cast<std::ptrdiff_t>(count), bundled);
    place += count;
  }
  return layout;
}

}  // namespace weir::pool
