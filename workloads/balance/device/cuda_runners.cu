// Robots and networks on CUDA. Built without contraction, so that floats are the host's, bit for bit.
#include "compute/cuda_runner.cuh"
#include "workloads/balance/network/thread.hpp"
#include "workloads/balance/robot/thread.hpp"
#include "workloads/balance/device/device_runners.hpp"

namespace weir::balance {

template <>
std::unique_ptr<compute::Runner<robots::Kernels>> make_cuda_runner(const Device& device) {
  return std::make_unique<compute::CudaRunner<robots::Kernels>>(device);
}
template <>
std::unique_ptr<compute::Runner<nets::Kernels>> make_cuda_runner(const Device& device) {
  return std::make_unique<compute::CudaRunner<nets::Kernels>>(device);
}

}  // namespace weir::balance
