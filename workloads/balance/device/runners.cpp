#include "workloads/balance/device/runners.hpp"

#include "compute/host_runner.hpp"
#include "workloads/balance/device/device_runners.hpp"
#include "workloads/balance/host/levels.hpp"

namespace weir::balance {
namespace {

std::uint64_t work_of(const RobotStep& step) { return std::uint64_t{step.items} * 64; }
std::uint64_t work_of(const NetworkStep& step) {
  const nets::Parameters& told = step.parameters;
  switch (step.body) {
    case nets::Body::forward: return std::uint64_t{step.items} * told.inputs;
    case nets::Body::weigh: return std::uint64_t{step.items} * told.batch;
    case nets::Body::back: return std::uint64_t{step.items} * told.outputs;
    default: return step.items;
  }
}

template <class Kernels, class Run>
std::unique_ptr<compute::Runner<Kernels>> make(const Device& device, const HostChoice& host, Run Level::*run) {
  const BackendKind backend = device.facts().backend;
  if (backend != BackendKind::host && (!host.level.empty() || host.threads != 1)) {
    throw InvalidArgument(device.facts().name + ": kernels and threads are chosen on the host alone; leave them out",
                          {.name = "host"});
  }
  switch (backend) {
    case BackendKind::cuda: return make_cuda_runner<Kernels>(device);
    case BackendKind::vulkan: return make_vulkan_runner<Kernels>(device);
    case BackendKind::host: {
      const Level level = choose_level(host.level);
      using HostRunner = compute::HostRunner<Kernels>;
      const typename HostRunner::Work work = work_of;  // the one for these steps
      return std::make_unique<HostRunner>(device, std::string(level.name), level.*run, work, host.threads);
    }
    case BackendKind::dry: break;
  }
  throw Unsupported(device.facts().name + ": has addresses without memory, and computes nothing; choose another device",
                    {.name = "device"});
}

}  // namespace

std::unique_ptr<RobotRunner> make_robot_runner(const Device& device, const HostChoice& host) {
  return make<robots::Kernels>(device, host, &Level::run_robots);
}

std::unique_ptr<NetworkRunner> make_network_runner(const Device& device, const HostChoice& host) {
  return make<nets::Kernels>(device, host, &Level::run_network);
}

}  // namespace weir::balance
