// A CUDA device's runner: the bodies of device/thread.hpp, one thread a path. Built without contraction, so that real
// numbers are the host's, bit for bit.
#include "compute/cuda_runner.cuh"
#include "workloads/trajectory/run/runners.hpp"

namespace weir::trajectory {

ChosenRunner make_cuda_runner(const Device& device) {
  return {std::make_unique<compute::CudaRunner<Kernels>>(device), compute::Precision::doubles};
}

}  // namespace weir::trajectory
