#include "pool/space/extent_layout.hpp"

#include <algorithm>
#include <bit>

namespace weir::pool {
namespace {

/// Takes out the found extents that fit into the last `left` pages of a gap, the largest to the end, where the largest
/// may be. Gives the pages that are left before them.
std::uint64_t fill_from_end(std::uint64_t left, const ExtentSizes& sizes, std::uint64_t place,
                            std::vector<MovableExtent>& found, std::vector<MovableExtent>& extents) {
  std::erase_if(found, [&](const MovableExtent& extent) {
    const bool any_size = !sizes.pages_before;  // ordinary memory takes what there is
    if (extent.pages > left) return false;
    if (!any_size && extent.pages > sizes.max_at(place + left - extent.pages)) return false;
    left -= extent.pages;
    extents.push_back(extent);
    return true;
  });
  std::reverse(extents.begin(), extents.end());
  return left;
}

/// The smallest found extent that covers what is left and at most `max`.
bool stretch(std::uint64_t left, std::uint64_t max, std::vector<MovableExtent>& found,
             std::vector<MovableExtent>& extents) {
  for (auto each = found.rbegin(); each != found.rend(); ++each) {
    if (each->pages < left || each->pages > max) continue;
    extents.push_back(*each);
    found.erase(std::next(each).base());
    return true;
  }
  return false;
}

}  // namespace

std::uint64_t ExtentSizes::max_at(std::uint64_t place) const noexcept {
  return pages_before ? std::clamp<std::uint64_t>((*pages_before + place) / 8, 1, max_pages) : max_pages;
}

ExtentLayout lay_out(std::span<const Gap> gaps, const ExtentSizes& sizes, std::span<const MovableExtent> found) {
  ExtentLayout layout;
  layout.by_gap.resize(gaps.size());
  layout.unused.assign(found.begin(), found.end());
  std::stable_sort(layout.unused.begin(), layout.unused.end(),
                   [](const auto& a, const auto& b) { return a.pages > b.pages; });
  std::vector<std::size_t> order;  // gaps with more pages than they need come last: they take what others cannot
  for (const bool longer : {false, true}) {
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      if ((gaps[i].available_pages > gaps[i].pages) == longer) order.push_back(i);
    }
  }
  for (const std::size_t i : order) {
    const Gap& gap = gaps[i];
    std::vector<MovableExtent>& extents = layout.by_gap[i];
    std::uint64_t left = fill_from_end(gap.pages, sizes, 0, layout.unused, extents);
    const std::uint64_t spare = gap.available_pages - gap.pages;
    if (left != 0 && spare != 0 && stretch(left, left + spare, layout.unused, extents)) left = 0;
    for (std::uint64_t place = 0; place < left;) {
      const std::uint64_t most = std::min(sizes.max_at(place), left + spare - place);
      // Whole where the gap is long enough, else what is left in as few as may be.
      const std::uint64_t pages = spare != 0 ? most : std::min(most, left - place);
      for (std::uint64_t made = 0; made < pages;) {
        const std::uint64_t handle = std::min(pages - made, sizes.max_handle);
        extents.push_back({{device::PageHandle::none, static_cast<std::uint32_t>(handle)}, 0});
        made += handle;
      }
      place += pages;
      layout.new_pages += pages;
    }
    // New ones come first: where they are counted from.
    std::stable_partition(extents.begin(), extents.end(),
                          [](const MovableExtent& extent) { return extent.handle == device::PageHandle::none; });
  }
  return layout;
}

}  // namespace weir::pool
