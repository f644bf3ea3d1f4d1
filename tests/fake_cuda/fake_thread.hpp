// What the fake driver knows of a thread: its contexts and its capture mode.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include <cuda.h>

namespace weir::fake_cuda {

class Fake;

inline std::uint64_t next_thread_number() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1);
}

struct ThreadState {
  std::vector<CUcontext> contexts = {};
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  std::uint64_t number = next_thread_number();
};

[[nodiscard]] ThreadState& this_thread();
[[nodiscard]] Fake* current_fake();

// A context is its device's number, far from any pointer.
constexpr std::uint64_t first_context = 0xC0DA00;
inline CUcontext context_of(int device) {
  return reinterpret_cast<CUcontext>(first_context + static_cast<std::uint64_t>(device));
}
inline int device_of(CUcontext context) {
  return static_cast<int>(reinterpret_cast<std::uint64_t>(context) - first_context);
}

}  // namespace weir::fake_cuda
