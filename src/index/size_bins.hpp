// Size bins: which list of free ranges a size belongs to. 32 bins a doubling,
// exact below 64 granules. Invariant: bin_of is monotonic, and every size in
// bin b + 1 is larger than every size in bin b. Called by FreeRanges.
#pragma once

#include <bit>
#include <cstdint>

namespace weir::index {

/// The unit of placement: every block starts and ends on one. Bytes.
inline constexpr unsigned granule_shift = 9;
inline constexpr std::uint64_t granule_bytes = std::uint64_t{1} << granule_shift;

/// Whole granules that hold `bytes`; at least one. `bytes` must be below 2^63.
[[nodiscard]] constexpr std::uint64_t granules_for(std::uint64_t bytes) noexcept {
  return bytes == 0 ? 1 : (bytes + granule_bytes - 1) >> granule_shift;
}

inline constexpr unsigned bins_per_doubling = 32;
/// The largest range a bin can hold: 2^32 - 1 granules, just under 2 TiB.
inline constexpr std::uint64_t max_granules = UINT32_MAX;
inline constexpr unsigned bin_count = (32 - 5 + 1) * bins_per_doubling;

/// The bin of a size in granules (1 … max_granules).
[[nodiscard]] constexpr unsigned bin_of(std::uint32_t granules) noexcept {
  // Without a branch on the size, which nobody could predict: below 64 the shift is 0 and the bin is the size.
  const unsigned shift = 31u - 5u - static_cast<unsigned>(std::countl_zero(granules | bins_per_doubling));
  return shift * bins_per_doubling + (granules >> shift);
}

}  // namespace weir::index
