// A Vulkan device's runner: the shaders of forces/forces.comp.
#include "compute/vulkan_runner.hpp"
#include "workloads/graph/device/runners.hpp"

namespace weir::graph {
namespace {

#include <graph_shaders.inc>

constexpr compute::Shader shaders[] = {WEIR_GRAPH_KERNELS(WEIR_COMPUTE_SHADER)};

}  // namespace

std::unique_ptr<Runner> make_vulkan_runner(const Device& device) {
  return std::make_unique<compute::VulkanRunner<forces::Kernels>>(device, "layouts", shaders);
}

}  // namespace weir::graph
