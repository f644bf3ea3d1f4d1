// Robots and networks on Vulkan.
#include "compute/vulkan_runner.hpp"
#include "workloads/balance/device/device_runners.hpp"
#include "workloads/balance/network/thread.hpp"
#include "workloads/balance/robot/thread.hpp"

namespace weir::balance {
namespace {

namespace robot_words {
#include <balance_robot_shaders.inc>
constexpr compute::Shader all[] = {WEIR_BALANCE_ROBOT_KERNELS(WEIR_COMPUTE_SHADER)};
}  // namespace robot_words
namespace network_words {
#include <balance_network_shaders.inc>
constexpr compute::Shader all[] = {WEIR_BALANCE_NETWORK_KERNELS(WEIR_COMPUTE_SHADER)};
}  // namespace network_words

}  // namespace

template <>
std::unique_ptr<compute::Runner<robots::Kernels>> make_vulkan_runner(const Device& device) {
  return std::make_unique<compute::VulkanRunner<robots::Kernels>>(device, "robots", robot_words::all);
}
template <>
std::unique_ptr<compute::Runner<nets::Kernels>> make_vulkan_runner(const Device& device) {
  return std::make_unique<compute::VulkanRunner<nets::Kernels>>(device, "networks", network_words::all);
}

}  // namespace weir::balance
