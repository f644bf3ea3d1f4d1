// The kernels of trajectories on Vulkan: the bodies beside this file, one invocation a path. Compiled once for each
// entry of kernels.hpp, by its name in WEIR_COMPUTE_ENTRY, and with WEIR_COMPUTE_DOUBLES in 64 bits.
#version 450
#extension GL_GOOGLE_include_directive : require

#define WEIR_COMPUTE_GLSL
#include "workloads/trajectory/device/formulas.hpp"
#include "workloads/trajectory/device/parameters.hpp"

#define WEIR_COMPUTE_PARAMETERS WEIR_TRAJECTORY_PARAMETERS
#include "compute/parameters.glsl"

layout(set = 0, binding = 0, std430) buffer Launches { real launches[]; };
layout(set = 0, binding = 1, std430) buffer Paths { real paths[]; };

#include "workloads/trajectory/device/bodies.hpp"

#include "compute/main.glsl"
