#include "workloads/lidar/run/halos.hpp"

#include <algorithm>
#include <cmath>

namespace weir::lidar {
namespace {

constexpr double past_any_cloud = 4e9;

/// In whole cells.
std::int64_t steps(double halo) { return static_cast<std::int64_t>(std::min(halo, past_any_cloud)); }

/// What k neighbours need, if points are spread evenly over the chunk.
std::int64_t halo_for(const Chunk& chunk, std::uint32_t k) {
  const double area =
      (static_cast<double>(chunk.high[0]) - chunk.low[0] + 1) * (static_cast<double>(chunk.high[1]) - chunk.low[1] + 1);
  constexpr double pi = 3.14159265358979, generous = 2.5;
  return steps(generous * std::sqrt(area * k / (pi * static_cast<double>(chunk.count))) + 1);
}

}  // namespace

Halos find_halos(const Cloud& cloud, const Partition& partition, const ComputeSettings& compute) {
  const Search& search = compute.search;
  // Heights and radii need all that is near, whatever it is.
  const auto radius =
      std::ldexp(std::sqrt(static_cast<double>(search.radius_squared)), -static_cast<int>(cloud.cell_bits()));
  std::int64_t least = search.k == 0 ? steps(radius + 1) : 0;
  if (compute.features.needs_height()) least = std::max(least, steps(compute.ground.reach / cloud.cell() + 1));
  const std::size_t few = partition.largest_chunk() / 16;
  Halos halos;
  for (const Chunk& chunk : partition.chunks()) {
    // Points far apart may have many others between them: they read fewer, and their queries are finished at the end.
    const std::size_t most = 4 * std::max(chunk.count, few);
    for (std::int64_t halo = search.k == 0 ? 0 : halo_for(chunk, search.k);; halo /= 2) {
      const KnownRegion region = partition.region(chunk, std::max(halo, least));
      const std::size_t around = partition.count_halo(chunk, region);
      if (halo > least && around > most) continue;
      halos.max_points = std::max(halos.max_points, chunk.count + around);
      halos.regions.push_back(region);
      break;
    }
  }
  return halos;
}

}  // namespace weir::lidar
