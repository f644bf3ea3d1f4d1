#include "workloads/trajectory/run/runners.hpp"

namespace weir::trajectory {

ChosenRunner make_runner(const Device& device, unsigned threads, const std::string& kernels, bool floats) {
  const DeviceInfo info = device.facts();
  if (info.backend == BackendKind::vulkan) return make_vulkan_runner(device, floats);
  if (floats) {
    throw Unsupported(
        info.name + ": only Vulkan devices have kernels of 32 bits; leave that out, or take the device vulkan",
        {.name = "floats"});
  }
  if (info.backend == BackendKind::cuda) return make_cuda_runner(device);
  if (info.pointers) return make_host_runner(device, threads, kernels);
  throw Unsupported(info.name + ": a device of the backend \"" + std::string(weir::name(info.backend)) +
                        "\" has no kernels for trajectories",
                    {.name = "device"});
}

}  // namespace weir::trajectory
