// The words of the chunk's shaders, as the build made them of chunk.comp. Used by the Vulkan computer.
#pragma once

#include <cstdint>
#include <span>

#include "plan.hpp"

namespace weir::lidar::bodies {

[[nodiscard]] std::span<const std::uint32_t> shader(Body body, Precision precision) noexcept;

}  // namespace weir::lidar::bodies
