// Stands in for the Vulkan runner in a build that has no compiler for its shaders.
#include "workloads/trajectory/run/runners.hpp"

namespace weir::trajectory {

ChosenRunner make_vulkan_runner(const Device& device, bool) {
  throw Unsupported(device.facts().name +
                        ": this build has no Vulkan kernels for trajectories, as glslangValidator was not found "
                        "(Debian: glslang-tools)",
                    {.name = "vulkan"});
}

}  // namespace weir::trajectory
