// What pages for speed alone cost: how often a thread must first have strayed from its own arena. Called by the ladder.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir::pool {

/// `has` is what the pool would hold if all its arenas held what the thread's does, `peak` the most that was allocated
/// at once; bytes. The more it has beyond its peak, the more the thread must have suffered before more is bought. One
/// thread that replaces blocks at random comes to half as much again as its peak; two come to 1.7 times theirs, and
/// need memory to get there.
[[nodiscard]] inline std::uint32_t strays_a_purchase(std::uint64_t has, std::uint64_t peak) noexcept {
  constexpr std::uint64_t parts = 4, free_of_charge = 8;  // of the peak
  constexpr std::uint64_t dearer = 3, dearest = 15;       // powers of two, for each part more; and in all
  const std::uint64_t parts_it_has = has / std::max<std::uint64_t>(peak / parts, 1);
  if (parts_it_has < free_of_charge) return 1;
  const std::uint64_t beyond = std::min(parts_it_has - free_of_charge, dearest);
  const std::uint64_t power = dearer * (beyond + 1);
  return power > dearest ? UINT32_MAX : std::uint32_t{1} << power;
}

}  // namespace weir::pool
