// What the kernels of trajectories are told beside their buffers: the same names in the same order as members in C++
// and as push constants in GLSL, 124 bytes at most. Filled by run/pipeline.cpp.
#if !defined(WEIR_TRAJECTORY_PARAMETERS)

/// Paths of the chunk; attempts at a step that one item makes at most; whether air slows a ball and spin lifts it; the
/// error that a step may have, m and m/s.
#define WEIR_TRAJECTORY_PARAMETERS \
  uint count;                      \
  uint attempts;                   \
  uint drag;                       \
  uint lift;                       \
  float tolerance;

#if !defined(WEIR_COMPUTE_GLSL)
#include "compute/language.hpp"
namespace weir::trajectory {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
struct Parameters {
  WEIR_TRAJECTORY_PARAMETERS
};
#endif

/// The columns of `launches`, then those of `paths`; each has a number a path.
const uint launch_vx_column = 0u;
const uint launch_vz_column = 1u;
const uint launch_spin_column = 2u;
const uint axis_y_column = 3u;
const uint axis_z_column = 4u;
const uint wind_x_column = 5u;
const uint wind_y_column = 6u;
const uint launch_columns = 7u;
const uint x_column = 0u;
const uint y_column = 1u;
const uint z_column = 2u;
const uint vx_column = 3u;
const uint vy_column = 4u;
const uint vz_column = 5u;
const uint spin_column = 6u;
const uint time_column = 7u;
const uint next_step_column = 8u;
const uint apex_column = 9u;
const uint steps_column = 10u;
const uint ending_column = 11u;
const uint path_columns = 12u;

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::trajectory
#endif
#endif
