// A CUDA device as a computer of chunks: the bodies of thread.hpp, one thread an item, a kernel a step, in the order of
// the stream and on the scopes' memory. Built without contraction, so that real numbers are the host's, bit for bit.
#include <algorithm>
#include <array>
#include <string>

#include <cuda_runtime_api.h>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

#include "compute/cuda_program.cuh"
#include "workloads/lidar/device/body_computer.hpp"
#include "workloads/lidar/device/thread.hpp"

namespace weir::lidar {
namespace {

using namespace bodies;
using compute::cuda::require;

class CudaComputer final : public BodyComputer {
 public:
  CudaComputer(MemoryManager& memory, const ComputeSettings& settings)
      : BodyComputer(memory, settings),
        device_(memory.device()),
        index_(compute::cuda::take_device(device_)),
        local_(memory.book_external(compute::cuda::reserved_for_local(local_bytes(), index_))) {}

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
        constexpr Body which = decltype(body)::value;
        if (settings().search.k > few) {
          compute::cuda::launch<KernelsFor<which, max_neighbours>, which>(step, buffers, native);
        } else {
          compute::cuda::launch<KernelsFor<which, few>, which>(step, buffers, native);
        }
      });
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
  /// With a heap of `most`, where the body has one.
  template <Body body, uint most>
  using KernelsFor = Kernels<body == Body::find_features ? most : 1>;

  /// A thread's, of whichever kernel needs most.
  [[nodiscard]] std::uint64_t local_bytes() const {
    std::uint64_t largest = 0;
    for (std::size_t i = 0; i < body_count; ++i) {
      with_body(static_cast<Body>(i), [&](auto body) {
        constexpr Body which = decltype(body)::value;
        const std::uint64_t bytes = settings().search.k > few
                                        ? compute::cuda::local_bytes<KernelsFor<which, max_neighbours>, which>()
                                        : compute::cuda::local_bytes<KernelsFor<which, few>, which>();
        largest = std::max(largest, bytes);
      });
    }
    return largest;
  }

  Device device_;
  int index_;
  ExternalBytes local_;  // which the driver reserves beside the pool when such a kernel first runs
  std::array<compute::cuda::Clock, slots> clocks_;
};

}  // namespace

std::unique_ptr<ChunkComputer> make_cuda_computer(MemoryManager& memory, const ComputeSettings& settings) {
  return std::make_unique<CudaComputer>(memory, settings);
}

}  // namespace weir::lidar
