// What the kernels of robots are told beside their buffers: the same names in the same order as members in C++ and as
// push constants in GLSL, 124 bytes at most. Filled by Robots.
#if !defined(WEIR_BALANCE_ROBOT_PARAMETERS)

/// Robots; the seed of their random numbers; Model's physics, reward, history and length of an episode. The others are
/// Coefficients.
#define WEIR_BALANCE_ROBOT_PARAMETERS \
  uint count;                         \
  uint seed;                          \
  uint physics;                       \
  uint reward;                        \
  uint history;                       \
  uint max_steps;                     \
  float dt;                           \
  float gravity_moment;               \
  float damping;                      \
  float inverse_inertia;              \
  float drive;                        \
  float rolling;                      \
  float gain;                         \
  float max_torque;                   \
  float fail_angle;                   \
  float inverse_fail_angle;           \
  float wheel_inertia;                \
  float coupling;                     \
  float body_inertia;                 \
  float inverse_radius;               \
  float sensor_offset;                \
  float sensor_drift;                 \
  float sensor_noise;                 \
  float start_angle;                  \
  float start_speed;

#if !defined(WEIR_COMPUTE_GLSL)
#include "compute/language.hpp"
namespace weir::balance::robots {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
struct Parameters {
  WEIR_BALANCE_ROBOT_PARAMETERS
};
#endif

/// The columns of `motion`, then those of `tallies`.
const uint angle_column = 0u;
const uint speed_column = 1u;
const uint position_column = 2u;
const uint velocity_column = 3u;
const uint torque_column = 4u;  // of the step before
const uint age_column = 0u;     // steps of this episode
const uint draws_column = 1u;   // random numbers taken so far
const uint falls_column = 2u;   // episodes that ended by a fall
const uint motion_columns = 5u;
const uint tally_columns = 3u;

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::balance::robots
#endif
#endif
