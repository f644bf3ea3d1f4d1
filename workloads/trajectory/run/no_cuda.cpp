// Stands in for the CUDA runner in a build without nvcc.
#include "workloads/trajectory/run/runners.hpp"

namespace weir::trajectory {

ChosenRunner make_cuda_runner(const Device& device) {
  throw Unsupported(
      device.facts().name + ": this build has no CUDA kernels for trajectories, as nvcc was not found beside GCC",
      {.name = "cuda"});
}

}  // namespace weir::trajectory
