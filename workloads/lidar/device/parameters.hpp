// What the kernels of one chunk are told beside their buffers: the same names in the same order as members in C++ and
// as push constants in GLSL, which must not be more than 128 bytes. Filled by plan.cpp.
#if !defined(WEIR_LIDAR_PARAMETERS)

/// Points, of which the first `queries` are those that neighbours are wanted for.
/// Cells of the Morton order are 1 << cell_shift wide, from `low`.
/// A pass of the sort takes four bits, number `digit`, from one side of the buffers to the other.
/// Levels of counters and boxes: where this one and the one below begin, and how many they have.
/// Neighbours are the k nearest, or all within a radius where k is 0.
/// `known` as KnownRegion; open sides are `open_low` and `open_high`.
/// Real numbers are in two words, as real_of_words takes them.
/// Features of a column each, `none` or where it begins, are in the buffer `columns`.
#define WEIR_LIDAR_PARAMETERS \
  uint count;                 \
  uint queries;               \
  int low_x;                  \
  int low_y;                  \
  int low_z;                  \
  uint cell_shift;            \
  uint digit;                 \
  uint side;                  \
  uint level_begin;           \
  uint level_count;           \
  uint below_begin;           \
  uint below_count;           \
  uint k;                     \
  uint radius2_high;          \
  uint radius2_low;           \
  int known_low_x;            \
  int known_low_y;            \
  int known_high_x;           \
  int known_high_y;           \
  uint unit_first;            \
  uint unit_second;           \
  uint radius_first;          \
  uint radius_second;         \
  uint flags;                 \
  uint ground2_high;          \
  uint ground2_low;           \
  uint ground_wanted;

#if !defined(WEIR_COMPUTE_GLSL)
#include "workloads/lidar/device/names.hpp"
namespace weir::lidar::bodies {
struct Parameters {
  WEIR_LIDAR_PARAMETERS
};
#endif

const int open_low = -2147483647;
const int open_high = 2147483647;
const uint flag_rgb = 1u;         // the cloud has red, green and blue,
const uint flag_nir = 2u;         // near infrared,
const uint flag_ground = 4u;      // and points of the ground's class
const uint flag_neighbours = 8u;  // some feature needs more of each neighbour than the sums of its coordinates,
const uint flag_colours = 16u;    // and some need its colours
const uint flag_classes = 32u;    // classes are there
const uint flag_ordered = 64u;    // points have an order already

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::lidar::bodies
#endif
#endif
