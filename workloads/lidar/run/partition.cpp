#include "workloads/lidar/run/partition.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include "compute/team.hpp"
#include "workloads/lidar/neighbours/box.hpp"

namespace weir::lidar {
namespace {

Chunk chunk_of(std::span<const Point> points, std::size_t first) {
  Box<std::int32_t> box;
  for (const Point& point : points) box.add(point.x, point.y, point.z);
  Chunk chunk{.first = first, .count = points.size()};
  std::ranges::copy(box.low, chunk.low);
  std::ranges::copy(box.high, chunk.high);
  return chunk;
}

/// The longer side in x and y: 0 or 1.
int longer_side(const Chunk& chunk) noexcept {
  return std::int64_t{chunk.high[0]} - chunk.low[0] >= std::int64_t{chunk.high[1]} - chunk.low[1] ? 0 : 1;
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
    compute::Team team(compute::threads_for(count, threads, second_from));
    team.in_ranges(count, [&](std::size_t, std::uint32_t first, std::uint32_t last) {
      for (std::uint32_t id = begin + first; id < begin + last; ++id) points_[id] = cloud.point(file, id);
    });
  }
  const std::size_t parts = (points_.size() + chunk_points - 1) / std::max<std::size_t>(chunk_points, 1);
  std::vector<Chunk> equal;
  split(0, points_.size(), parts, threads, equal);
  if (equal.size() == 1) {
    chunks_ = equal;  // which needs no halo
    return;
  }
  for (const Chunk& chunk : equal) cut_off_what_is_far(chunk, chunks_);
}

/// Halves the chunk's box where one half has few of its points, until none has.
void Partition::cut_off_what_is_far(const Chunk& chunk, std::vector<Chunk>& out) {
  constexpr std::size_t few = 64;  // one in so many
  const bool along_x = longer_side(chunk) == 0;
  const std::int32_t low = chunk.low[along_x ? 0 : 1], high = chunk.high[along_x ? 0 : 1];
  const auto middle = static_cast<std::int32_t>((std::int64_t{low} + high) / 2);
  const std::span<Point> all = points_.subspan(chunk.first, chunk.count);
  const auto is_low = [&](const Point& point) { return (along_x ? point.x : point.y) <= middle; };
  const auto left = static_cast<std::size_t>(std::ranges::count_if(all, is_low));
  if (low == high || std::min(left, chunk.count - left) > chunk.count / few) {
    out.push_back(chunk);
    return;
  }
  std::ranges::partition(all, is_low);
  cut_off_what_is_far(chunk_of(all.first(left), chunk.first), out);
  cut_off_what_is_far(chunk_of(all.subspan(left), chunk.first + left), out);
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
  const bool along_x = longer_side(whole) == 0;
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

bool Partition::halve(std::size_t first) {
  constexpr std::size_t least = 1024;  // points of a half
  std::vector<Chunk> all(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first));
  for (std::size_t i = first; i < chunks_.size(); ++i) {
    const Chunk& chunk = chunks_[i];
    split(chunk.first, chunk.count, chunk.count >= 2 * least ? 2 : 1, 1, all);
  }
  const bool any = all.size() > chunks_.size();
  if (any) chunks_ = std::move(all);
  return any;
}

std::size_t Partition::join(std::size_t first, const std::vector<Chunk>& before) {
  if (first == chunks_.size()) return 0;
  const std::size_t begin = chunks_[first].first;
  // The first that begins there or behind.
  const auto rest = std::ranges::find_if(before, [&](const Chunk& chunk) { return chunk.first >= begin; });
  const std::size_t halves = rest != before.end() && rest->first == begin ? 0 : 1;
  chunks_.resize(first + halves);
  chunks_.insert(chunks_.end(), rest, before.end());
  return halves;
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
