// What runs the kernels of trajectories on a device: CUDA, Vulkan, or the host's loops with a team of threads. Called
// by runs, which tell by it in which numbers columns are.
#pragma once

#include <memory>
#include <string>

#include <weir/weir.hpp>

#include "compute/runner.hpp"
#include "compute/step.hpp"
#include "workloads/trajectory/device/thread.hpp"

namespace weir::trajectory {

using Runner = compute::Runner<Kernels>;

struct ChosenRunner {
  std::unique_ptr<Runner> runner;
  compute::Precision precision = compute::Precision::doubles;  ///< of all columns
};

/// `threads` and `kernels` are the host's: 0 is one thread a core, empty the best kernels. Throws Unsupported for a
/// device that there are no kernels for, NotFound for kernels that do not run here. With `floats` numbers have 32 bits
/// also where a Vulkan device has 64; other devices have none of those kernels, which is Unsupported.
[[nodiscard]] ChosenRunner make_runner(const Device& device, unsigned threads, const std::string& kernels, bool floats);

[[nodiscard]] ChosenRunner make_host_runner(const Device& device, unsigned threads, const std::string& kernels);
[[nodiscard]] ChosenRunner make_cuda_runner(const Device& device);
[[nodiscard]] ChosenRunner make_vulkan_runner(const Device& device, bool floats);

}  // namespace weir::trajectory
