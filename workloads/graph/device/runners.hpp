// What computes layouts on a device: the host's own loops, Vulkan's shaders or CUDA's kernels. Used by everything that
// lays graphs out or measures.
#pragma once

#include <memory>
#include <string>

#include "compute/runner.hpp"
#include "workloads/graph/forces/plan.hpp"

namespace weir::graph {

using Runner = compute::Runner<forces::Kernels>;

/// `threads` and `kernels` are the host's: 0 is one thread a core, empty the best kernels; other devices leave them be.
/// On the host a plan runs as a host function of the stream. Throws Unsupported for a device that there are no kernels
/// for, NotFound for kernels that do not run here.
[[nodiscard]] std::unique_ptr<Runner> make_runner(const Device& device, unsigned threads, const std::string& kernels);

// The runners of one kind of device; where the build lacks its kernels, they throw Unsupported.
[[nodiscard]] std::unique_ptr<Runner> make_host_runner(const Device& device, unsigned threads,
                                                       const std::string& kernels);
[[nodiscard]] std::unique_ptr<Runner> make_cuda_runner(const Device& device);
[[nodiscard]] std::unique_ptr<Runner> make_vulkan_runner(const Device& device);

}  // namespace weir::graph
