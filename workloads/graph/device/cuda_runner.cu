// A CUDA device's runner: the bodies of forces/thread.hpp, one thread an item. Built without contraction, so that floats
// are the host's, bit for bit.
#include "compute/cuda_runner.cuh"
#include "workloads/graph/device/runners.hpp"

namespace weir::graph {

std::unique_ptr<Runner> make_cuda_runner(const Device& device) {
  return std::make_unique<compute::CudaRunner<forces::Kernels>>(device);
}

}  // namespace weir::graph
