// An address as a pointer: the one cast of the kind, for devices whose memory the host can use.
#pragma once

#include <cstdint>

namespace weir::core {

[[nodiscard]] inline void* pointer(std::uint64_t address) noexcept {
  return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace weir::core
