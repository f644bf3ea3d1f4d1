// CUDA's own types on weir's devices, without CUDA's headers: streams to launch
// kernels on, streams of the program's or another library's for weir to follow, and
// the captures of streams into graphs. Device pointers need nothing: what
// Pool::allocate and access() give on a CUDA device is one. Every function throws
// Unsupported for a device of another backend.
//
// What other libraries may do with the memory. Kernels of this device use any block. Those
// of other GPUs use what is in pages where the device was opened with DeviceRequest::peers.
// Network cards reach pages where the driver supports that (GPUDirect RDMA), and plain
// blocks as all memory of cuMemAlloc. Pages may be remapped once a block is freed, and the
// driver's own sharing between processes does not take them: register with other libraries,
// and export to other processes, plain blocks alone, which cuMemAlloc gave and which stay
// where they are. weir itself exports nothing.
#pragma once

#include <cstdint>
#include <string>

#include <weir/device.hpp>
#include <weir/errors.hpp>

// As cuda.h and the runtime declare it: CUstream and cudaStream_t are both pointers to this.
struct CUstream_st;

namespace weir::cuda {

/// CUstream, cudaStream_t.
using NativeStream = CUstream_st*;

namespace detail {
inline void require(const Device& device) {
  if (const DeviceInfo& info = device.facts(); info.backend != BackendKind::cuda) {
    throw Unsupported(info.name + " is no CUDA device: its backend is " + std::string(name(info.backend)) +
                          "; open one with DeviceRequest{.backend = \"cuda\"}",
                      {.name = "device"});
  }
}
}  // namespace detail

/// The stream to launch kernels on, in the order of `stream`. Valid as long as that is. Throws InvalidArgument.
[[nodiscard]] inline NativeStream native(const Device& device, StreamId stream) {
  detail::require(device);
  return reinterpret_cast<NativeStream>(device.native_stream(stream));  // NOLINT(performance-no-int-to-ptr)
}

/// A stream that the program or another library made, of the device's primary context (the runtime's). It must outlive
/// the result and its copies; the last of them retires it from every pool, and leaves it to its owner. 0 and
/// cudaStreamLegacy are the legacy default stream, cudaStreamPerThread is the calling thread's. A stream is adopted
/// once at a time. Throws InvalidArgument.
[[nodiscard]] inline Stream adopt(Device& device, NativeStream stream) {
  detail::require(device);
  return device.adopt_stream(reinterpret_cast<std::uint64_t>(stream));
}

/// For the time that `stream` is captured into a graph: allocate and free by the result, launch on native() of it. What
/// the capture used serves nothing else, and is not remapped, until the last copy of the result is gone: keep one until
/// the graph, its executables and their launches are. Throws InvalidArgument for the legacy default stream.
[[nodiscard]] inline Stream begin_capture(Device& device, StreamId stream) {
  detail::require(device);
  return device.begin_capture(stream);
}

}  // namespace weir::cuda
