// The words of the chunk's shaders, as the build made them of chunk.comp. Used by the Vulkan computer.
#pragma once

#include <span>

#include "compute/shaders.hpp"

namespace weir::lidar::bodies {

/// By Body.
[[nodiscard]] std::span<const compute::Shader> shaders() noexcept;

}  // namespace weir::lidar::bodies
