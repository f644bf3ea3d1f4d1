// What kernels take beside the pool's memory: a thread's local memory, for arrays and what does not fit its registers,
// is reserved by CUDA's driver for every thread that the device can have at a time, not for those that run. Used by
// computers that book it as external bytes.
#pragma once

#include <cstdint>

namespace weir::compute {

/// Bytes that the driver keeps for kernels that need `bytes` of local memory a thread, 0 for none.
[[nodiscard]] constexpr std::uint64_t local_memory_reserved(std::uint64_t bytes, std::uint64_t multiprocessors,
                                                            std::uint64_t threads_of_each) noexcept {
  return bytes * multiprocessors * threads_of_each;
}

}  // namespace weir::compute
