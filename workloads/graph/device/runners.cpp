#include "workloads/graph/device/runners.hpp"

namespace weir::graph {

std::unique_ptr<Runner> make_runner(const Device& device, unsigned threads, const std::string& kernels) {
  const DeviceInfo info = device.facts();
  switch (info.backend) {
    case BackendKind::vulkan: return make_vulkan_runner(device);
    case BackendKind::cuda: return make_cuda_runner(device);
    case BackendKind::host: return make_host_runner(device, threads, kernels);
    case BackendKind::dry: break;
  }
  throw Unsupported(info.name + ": has addresses without memory, and lays out nothing; choose another device",
                    {.name = "device"});
}

}  // namespace weir::graph
