// The shares of sort_bodies.hpp: what one thread does in a pass. Included by the bodies' users and by sort_plan.hpp.
#if !defined(WEIR_COMPUTE_SORT_SIZES)
#define WEIR_COMPUTE_SORT_SIZES

#include "compute/language.hpp"

#if !defined(WEIR_COMPUTE_GLSL)
namespace weir::compute::language {
#endif

const uint run_points = 64u;      // of the sort, a thread
const uint block_counters = 64u;  // of the sort's sums, a thread

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::compute::language
#endif
#endif
