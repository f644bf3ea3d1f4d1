// Where a chunk's results go: columns by number, which for features is that of the enumerator (plan.cpp asserts it),
// in rows by the queries' order. Read by the bodies in all languages and by what plans them.
#if !defined(WEIR_LIDAR_COLUMNS)
#define WEIR_LIDAR_COLUMNS

#if !defined(WEIR_LIDAR_GLSL)
#include "language.hpp"
namespace weir::lidar::bodies {
#endif

const uint column_normal_x = 0u;
const uint column_normal_y = 1u;
const uint column_normal_z = 2u;
const uint column_eigenvalue_1 = 3u;
const uint column_eigenvalue_2 = 4u;
const uint column_eigenvalue_3 = 5u;
const uint column_eigenvalue_sum = 6u;
const uint column_linearity = 7u;
const uint column_planarity = 8u;
const uint column_sphericity = 9u;
const uint column_anisotropy = 10u;
const uint column_omnivariance = 11u;
const uint column_eigenentropy = 12u;
const uint column_surface_variation = 13u;
const uint column_verticality = 14u;
const uint column_horizontality = 15u;
const uint column_wall_score = 16u;
const uint column_roof_score = 17u;
const uint column_facade_score = 18u;
const uint column_neighbours = 19u;
const uint column_density = 20u;
const uint column_mean_distance = 21u;
const uint column_std_distance = 22u;
const uint column_radius = 23u;
const uint column_z_range = 24u;
const uint column_z_std = 25u;
const uint column_height_above_ground = 26u;
const uint column_is_ground = 27u;
const uint column_red = 28u;
const uint column_green = 29u;
const uint column_blue = 30u;
const uint column_nir = 31u;
const uint column_red_std = 32u;
const uint column_green_std = 33u;
const uint column_blue_std = 34u;
const uint column_nir_std = 35u;
const uint column_red_range = 36u;
const uint column_green_range = 37u;
const uint column_blue_range = 38u;
const uint column_nir_range = 39u;
const uint column_excess_green = 40u;
const uint column_ndvi = 41u;
const uint column_ids = 42u;
/// 1 where all neighbours, enough for a shape, are at the query's own place, 2 where some may be in what the chunk does
/// not know.
const uint column_state = 43u;
/// Of the latter, the squared distance that its neighbours are within: the low word, then the high one.
const uint column_reach = 44u;
const uint column_count = 45u;
const uint no_column = 0xffffffffu;

#if !defined(WEIR_LIDAR_GLSL)
}  // namespace weir::lidar::bodies
#endif
#endif
