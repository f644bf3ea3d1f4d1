// The small number of a stream in one pool: whose order some memory follows.
#pragma once

#include <cstdint>

namespace weir::pool {

using StreamIndex = std::uint16_t;
/// The index of no stream: no queued work uses the memory.
inline constexpr StreamIndex clean_index = 0;

}  // namespace weir::pool
