// Zeroed memory that the system backs only where it is touched: for tables whose
// size is known only as a bound. Called by the index and by tracking.
#pragma once

#include <cstddef>

namespace weir::core {

/// `bytes` of zeroed address space; throws std::bad_alloc.
[[nodiscard]] void* map_lazy(std::size_t bytes);
void unmap_lazy(void* address, std::size_t bytes) noexcept;

}  // namespace weir::core
