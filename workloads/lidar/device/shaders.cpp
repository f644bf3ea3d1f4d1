#include "workloads/lidar/device/shaders.hpp"

#include "workloads/lidar/device/kernels.hpp"

namespace weir::lidar::bodies {
namespace {

#include <lidar_shaders.inc>

constexpr compute::Shader all[] = {WEIR_LIDAR_KERNELS(WEIR_COMPUTE_SHADER)};

}  // namespace

std::span<const compute::Shader> shaders() noexcept { return all; }

}  // namespace weir::lidar::bodies
