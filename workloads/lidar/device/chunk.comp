// The kernels of a chunk on Vulkan: the bodies beside this file, one invocation an item. Compiled once for each entry of
// kernels.hpp, by its name in WEIR_COMPUTE_ENTRY, and those with real numbers twice, with and without
// WEIR_COMPUTE_DOUBLES.
// Needs no integer past 32 bits and groups of 64 at most.
#version 450
#extension GL_GOOGLE_include_directive : require

#define WEIR_COMPUTE_GLSL
#include "workloads/lidar/device/state.hpp"
#include "workloads/lidar/features/formulas.hpp"

#define WEIR_COMPUTE_PARAMETERS WEIR_LIDAR_PARAMETERS
#include "compute/parameters.glsl"

#if defined(WEIR_COMPUTE_PORTABLE)
const uint max_best = 128;
#else
layout(constant_id = 0) const uint max_best = 128;
#endif

layout(set = 0, binding = 0, std430) readonly buffer Points { ivec4 points[]; };
layout(set = 0, binding = 1, std430) readonly buffer Colours { uint colours[]; };
layout(set = 0, binding = 2, std430) readonly buffer Classes { uint classes[]; };
layout(set = 0, binding = 3, std430) buffer Codes { uint codes[]; };
layout(set = 0, binding = 4, std430) buffer Order { uint order[]; };
layout(set = 0, binding = 5, std430) buffer Counters { uint counters[]; };
layout(set = 0, binding = 6, std430) buffer Sorted { ivec4 sorted[]; };
layout(set = 0, binding = 7, std430) buffer Boxes { ivec4 boxes[]; };
layout(set = 0, binding = 8, std430) buffer Results { uint results[]; };
layout(set = 0, binding = 9, std430) readonly buffer Columns { uint columns[]; };

WEIR_LIDAR_STATE_OF(max_best)

#include "compute/sort_bodies.hpp"
#include "workloads/lidar/device/order.hpp"
#include "workloads/lidar/device/boxes.hpp"
#include "workloads/lidar/device/nearest.hpp"
#include "workloads/lidar/device/sums.hpp"
#include "workloads/lidar/device/rows.hpp"
#include "workloads/lidar/device/query.hpp"
#include "workloads/lidar/device/heights.hpp"

#include "compute/main.glsl"
