#include "workloads/lidar/run/halos.hpp"

#include <algorithm>
#include <cmath>

namespace weir::lidar {
namespace {

constexpr double past_any_cloud = 4e9;

/// In whole cells.
std::int64_t steps(double halo) { return static_cast<std::int64_t>(std::min(halo, past_any_cloud)); }

/// In square cells.
double area_of(const Chunk& chunk) {
  return (static_cast<double>(chunk.high[0]) - chunk.low[0] + 1) *
         (static_cast<double>(chunk.high[1]) - chunk.low[1] + 1);
}

/// What k neighbours need, if points are spread evenly over the chunk.
std::int64_t halo_for(const Chunk& chunk, std::uint32_t k) {
  constexpr double pi = 3.14159265358979, generous = 2.5;
  return steps(generous * std::sqrt(area_of(chunk) * k / (pi * static_cast<double>(chunk.count))) + 1);
}

/// In cells.
double radius_of(const Cloud& cloud, const Search& search) {
  return std::ldexp(std::sqrt(static_cast<double>(search.radius_squared)), -static_cast<int>(cloud.cell_bits()));
}

/// What heights and radii need: all that is near, whatever it is.
std::int64_t least_halo(const Cloud& cloud, const ComputeSettings& compute) {
  const std::int64_t least = compute.search.k == 0 ? steps(radius_of(cloud, compute.search) + 1) : 0;
  return compute.features.needs_height() ? std::max(least, steps(compute.ground.reach / cloud.cell() + 1)) : least;
}

struct Region {
  KnownRegion region;
  std::size_t points = 0;  // with the chunk's own
};

/// Points far apart may have many others between them: they read fewer, `around` at most where that may be chosen, and
/// their queries are finished at the end.
Region region_of(const Partition& partition, const Chunk& chunk, std::uint32_t k, std::int64_t least,
                 std::size_t most_around) {
  for (std::int64_t halo = k == 0 ? 0 : halo_for(chunk, k);; halo /= 2) {
    const KnownRegion region = partition.region(chunk, std::max(halo, least));
    const std::size_t around = partition.count_halo(chunk, region);
    if (halo <= least || around <= most_around) return {region, chunk.count + around};
  }
}

}  // namespace

Halos find_halos(const Cloud& cloud, const Partition& partition, const ComputeSettings& compute) {
  const std::int64_t least = least_halo(cloud, compute);
  const std::size_t few = partition.largest_chunk() / 16;
  Halos halos;
  for (const Chunk& chunk : partition.chunks()) {
    const Region found = region_of(partition, chunk, compute.search.k, least, 4 * std::max(chunk.count, few));
    halos.max_points = std::max(halos.max_points, found.points);
    halos.regions.push_back(found.region);
  }
  return halos;
}

// A part's least halo lies within that of the chunk that it is a part of, so it has room.
void add_halos(const Cloud& cloud, const Partition& partition, const ComputeSettings& compute, Halos& halos) {
  const std::int64_t least = least_halo(cloud, compute);
  for (std::size_t i = halos.regions.size(); i < partition.chunks().size(); ++i) {
    const Chunk& chunk = partition.chunks()[i];
    const std::size_t room = std::min(4 * chunk.count, halos.max_points - chunk.count);
    halos.regions.push_back(region_of(partition, chunk, compute.search.k, least, room).region);
  }
}

double expected_work(const Cloud& cloud, const ComputeSettings& compute, const Chunk& chunk, std::size_t points) {
  const auto all = static_cast<double>(points);
  if (compute.search.k != 0) return all;
  constexpr double pi = 3.14159265358979;
  const double radius = radius_of(cloud, compute.search);
  return all * (1 + static_cast<double>(chunk.count) / area_of(chunk) * pi * radius * radius);
}

}  // namespace weir::lidar
