// Stands in for the CUDA computer in a build without nvcc.
#include "workloads/lidar/run/chunk_computer.hpp"

namespace weir::lidar {

std::unique_ptr<ChunkComputer> make_cuda_computer(MemoryManager& memory, const ComputeSettings&) {
  throw Unsupported(memory.device().facts().name +
                        ": this build has no CUDA kernels for point clouds, because nvcc was not found with GCC",
                    {.name = "cuda"});
}

}  // namespace weir::lidar
