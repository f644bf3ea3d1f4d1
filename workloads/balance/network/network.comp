// The kernels of a network on Vulkan: the bodies beside this file, one invocation an item. Compiled once for each entry
// of kernels.hpp, by its name in WEIR_COMPUTE_ENTRY.
#version 450
#extension GL_GOOGLE_include_directive : require

#define WEIR_COMPUTE_GLSL
#include "compute/language.hpp"
#include "workloads/balance/network/parameters.hpp"

#define WEIR_COMPUTE_PARAMETERS WEIR_BALANCE_NETWORK_PARAMETERS
#include "compute/parameters.glsl"

layout(set = 0, binding = 0, std430) buffer Weights { float weights[]; };
layout(set = 0, binding = 1, std430) buffer Biases { float biases[]; };
layout(set = 0, binding = 2, std430) buffer Before { float before[]; };
layout(set = 0, binding = 3, std430) buffer After { float after[]; };
layout(set = 0, binding = 4, std430) readonly buffer TargetValues { float target_values[]; };
layout(set = 0, binding = 5, std430) readonly buffer Replay { float replay[]; };
layout(set = 0, binding = 6, std430) readonly buffer Indices { uint indices[]; };
layout(set = 0, binding = 7, std430) buffer Actions { uint actions[]; };
layout(set = 0, binding = 8, std430) buffer Rewards { float rewards[]; };
layout(set = 0, binding = 9, std430) buffer Dones { uint dones[]; };
layout(set = 0, binding = 10, std430) buffer Aims { float aims[]; };
layout(set = 0, binding = 11, std430) buffer TdErrors { float td_errors[]; };
layout(set = 0, binding = 12, std430) buffer Errors { float errors[]; };
layout(set = 0, binding = 13, std430) buffer Gradients { float gradients[]; };
layout(set = 0, binding = 14, std430) buffer Moments { float moments[]; };

#include "workloads/balance/network/bodies.hpp"

#include "compute/main.glsl"
