// The entry point of a shader: one invocation an item calls the body that WEIR_COMPUTE_ENTRY names. Groups lie in two
// dimensions, as one has not enough of them. Included by a workload's shader after its bodies.
void main() {
  const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  const uint item = group * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
  if (item < items) WEIR_COMPUTE_ENTRY(item);
}
