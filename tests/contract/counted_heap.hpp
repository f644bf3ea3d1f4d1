// How often the calling thread has asked the host heap: this program's operator
// new counts. For the promise that a hit allocates nothing there.
#pragma once

#include <cstdint>

namespace weir::contract {

[[nodiscard]] std::uint64_t heap_allocations() noexcept;

}  // namespace weir::contract
