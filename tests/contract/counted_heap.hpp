// How often the calling thread has asked the host heap: this program's operator
// new counts. For the promise that a hit allocates nothing there.
#pragma once

#include <cstdint>

namespace weir::contract {

/// False under a sanitizer, whose own operator new must stay: then nothing is counted.
[[nodiscard]] bool heap_is_counted() noexcept;
[[nodiscard]] std::uint64_t heap_allocations() noexcept;
/// How often the calling thread has thrown, also what was caught inside. 0 where nothing is counted.
[[nodiscard]] std::uint64_t exceptions_thrown() noexcept;

}  // namespace weir::contract
