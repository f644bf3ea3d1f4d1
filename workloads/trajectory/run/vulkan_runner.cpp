// A Vulkan device's runner: the shaders of device/chunk.comp, with real numbers of 64 bits where the device has them,
// else of 32.
#include "compute/vulkan_runner.hpp"
#include "workloads/trajectory/run/runners.hpp"

namespace weir::trajectory {
namespace {

#include <trajectory_shaders.inc>

constexpr compute::Shader shaders[] = {WEIR_TRAJECTORY_KERNELS(WEIR_COMPUTE_SHADER)};

}  // namespace

ChosenRunner make_vulkan_runner(const Device& device, bool floats) {
  const auto precision =
      vulkan::handles(device).doubles && !floats ? compute::Precision::doubles : compute::Precision::floats;
  return {std::make_unique<compute::VulkanRunner<Kernels>>(device, "trajectories", shaders, precision), precision};
}

}  // namespace weir::trajectory
