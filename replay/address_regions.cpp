// See address_regions.hpp.
#include "replay/address_regions.hpp"

#include <algorithm>
#include <limits>

namespace weir::replay {

namespace {

constexpr std::uint64_t small_gap = std::uint64_t{2} << 20;
constexpr std::size_t max_regions = 256;

/// A range that may reach the last address: its end is the last byte's.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

void join(std::vector<Range>& ranges, std::uint64_t gap) {
  std::size_t kept = 0;
  for (const Range& each : ranges) {
    if (kept != 0 && (each.first <= ranges[kept - 1].last || each.first - ranges[kept - 1].last - 1 <= gap)) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, each.last);
    } else {
      ranges[kept++] = each;
    }
  }
  ranges.resize(kept);
}

}  // namespace

std::vector<AddressRegion> regions_of(const History& history) {
  std::vector<Range> ranges;
  ranges.reserve(history.lives.size() + history.mapped.size());
  const auto add = [&](std::uint64_t address, std::uint64_t bytes) {
    const std::uint64_t longest = std::numeric_limits<std::uint64_t>::max() - address;
    if (bytes != 0) ranges.push_back({address, address + std::min(bytes - 1, longest)});
  };
  for (const Life& each : history.lives) add(each.address, std::max<std::uint64_t>(each.allocated, 1));
  for (const MappedRange& each : history.mapped) add(each.address, each.bytes);
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  join(ranges, small_gap);
  if (ranges.size() > max_regions) {
    std::vector<std::uint64_t> gaps;
    for (std::size_t i = 1; i < ranges.size(); ++i) gaps.push_back(ranges[i].first - ranges[i - 1].last - 1);
    const auto widest = gaps.end() - static_cast<std::ptrdiff_t>(max_regions);
    std::nth_element(gaps.begin(), widest, gaps.end());
    join(ranges, *widest);
  }
  std::vector<AddressRegion> regions;
  regions.reserve(ranges.size());
  std::uint64_t offset = 0;
  for (const Range& each : ranges) {
    const std::uint64_t span = each.last - each.first;
    const std::uint64_t bytes = span == std::numeric_limits<std::uint64_t>::max() ? span : span + 1;
    regions.push_back({each.first, bytes, offset});
    offset += bytes;
  }
  return regions;
}

std::uint64_t offset_in(const std::vector<AddressRegion>& regions, std::uint64_t address) noexcept {
  const auto behind = std::upper_bound(regions.begin(), regions.end(), address,
                                       [](std::uint64_t at, const AddressRegion& each) { return at < each.address; });
  if (behind == regions.begin()) return 0;
  const AddressRegion& region = *(behind - 1);
  return region.offset + (address - region.address);
}

}  // namespace weir::replay
