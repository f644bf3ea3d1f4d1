// What computes robots and networks on a device: the host's own loops, Vulkan's shaders or CUDA's kernels. Used by
// everything that trains, runs or measures.
#pragma once

#include <memory>
#include <string>

#include "compute/runner.hpp"
#include "workloads/balance/network/thread.hpp"
#include "workloads/balance/robot/thread.hpp"

namespace weir::balance {

using RobotRunner = compute::Runner<robots::Kernels>;
using NetworkRunner = compute::Runner<nets::Kernels>;

/// How the host computes; other devices have no choice and refuse one.
struct HostChoice {
  std::string level = {};  ///< "x86-64", "x86-64-v3", "x86-64-v4"; empty: the best that runs here
  unsigned threads = 1;
};

/// Throws Unsupported for a device that no kernels are built for (the dry device), NotFound for an unknown level,
/// InvalidArgument for a choice on another device than the host.
[[nodiscard]] std::unique_ptr<RobotRunner> make_robot_runner(const Device& device, const HostChoice& host = {});
[[nodiscard]] std::unique_ptr<NetworkRunner> make_network_runner(const Device& device, const HostChoice& host = {});

}  // namespace weir::balance
