// The kernels of a chunk on Vulkan: the bodies beside this file, one invocation an item. Compiled once for each body, by
// its name in WEIR_LIDAR_ENTRY, and those with real numbers twice, with and without WEIR_LIDAR_DOUBLES.
// Needs no integer past 32 bits and groups of 64 at most.
#version 450
#extension GL_GOOGLE_include_directive : require

#define WEIR_LIDAR_GLSL
#if defined(WEIR_LIDAR_DOUBLES)
#define real double
#else
#define real float
#endif

#include "../formulas.hpp"
#include "state.hpp"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint max_best = 128;

layout(push_constant) uniform Block { WEIR_LIDAR_PARAMETERS uint items; };

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

#include "order.hpp"
#include "boxes.hpp"
#include "nearest.hpp"
#include "sums.hpp"
#include "rows.hpp"
#include "query.hpp"
#include "heights.hpp"

void main() {
  const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  const uint item = group * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (item < items) WEIR_LIDAR_ENTRY(item);
}
