// The constants of the bodies, and what one thread of the search keeps: the types of what thread.hpp has as members and
// chunk.comp as its own variables. Included by both, before the bodies.
#if !defined(WEIR_LIDAR_STATE)
#define WEIR_LIDAR_STATE

#include "compute/sort_sizes.hpp"
#include "compute/words.hpp"
#include "workloads/lidar/device/columns.hpp"
#include "workloads/lidar/device/parameters.hpp"

#if !defined(WEIR_COMPUTE_GLSL)
namespace weir::lidar::bodies {
#endif

const uint leaf_points = 8u;
const uint digits_of_word = 6u;  // of a code
const uint ground_class = 2u;
const uint ground_most = 16u;
const uint least_neighbours = 3u;  // of a shape

/// Where a walk over the boxes is: at box `at` of `level`, whose boxes begin at `begin`, below the box of level `root`
/// that is next to the query's own there, which is `self`.
struct Walk {
  bool more;
  uint level;
  uint begin;
  uint at;
  uint root;
  uint self;
};

#define WEIR_LIDAR_STATE_OF(most)    \
  uint best_high[most];              \
  uint best_low[most];               \
  uint best_place[most];             \
  uint best_count;                   \
  Long worst_distance;               \
  uint worst_id;                     \
  int narrow[9];                     \
  Wide wide[9];                      \
  uint neighbours;                   \
  int lowest_z;                      \
  int highest_z;                     \
  real distance_step;                \
  Wide distances;                    \
  Wide distances2;                   \
  Long colour[4];                    \
  Long colour2[4];                   \
  uint lowest_colour[4];             \
  uint highest_colour[4];            \
  uint ground_count;                 \
  Long ground_bound;                 \
  Long ground_distance[ground_most]; \
  uint ground_id[ground_most];       \
  int ground_z[ground_most];

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::lidar::bodies
#endif
#endif
