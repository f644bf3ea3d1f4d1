// The kernels of a network on Vulkan: the bodies beside this file, one invocation an item. Compiled once for each entry
// of kernels.hpp, by its name in WEIR_COMPUTE_ENTRY.
#version 450
#extension GL_GOOGLE_include_directive : require

#define WEIR_COMPUTE_GLSL
#include "compute/language.hpp"
#include "workloads/balance/network/parameters.hpp"

#define WEIR_COMPUTE_PARAMETERS WEIR_BALANCE_NETWORK_PARAMETERS
#include "compute/parameters.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Replay { float replay[]; };
layout(set = 0, binding = 1, std430) readonly buffer Indices { uint indices[]; };
layout(set = 0, binding = 2, std430) buffer Weights { float parameters[]; };
layout(set = 0, binding = 3, std430) buffer Gradients { float gradients[]; };
layout(set = 0, binding = 4, std430) buffer Moments { float moments[]; };
layout(set = 0, binding = 5, std430) buffer Values { float values[]; };
layout(set = 0, binding = 6, std430) buffer Errors { float errors[]; };
layout(set = 0, binding = 7, std430) buffer Facts { float facts[]; };

#include "workloads/balance/network/bodies.hpp"

#include "compute/main.glsl"
