// The CUDA side of a workload's kernels: launches, one thread an item, and a clock on a stream. `Kernels` is a struct
// of the workload with the types Buffers and Parameters, both copied to the device with each launch, and with
//   template <Body body> static WEIR_COMPUTE_BODY void run(const Buffers&, const Parameters&, uint item);
// Built without contraction, so that real numbers are the host's, bit for bit. Included by workloads' .cu files.
#pragma once

#include <cstdint>
#include <string>

#include <cuda_runtime_api.h>

#include <weir/weir.hpp>

#include "compute/language.hpp"
#include "compute/local_memory.hpp"

namespace weir::compute::cuda {

inline constexpr unsigned block_threads = 128;

template <class Kernels, auto body>
__global__ void __launch_bounds__(block_threads)
    run_all(typename Kernels::Buffers buffers, typename Kernels::Parameters parameters, language::uint items) {
  const language::uint item = blockIdx.x * block_threads + threadIdx.x;
  if (item < items) Kernels::template run<body>(buffers, parameters, item);
}

/// Whether every later call gives that code, too: the device's memory and work are gone.
inline bool is_loss(cudaError_t code) noexcept {
  switch (code) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure: return true;
    default: return false;
  }
}

/// Throws DeviceLost or DriverError for a call that failed.
inline void require(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  const std::string text = std::string("CUDA: ") + call + ": " + cudaGetErrorString(code);
  const ErrorFacts facts{.name = call, .native_code = static_cast<int>(code)};
  if (is_loss(code)) throw DeviceLost(text, facts);
  throw DriverError(text, facts);
}

/// Makes the runtime's device of the calling thread the backend's, and gives its index.
inline int take_device(const Device& device) {
  const int index = static_cast<int>(device.info().index);
  require(cudaSetDevice(index), "cudaSetDevice");
  return index;
}

/// Queues one step, whose body is `body`.
template <class Kernels, auto body, class Step>
void launch(const Step& step, const typename Kernels::Buffers& buffers, cudaStream_t stream) {
  const unsigned blocks = (step.items + block_threads - 1) / block_threads;
  run_all<Kernels, body><<<blocks, block_threads, 0, stream>>>(buffers, step.parameters, step.items);
  require(cudaGetLastError(), "a kernel's launch");
}

/// Bytes of local memory that each thread of the step whose body is `body` needs.
template <class Kernels, auto body>
[[nodiscard]] std::uint64_t local_bytes() {
  cudaFuncAttributes attributes{};
  require(cudaFuncGetAttributes(&attributes, run_all<Kernels, body>), "cudaFuncGetAttributes");
  return attributes.localSizeBytes;
}

/// What the driver of the calling thread's device reserves, outside every pool, for kernels with so much a thread.
inline std::uint64_t reserved_for_local(std::uint64_t bytes, int index) {
  int multiprocessors = 0, threads = 0;
  require(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, index), "cudaDeviceGetAttribute");
  require(cudaDeviceGetAttribute(&threads, cudaDevAttrMaxThreadsPerMultiProcessor, index), "cudaDeviceGetAttribute");
  return local_memory_reserved(bytes, static_cast<std::uint64_t>(multiprocessors), static_cast<std::uint64_t>(threads));
}

/// Two time stamps on a stream.
class Clock {
 public:
  Clock() {
    require(cudaEventCreate(&start_), "cudaEventCreate");
    if (const cudaError_t code = cudaEventCreate(&end_); code != cudaSuccess) {
      cudaEventDestroy(start_);
      require(code, "cudaEventCreate");
    }
  }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  ~Clock() {
    cudaEventDestroy(start_);
    cudaEventDestroy(end_);
  }
  void start(cudaStream_t stream) { require(cudaEventRecord(start_, stream), "cudaEventRecord"); }
  void stop(cudaStream_t stream) { require(cudaEventRecord(end_, stream), "cudaEventRecord"); }
  /// Waits for what lies between, and gives how long it took.
  [[nodiscard]] double seconds() const {
    float milliseconds = 0;
    require(cudaEventSynchronize(end_), "cudaEventSynchronize");
    require(cudaEventElapsedTime(&milliseconds, start_, end_), "cudaEventElapsedTime");
    return static_cast<double>(milliseconds) / 1000;
  }

 private:
  cudaEvent_t start_ = nullptr, end_ = nullptr;
};

}  // namespace weir::compute::cuda
