// Hilbert's curve, by which nodes are sorted: whatever is next to each other on it is near, so that runs of nodes have
// small boxes; on Morton's, whose runs leap, walks over the tree meet 2.5 times as many points. In C++, CUDA C++ and
// GLSL. Included by the bodies.
#if !defined(WEIR_GRAPH_CURVE)
#define WEIR_GRAPH_CURVE

#include "compute/language.hpp"
#include "workloads/graph/forces/parameters.hpp"

#if !defined(WEIR_COMPUTE_GLSL)
namespace weir::graph::forces {
#endif

#include "workloads/graph/forces/curve_steps.hpp"

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::graph::forces
#endif
#endif
