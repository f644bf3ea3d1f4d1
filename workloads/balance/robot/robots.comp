// The kernels of robots on Vulkan: the bodies beside this file, one invocation a robot. Compiled once for each entry of
// kernels.hpp, by its name in WEIR_COMPUTE_ENTRY.
#version 450
#extension GL_GOOGLE_include_directive : require

#define WEIR_COMPUTE_GLSL
#include "workloads/balance/robot/formulas.hpp"
#include "workloads/balance/robot/parameters.hpp"

#define WEIR_COMPUTE_PARAMETERS WEIR_BALANCE_ROBOT_PARAMETERS
#include "compute/parameters.glsl"

layout(set = 0, binding = 0, std430) buffer Motions { float motion[]; };
layout(set = 0, binding = 1, std430) buffer Tallies { uint tallies[]; };
layout(set = 0, binding = 2, std430) buffer Values { float values[]; };
layout(set = 0, binding = 3, std430) buffer Actions { uint actions[]; };
layout(set = 0, binding = 4, std430) buffer Rewards { float rewards[]; };
layout(set = 0, binding = 5, std430) buffer Dones { uint dones[]; };

#include "workloads/balance/robot/bodies.hpp"

#include "compute/main.glsl"
