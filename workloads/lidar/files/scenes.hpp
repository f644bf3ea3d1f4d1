// Generated clouds with fixed seeds, for tests and benches: the same points on every machine. As bytes of a LAS file,
// format 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace weir::lidar {

/// "aerial": undulating terrain, gable and flat buildings with walls, trees; about 12 points a square metre, in
/// flight-line order, 1 cm. "forest": a canopy with many returns over ground, 1 cm. "terrestrial": round a scanner,
/// densities of 1000 to 1, 1 mm. Throws NotFound, which lists these.
[[nodiscard]] std::vector<std::byte> make_scene(std::string_view name, std::uint32_t points);

}  // namespace weir::lidar
