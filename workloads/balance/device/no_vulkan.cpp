// In place of vulkan_runners.cpp in a build without Vulkan kernels.
#include "workloads/balance/device/device_runners.hpp"
#include "workloads/balance/network/thread.hpp"
#include "workloads/balance/robot/thread.hpp"

namespace weir::balance {
namespace {

[[noreturn]] void refuse_vulkan() {
  throw Unsupported("this build has no Vulkan kernels: glslangValidator or Vulkan's headers were not found",
                    {.name = "vulkan"});
}

}  // namespace

template <>
std::unique_ptr<compute::Runner<robots::Kernels>> make_vulkan_runner(const Device&) {
  refuse_vulkan();
}
template <>
std::unique_ptr<compute::Runner<nets::Kernels>> make_vulkan_runner(const Device&) {
  refuse_vulkan();
}

}  // namespace weir::balance
