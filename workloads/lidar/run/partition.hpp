// A cloud's points brought into chunks: each has its points contiguous, and a box that holds them. Made by halving
// along the longer side in x and y until chunks are small enough, so chunks are balanced whatever the points are like,
// points at one place included; then what lies far from nearly all of a chunk becomes a chunk of its own, as the way
// there would count as the chunk's. Lies in scratch memory, which may be larger than main memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "workloads/lidar/features/kernel.hpp"
#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/files/mapped_file.hpp"

namespace weir::lidar {

struct Chunk {
  std::size_t first = 0, count = 0;
  std::int32_t low[3] = {}, high[3] = {};
};

class Partition {
 public:
  /// `folder` is for scratch memory.
  Partition(const Cloud& cloud, std::size_t chunk_points, const std::string& folder, unsigned threads);

  [[nodiscard]] const std::vector<Chunk>& chunks() const noexcept { return chunks_; }
  [[nodiscard]] std::span<const Point> points(const Chunk& chunk) const noexcept {
    return points_.subspan(chunk.first, chunk.count);
  }
  [[nodiscard]] std::size_t largest_chunk() const noexcept;

  /// Makes two of each chunk from that one on which has points enough; false where none has. Those before it stay, and
  /// who reads their points may do so meanwhile.
  bool halve(std::size_t first);
  /// Undoes that for the chunks from that one on: those of `before`, as they were, but that the second half of one
  /// whose first half lies before stays a chunk. Gives how many of those there are, 0 or 1.
  std::size_t join(std::size_t first, const std::vector<Chunk>& before);

  /// The chunk's box and `halo` around it, open where it reaches the cloud's end.
  [[nodiscard]] KnownRegion region(const Chunk& chunk, std::int64_t halo) const noexcept;
  /// Calls `each` for every point in the region that is not the chunk's.
  void visit_halo(const Chunk& chunk, const KnownRegion& region, const std::function<void(const Point&)>& each) const;
  [[nodiscard]] std::size_t count_halo(const Chunk& chunk, const KnownRegion& region) const;

 private:
  void split(std::size_t first, std::size_t count, std::size_t parts, unsigned threads, std::vector<Chunk>& out);
  void cut_off_what_is_far(const Chunk& chunk, std::vector<Chunk>& out);

  const Cloud& cloud_;
  Scratch scratch_;
  std::span<Point> points_;
  std::vector<Chunk> chunks_;
};

}  // namespace weir::lidar
