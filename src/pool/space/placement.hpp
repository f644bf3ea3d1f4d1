// What is asked of an arena.
#pragma once

#include <cstdint>

#include "pool/stream_index.hpp"

namespace weir::pool {

struct Placement {
  std::uint32_t granules = 0;
  std::uint32_t alignment = 1;  ///< granules, a power of two
  StreamIndex stream_index = clean_index;
  bool small = false;       ///< belongs into pages for small blocks
  std::uint32_t range = 0;  ///< granules of addresses that one which grows in place is to have at least
};

}  // namespace weir::pool
