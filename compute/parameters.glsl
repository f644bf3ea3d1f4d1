// What a kernel is told beside its buffers, in GLSL: WEIR_COMPUTE_PARAMETERS, which the workload's shader defines, and
// the number of items. Push constants, 128 bytes at most. With WEIR_COMPUTE_PORTABLE it is a uniform block, as WebGPU has
// no push constants, and a shader keeps to what WGSL has: tests/shaders/portable_test.py looks at each kernel. Included by
// a workload's shader before its bodies.
layout(local_size_x = 64) in;

#if defined(WEIR_COMPUTE_PORTABLE)
layout(set = 1, binding = 0, std140) uniform Block { WEIR_COMPUTE_PARAMETERS uint items; };
#else
layout(push_constant) uniform Block { WEIR_COMPUTE_PARAMETERS uint items; };
#endif
