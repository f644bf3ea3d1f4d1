// Plans on a CUDA device: a launch a step, in the order of the stream. Included by workloads' .cu files.
#pragma once

#include <weir/cuda.hpp>

#include "compute/cuda_program.cuh"
#include "compute/runner.hpp"

namespace weir::compute {

template <class Kernels>
class CudaRunner final : public Runner<Kernels> {
 public:
  explicit CudaRunner(const Device& device) : device_(device), index_(cuda::take_device(device_)) {}

  [[nodiscard]] std::string name() const override { return "cuda"; }
  void queue(std::span<const typename Runner<Kernels>::PlanStep> steps, Bindings memory, StreamId stream) override {
    cuda::require(cudaSetDevice(index_), "cudaSetDevice");
    const cudaStream_t native = weir::cuda::native(device_, stream);
    for (const auto& step : steps) {
      const typename Kernels::Buffers buffers = buffers_at<Kernels>(memory, step.memory);
      with_body(step.body, [&](auto body) { cuda::launch<Kernels, decltype(body)::value>(step, buffers, native); });
    }
  }

 private:
  Device device_;
  int index_;
};

}  // namespace weir::compute
