// The part of the CUDA driver that weir calls, as a table of its functions, found
// at run time: a program built with this backend starts on machines without a
// driver. Tests put a recording driver of their own into the table.
#pragma once

#include <cuda.h>

#include <cstddef>
#include <optional>
#include <string>

namespace weir::backend::cuda {

// Name here, and the driver's. The types are those of cuda.h; its macros name the versions that go with them.
// None of these changed between CUDA 12.0, whose versions are asked for, and 13, but for cuStreamGetCaptureInfo.
#define WEIR_CUDA_CALLS(CALL)                                    \
  CALL(init, cuInit)                                             \
  CALL(driver_version, cuDriverGetVersion)                       \
  CALL(error_name, cuGetErrorName)                               \
  CALL(device_count, cuDeviceGetCount)                           \
  CALL(device_get, cuDeviceGet)                                  \
  CALL(device_name, cuDeviceGetName)                             \
  CALL(device_memory, cuDeviceTotalMem)                          \
  CALL(device_attribute, cuDeviceGetAttribute)                   \
  CALL(context_retain, cuDevicePrimaryCtxRetain)                 \
  CALL(context_release, cuDevicePrimaryCtxRelease)               \
  CALL(peer_reaches, cuDeviceCanAccessPeer)                      \
  CALL(context_current, cuCtxGetCurrent)                         \
  CALL(context_push, cuCtxPushCurrent)                           \
  CALL(context_pop, cuCtxPopCurrent)                             \
  CALL(exchange_capture_mode, cuThreadExchangeStreamCaptureMode) \
  CALL(memory_info, cuMemGetInfo)                                \
  CALL(granularity, cuMemGetAllocationGranularity)               \
  CALL(reserve, cuMemAddressReserve)                             \
  CALL(unreserve, cuMemAddressFree)                              \
  CALL(create, cuMemCreate)                                      \
  CALL(release, cuMemRelease)                                    \
  CALL(map, cuMemMap)                                            \
  CALL(unmap, cuMemUnmap)                                        \
  CALL(set_access, cuMemSetAccess)                               \
  CALL(allocate, cuMemAlloc)                                     \
  CALL(free, cuMemFree)                                          \
  CALL(allocate_host, cuMemHostAlloc)                            \
  CALL(free_host, cuMemFreeHost)                                 \
  CALL(stream_create, cuStreamCreate)                            \
  CALL(stream_destroy, cuStreamDestroy)                          \
  CALL(stream_synchronize, cuStreamSynchronize)                  \
  CALL(stream_wait, cuStreamWaitEvent)                           \
  CALL(stream_capturing, cuStreamIsCapturing)                    \
  CALL(stream_context, cuStreamGetCtx)                           \
  CALL(event_create, cuEventCreate)                              \
  CALL(event_destroy, cuEventDestroy)                            \
  CALL(event_record, cuEventRecord)                              \
  CALL(event_query, cuEventQuery)                                \
  CALL(launch_host, cuLaunchHostFunc)                            \
  CALL(fill, cuMemsetD8Async)                                    \
  CALL(upload, cuMemcpyHtoDAsync)                                \
  CALL(download, cuMemcpyDtoHAsync)                              \
  CALL(copy, cuMemcpyDtoDAsync)                                  \
  CALL(copy_peer, cuMemcpyPeerAsync)                             \
  CALL(object_create, cuUserObjectCreate)                        \
  CALL(object_release, cuUserObjectRelease)                      \
  CALL(graph_retain_object, cuGraphRetainUserObject)             \
  CALL(stream_capture_info, cuStreamGetCaptureInfo)

/// Of a function of the driver, by the name that macros of cuda.h may have made of its own.
template <class Declared>
struct TypeOf {
  using Type = Declared;
};
/// As CUDA 12.0 has it, whatever the headers declare.
using CaptureInfo = CUresult(CUDAAPI*)(CUstream, CUstreamCaptureStatus*, cuuint64_t*, CUgraph*, const CUgraphNode**,
                                       std::size_t*);
template <class EdgeData>
struct TypeOf<CUresult(CUDAAPI*)(CUstream, CUstreamCaptureStatus*, cuuint64_t*, CUgraph*, const CUgraphNode**,
                                 const EdgeData**, std::size_t*)> {
  using Type = CaptureInfo;
};

struct Driver {
#define WEIR_CUDA_MEMBER(member, name) \
  TypeOf<decltype(&::name)>::Type member = nullptr;  // NOLINT(bugprone-macro-parentheses)
  WEIR_CUDA_CALLS(WEIR_CUDA_MEMBER)
#undef WEIR_CUDA_MEMBER
};

/// What came of looking for the driver.
struct Found {
  const Driver* driver = nullptr;  ///< usable; never freed
  int devices = 0;
  std::string why_none = {};  ///< one line, where there is no driver or no device
};

/// Looks for the system's driver, once in a process; later calls give what that gave. Thread-safe.
[[nodiscard]] const Found& system_driver();

/// What a table comes to: initialized, new enough, and its devices counted.
[[nodiscard]] Found examine(const Driver& driver);

/// "cuMemMap", "CUDA_ERROR_OUT_OF_MEMORY": the code's own name, or its number where the driver knows none.
[[nodiscard]] std::string name_of(const Driver& driver, CUresult code);

/// Whether the program is past main(): from then on the driver may be gone, and is not called.
[[nodiscard]] bool exiting() noexcept;

}  // namespace weir::backend::cuda
