// In place of cuda_runners.cu in a build without CUDA kernels.
#include "workloads/balance/device/device_runners.hpp"
#include "workloads/balance/network/thread.hpp"
#include "workloads/balance/robot/thread.hpp"

namespace weir::balance {
namespace {

[[noreturn]] void refuse_cuda() {
  throw Unsupported("this build has no CUDA kernels: nvcc was not found", {.name = "cuda"});
}

}  // namespace

template <>
std::unique_ptr<compute::Runner<robots::Kernels>> make_cuda_runner(const Device&) {
  refuse_cuda();
}
template <>
std::unique_ptr<compute::Runner<nets::Kernels>> make_cuda_runner(const Device&) {
  refuse_cuda();
}

}  // namespace weir::balance
