// What the kernels of a layout are told beside their buffers: the same names in the same order as members in C++ and as
// push constants in GLSL, 124 bytes at most. Filled by plan.cpp.
#if !defined(WEIR_GRAPH_PARAMETERS)

/// Nodes, the length of a column of `points`, dimensions, LawKind and whether masses differ. A pass of the sort, as
/// compute/sort_bodies.hpp has it. Where a level of cells, counters or sums lies, and the one below it. The tree's
/// highest level, and where its one cell is. Then the numbers of Law, as plan.cpp makes them: `near_distance` is how
/// far apart nodes at one place are taken to be, `limit` the longest way of a step or the largest velocity.
#define WEIR_GRAPH_PARAMETERS \
  uint count;                 \
  uint stride;                \
  uint dimensions;            \
  uint law;                   \
  uint weighted;              \
  uint flags;                 \
  uint side;                  \
  uint digit;                 \
  uint level_begin;           \
  uint level_count;           \
  uint below_begin;           \
  uint below_count;           \
  uint root_level;            \
  uint root_begin;            \
  float repulsion;            \
  float cutoff_square;        \
  float softening;            \
  float max_force;            \
  float attraction;           \
  float rest_length;          \
  float gravity;              \
  float centring;             \
  float time_step;            \
  float damping;              \
  float limit;                \
  float boundary;             \
  float tolerance;            \
  float near_distance;        \
  float theta_square;

#if !defined(WEIR_COMPUTE_GLSL)
#include "compute/language.hpp"
namespace weir::graph::forces {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
struct Parameters {
  WEIR_GRAPH_PARAMETERS
};
#endif

/// LawKind's.
const uint law_fr = 0u;
const uint law_fa2 = 1u;
const uint law_springs = 2u;

/// Bits of `flags`.
const uint flag_logarithmic = 1u;
const uint flag_keeps_motion = 2u;
const uint flag_free = 4u;

/// Springs that move freely: a step of theirs lasts so many of the law's time steps.
const float free_pace = 4.0f;

/// Nodes of a tile, the unit in which all pairs are summed up, and how many of them lie side by side.
const uint tile_nodes = 256u;
const uint lanes = 16u;

/// Nodes of a leaf, and the two logarithms: of a leaf's nodes, and of how many cells are under one.
const uint leaf_nodes = 16u;
const uint leaf_bits = 4u;
const uint fan_bits = 2u;
/// Of a cell in `cells`: floats, and where each thing is. A corner has three of them, and so has the centre of mass.
const uint cell_floats = 12u;
const uint cell_centre = 0u;
const uint cell_mass = 3u;
const uint cell_low = 4u;
const uint cell_square = 7u;  // of its size
const uint cell_high = 8u;

/// What of positions goes into codes: bits of an axis. Codes have words of 32 bits.
const uint code_bits_2d = 24u;
const uint code_bits_3d = 21u;
const uint digits_of_word = 8u;

/// What becomes of a cell on a walk.
const uint fate_pass = 0u;
const uint fate_point = 1u;
const uint fate_open = 2u;

/// Values that one item adds up.
const uint sum_items = 64u;
/// What is added up of each node: 2, of the forces or of the movement.
const uint sums = 2u;
/// A box's corners.
const uint bounds = 6u;

/// Where `step_figures` has each.
const uint mean_energy_place = 0u;
const uint mean_movement_place = 1u;
const uint swinging_place = 2u;
const uint traction_place = 3u;
const uint speed_place = 4u;
const uint efficiency_place = 5u;
const uint figures = 8u;

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::graph::forces
#endif
#endif
