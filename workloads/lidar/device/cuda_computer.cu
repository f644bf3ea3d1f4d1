// A CUDA device as a computer of chunks: the bodies of thread.hpp, one thread an item, a kernel a step, in the order of
// the stream and on the scopes' memory. Built without contraction, so that real numbers are the host's, bit for bit.
#include <array>
#include <string>

#include <cuda_runtime_api.h>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

#include "body_computer.hpp"
#include "thread.hpp"

namespace weir::lidar {
namespace {

using namespace bodies;

constexpr unsigned block_threads = 128;

template <Body body, uint Most>
__global__ void __launch_bounds__(block_threads) run_all(Buffers buffers, Parameters parameters, uint items) {
  const uint item = blockIdx.x * block_threads + threadIdx.x;
  if (item < items) run_item<body, Most>(buffers, parameters, item);
}

void require(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  throw DriverError(std::string("CUDA: ") + call + ": " + cudaGetErrorString(code),
                    {.name = call, .native_code = static_cast<int>(code)});
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
  /// Once what lies between is done.
  [[nodiscard]] double seconds() const {
    float milliseconds = 0;
    require(cudaEventSynchronize(end_), "cudaEventSynchronize");
    require(cudaEventElapsedTime(&milliseconds, start_, end_), "cudaEventElapsedTime");
    return static_cast<double>(milliseconds) / 1000;
  }

 private:
  cudaEvent_t start_ = nullptr, end_ = nullptr;
};

/// The runtime's device of the calling thread is the backend's.
int take_device(const Device& device) {
  const int index = static_cast<int>(device.info().index);
  require(cudaSetDevice(index), "cudaSetDevice");
  return index;
}

class CudaComputer final : public BodyComputer {
 public:
  CudaComputer(MemoryManager& memory, const ComputeSettings& settings)
      : BodyComputer(memory, settings), device_(memory.device()), index_(take_device(device_)) {}

  [[nodiscard]] std::string name() const override { return "cuda-float64"; }
  [[nodiscard]] std::size_t max_queries() const override {
    return bodies::max_queries(settings().features, UINT64_MAX);
  }

  void queue(std::size_t slot, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) override {
    require(cudaSetDevice(index_), "cudaSetDevice");
    const uint* const columns = begin(slot, job, memory.output, stream);
    const Buffers buffers = buffers_of(settings().features, memory, columns, stream);
    const cudaStream_t native = cuda::native(device_, stream);
    clocks_.at(slot).start(native);
    for (const Step& step : plan(settings(), job, Precision::doubles)) {
      with_body(step.body, [&](auto body) {
        const unsigned blocks = (step.items + block_threads - 1) / block_threads;
        constexpr Body which = decltype(body)::value;
        constexpr bool has_heap = which == Body::find_features;
        constexpr uint least = has_heap ? few : 1, most = has_heap ? max_neighbours : 1;
        const auto run = settings().search.k > few ? run_all<which, most> : run_all<which, least>;
        run<<<blocks, block_threads, 0, native>>>(buffers, step.parameters, step.items);
      });
      require(cudaGetLastError(), "a kernel's launch");
    }
    clocks_.at(slot).stop(native);
  }

  [[nodiscard]] Computed finish(std::size_t slot, const PoolingScope& output,
                                std::span<const std::byte> bytes) override {
    require(cudaSetDevice(index_), "cudaSetDevice");
    return {.result = result(slot, output, bytes), .seconds = clocks_.at(slot).seconds()};
  }

 private:
  static constexpr uint few = 32;  // a heap of so many takes less memory of each thread

  Device device_;
  int index_;
  std::array<Clock, slots> clocks_;
};

}  // namespace

std::unique_ptr<ChunkComputer> make_cuda_computer(MemoryManager& memory, const ComputeSettings& settings) {
  return std::make_unique<CudaComputer>(memory, settings);
}

}  // namespace weir::lidar
