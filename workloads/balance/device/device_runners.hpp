// The runners of devices whose kernels the build may lack: where it does, they throw Unsupported. Used by runners.cpp.
#pragma once

#include <memory>

#include "compute/runner.hpp"

namespace weir::balance {

template <class Kernels>
[[nodiscard]] std::unique_ptr<compute::Runner<Kernels>> make_cuda_runner(const Device& device);
template <class Kernels>
[[nodiscard]] std::unique_ptr<compute::Runner<Kernels>> make_vulkan_runner(const Device& device);

}  // namespace weir::balance
