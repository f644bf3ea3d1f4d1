// Stands in for the Vulkan computer in a build that has no compiler for its shaders.
#include "workloads/lidar/run/chunk_computer.hpp"

namespace weir::lidar {

std::unique_ptr<ChunkComputer> make_vulkan_computer(MemoryManager& memory, const ComputeSettings&) {
  throw Unsupported(memory.device().facts().name +
                        ": this build has no Vulkan kernels for point clouds, because glslangValidator was not found "
                        "(Debian: glslang-tools)",
                    {.name = "vulkan"});
}

}  // namespace weir::lidar
