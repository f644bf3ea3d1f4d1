// What the fake driver knows of a thread: its contexts and its capture mode.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <cuda.h>

namespace weir::fake_cuda {

class Fake;

inline std::uint64_t next_thread_number() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1);
}

struct ThreadState {
  std::array<CUcontext, 8> contexts = {};  // the last one current; nothing that a thread's end destroys
  std::size_t depth = 0;
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  std::uint64_t number = next_thread_number();
  bool in_callback = false;  // of the driver's: it may make no call
};

[[nodiscard]] ThreadState& this_thread();
/// The thread's context; null for none.
[[nodiscard]] inline CUcontext current_context() {
  const ThreadState& here = this_thread();
  return here.depth == 0 ? nullptr : here.contexts[here.depth - 1];
}
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
