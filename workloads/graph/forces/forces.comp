// The kernels of a layout on Vulkan: the bodies beside this file, one invocation an item. Compiled once for each entry
// of kernels.hpp, by its name in WEIR_COMPUTE_ENTRY.
#version 450
#extension GL_GOOGLE_include_directive : require

#define WEIR_COMPUTE_GLSL
#include "compute/sort_sizes.hpp"
#include "workloads/graph/forces/curve.hpp"
#include "workloads/graph/forces/formulas.hpp"
#include "workloads/graph/forces/parameters.hpp"

#define WEIR_COMPUTE_PARAMETERS WEIR_GRAPH_PARAMETERS
#include "compute/parameters.glsl"

layout(set = 0, binding = 0, std430) buffer Positions { float positions[]; };
layout(set = 0, binding = 1, std430) buffer Velocities { float velocities[]; };
layout(set = 0, binding = 2, std430) buffer Forces { float forces[]; };
layout(set = 0, binding = 3, std430) buffer Previous { float previous_forces[]; };
layout(set = 0, binding = 4, std430) buffer Masses { float mass[]; };
layout(set = 0, binding = 5, std430) buffer Degrees { uint degree[]; };
layout(set = 0, binding = 6, std430) readonly buffer Offsets { uint offsets[]; };
layout(set = 0, binding = 7, std430) readonly buffer Columns { uint columns[]; };
layout(set = 0, binding = 8, std430) readonly buffer Weights { float weights[]; };
layout(set = 0, binding = 9, std430) buffer Keys { uint codes[]; };
layout(set = 0, binding = 10, std430) buffer Indices { uint order[]; };
layout(set = 0, binding = 11, std430) buffer Points { float points[]; };
layout(set = 0, binding = 12, std430) buffer Cells { float cells[]; };
layout(set = 0, binding = 13, std430) buffer Counters { uint counters[]; };
layout(set = 0, binding = 14, std430) buffer Scratch { float scratch[]; };
layout(set = 0, binding = 15, std430) buffer StepFigures { float step_figures[]; };

#include "compute/sort_bodies.hpp"
#include "workloads/graph/forces/motion.hpp"
#include "workloads/graph/forces/pairs.hpp"
#include "workloads/graph/forces/order.hpp"
#include "workloads/graph/forces/sums.hpp"
#include "workloads/graph/forces/tree.hpp"

#include "compute/main.glsl"
