#include "partition.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include "team.hpp"

namespace weir::lidar {
namespace {

Chunk chunk_of(std::span<const Point> points, std::size_t first) {
  Chunk chunk{.first = first, .count = points.size(), .low = {INT32_MAX, INT32_MAX}, .high = {INT32_MIN, INT32_MIN}};
  for (const Point& point : points) {
    const std::int32_t at[2] = {point.x, point.y};
    for (int axis = 0; axis < 2; ++axis) {
      chunk.low[axis] = std::min(chunk.low[axis], at[axis]);
      chunk.high[axis] = std::max(chunk.high[axis], at[axis]);
    }
  }
  return chunk;
}

bool inside(const Point& point, const KnownRegion& region) noexcept {
  return point.x >= region.low[0] && point.x <= region.high[0] && point.y >= region.low[1] && point.y <= region.high[1];
}

}  // namespace

Partition::Partition(const Cloud& cloud, std::size_t chunk_points, const std::string& folder, unsigned threads)
    : cloud_(cloud),
      scratch_(folder, std::uint64_t{cloud.points()} * sizeof(Point)),
      points_(reinterpret_cast<Point*>(scratch_.bytes().data()), cloud.points()) {
  if (points_.empty()) return;
  for (std::size_t file = 0; file < cloud.files().size(); ++file) {
    const std::uint32_t begin = cloud.first_of(file), count = cloud.first_of(file + 1) - begin;
    constexpr double second_from = 32'768;
    Team team(threads_for(count, threads, second_from));
    team.in_ranges(count, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
      for (std::uint32_t id = begin + first; id < begin + last; ++id) points_[id] = cloud.point(file, id);
    });
  }
  const std::size_t parts = (points_.size() + chunk_points - 1) / std::max<std::size_t>(chunk_points, 1);
  split(0, points_.size(), parts, threads, chunks_);
}

/// Appends the chunks of [first, first + count), in `parts` parts of nearly equal size, to `out`.
void Partition::split(std::size_t first, std::size_t count, std::size_t parts, unsigned threads,
                      std::vector<Chunk>& out) {
  const std::span<Point> all = points_.subspan(first, count);
  const Chunk whole = chunk_of(all, first);
  if (parts <= 1) {
    out.push_back(whole);
    return;
  }
  const std::size_t left_parts = parts / 2;
  const std::size_t left = count / parts * left_parts + count % parts * left_parts / parts;
  const bool along_x = std::int64_t{whole.high[0]} - whole.low[0] >= std::int64_t{whole.high[1]} - whole.low[1];
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(left), all.end(),
                   [along_x](const Point& one, const Point& other) {
                     const std::int32_t a = along_x ? one.x : one.y, b = along_x ? other.x : other.y;
                     return a < b || (a == b && one.id < other.id);
                   });
  if (threads < 2) {
    split(first, left, left_parts, 1, out);
    split(first + left, count - left, parts - left_parts, 1, out);
    return;
  }
  std::vector<Chunk> beside;
  std::exception_ptr failure;
  std::thread worker([&] {
    try {
      split(first, left, left_parts, threads / 2, beside);
    } catch (...) {
      failure = std::current_exception();
    }
  });
  std::vector<Chunk> own;
  try {
    split(first + left, count - left, parts - left_parts, threads - threads / 2, own);
  } catch (...) {
    worker.join();
    throw;
  }
  worker.join();
  if (failure) std::rethrow_exception(failure);
  out.insert(out.end(), beside.begin(), beside.end());
  out.insert(out.end(), own.begin(), own.end());
}

std::size_t Partition::largest_chunk() const noexcept {
  std::size_t most = 0;
  for (const Chunk& chunk : chunks_) most = std::max(most, chunk.count);
  return most;
}

KnownRegion Partition::region(const Chunk& chunk, std::int64_t halo) const noexcept {
  KnownRegion region{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    region.low[axis] = chunk.low[axis] - halo;
    region.high[axis] = chunk.high[axis] + halo;
    if (chunks_.size() == 1 || region.low[axis] <= 0) region.low[axis] = INT64_MIN;
    if (chunks_.size() == 1 || region.high[axis] >= cloud_.extent()[axis]) region.high[axis] = INT64_MAX;
  }
  return region;
}

void Partition::visit_halo(const Chunk& chunk, const KnownRegion& region,
                           const std::function<void(const Point&)>& each) const {
  for (const Chunk& other : chunks_) {
    const bool apart = other.high[0] < region.low[0] || other.low[0] > region.high[0] ||
                       other.high[1] < region.low[1] || other.low[1] > region.high[1];
    if (apart || other.first == chunk.first) continue;
    for (const Point& point : points(other)) {
      if (inside(point, region)) each(point);
    }
  }
}

std::size_t Partition::count_halo(const Chunk& chunk, const KnownRegion& region) const {
  std::size_t count = 0;
  visit_halo(chunk, region, [&](const Point&) { ++count; });
  return count;
}

}  // namespace weir::lidar
