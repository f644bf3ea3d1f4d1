// In place of cuda_runner.cu in a build without CUDA kernels.
#include "workloads/graph/device/runners.hpp"

namespace weir::graph {

std::unique_ptr<Runner> make_cuda_runner(const Device& device) {
  throw Unsupported(
      device.facts().name + ": this build has no CUDA kernels for layouts, as nvcc was not found beside GCC",
      {.name = "cuda"});
}

}  // namespace weir::graph
