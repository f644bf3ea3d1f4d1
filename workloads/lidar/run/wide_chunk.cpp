#include "workloads/lidar/run/wide_chunk.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "workloads/lidar/neighbours/box.hpp"

namespace weir::lidar {
namespace {

/// Whether the kernels of narrow trees give the same of it.
bool is_narrow(const Search& search) noexcept {
  if (search.k != 0) return true;
  return search.radius_squared < WideSquare{1} << 62 && search.distance_step == Search::finest_distance_step;
}

/// Points are as many as before, each in half of the room, so none is overwritten before it is read.
std::span<const Point> narrow(std::span<WidePoint> points, const std::int64_t* origin) noexcept {
  auto* const bytes = reinterpret_cast<std::byte*>(points.data());
  for (std::size_t i = 0; i < points.size(); ++i) {
    const WidePoint from = points[i];
    const Point to{static_cast<std::int32_t>(from.x - origin[0]), static_cast<std::int32_t>(from.y - origin[1]),
                   static_cast<std::int32_t>(from.z - origin[2]), from.id};
    std::memcpy(bytes + i * sizeof to, &to, sizeof to);
  }
  return {reinterpret_cast<const Point*>(bytes), points.size()};
}

}  // namespace

KnownRegion in_units(const KnownRegion& cells, unsigned cell_bits) noexcept {
  KnownRegion units = cells;
  for (int axis = 0; axis < 2; ++axis) {
    if (cells.low[axis] != INT64_MIN) units.low[axis] = cells.low[axis] * (std::int64_t{1} << cell_bits);
    if (cells.high[axis] != INT64_MAX) units.high[axis] = (cells.high[axis] + 1) * (std::int64_t{1} << cell_bits) - 1;
  }
  return units;
}

std::uint64_t reach_in_cells(WideSquare reach, unsigned cell_bits) noexcept {
  if (reach == Unfinished::unknown) return UINT64_MAX - 1;
  if (cell_bits == 0) return static_cast<std::uint64_t>(reach);
  const double root = std::ldexp(std::sqrt(static_cast<double>(reach)), -static_cast<int>(cell_bits)) + cells_off;
  return root < 4e9 ? static_cast<std::uint64_t>(root * root) + 1 : UINT64_MAX - 1;
}

ChunkJob settle(std::span<WidePoint> points, std::size_t queries, const KnownRegion& known,
                const Search& search) noexcept {
  ChunkJob job{.points = {}, .wide = points, .queries = queries, .known = known};
  Box<std::int64_t> box;
  for (const WidePoint& point : points) box.add(point.x, point.y, point.z);
  for (int axis = 0; axis < 2; ++axis) {
    if (known.low[axis] != INT64_MIN) box.low[axis] = std::min(box.low[axis], known.low[axis]);
    if (known.high[axis] != INT64_MAX) box.high[axis] = std::max(box.high[axis], known.high[axis]);
  }
  bool fits = is_narrow(search);
  for (int axis = 0; axis < 3; ++axis) {
    fits = fits && box.high[axis] - box.low[axis] <= std::numeric_limits<std::int32_t>::max();
  }
  if (!fits || points.empty()) return job;
  job.wide = {};
  job.points = narrow(points, box.low);
  for (int axis = 0; axis < 2; ++axis) {
    if (known.low[axis] != INT64_MIN) job.known.low[axis] -= box.low[axis];
    if (known.high[axis] != INT64_MAX) job.known.high[axis] -= box.low[axis];
  }
  return job;
}

}  // namespace weir::lidar
