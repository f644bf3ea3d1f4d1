// In place of vulkan_runner.cpp in a build without compiler for shaders.
#include "workloads/graph/device/runners.hpp"

namespace weir::graph {

std::unique_ptr<Runner> make_vulkan_runner(const Device& device) {
  throw Unsupported(device.facts().name +
                        ": this build has no Vulkan kernels for layouts, as glslangValidator was not found (Debian: "
                        "glslang-tools)",
                    {.name = "vulkan"});
}

}  // namespace weir::graph
