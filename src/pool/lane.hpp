// The small number of a stream in one pool: whose order a piece of memory follows.
#pragma once

#include <cstdint>

namespace weir::pool {

using Lane = std::uint16_t;
/// No stream's: no queued work uses the memory.
inline constexpr Lane clean_lane = 0;

}  // namespace weir::pool
