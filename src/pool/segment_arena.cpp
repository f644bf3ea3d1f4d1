#include "pool/segment_arena.hpp"

namespace weir::pool {

using track::Block;
using track::BlockState;

void SegmentArena::add(const Segment& segment, std::uint32_t now) {
  const std::uint32_t id = new_record();
  Block& piece = blocks_[id];
  piece.start = segment.address >> index::granule_shift;
  piece.size = static_cast<std::uint32_t>(segment.bytes >> index::granule_shift);
  piece.previous = 0;
  piece.next = 0;
  piece.lane.store(clean_lane, std::memory_order_relaxed);
  piece.requested = 0;
  piece.stamp = now;
  settle(id, BlockState::free);
}

std::optional<Segment> SegmentArena::take_idle(std::uint32_t since, std::uint64_t most) {
  const Ranges* list = large_ranges(clean_lane);
  if (list == nullptr) return std::nullopt;
  const std::uint32_t id = list->find_if(blocks_, 1, [&](std::uint32_t candidate) {
    const Block& piece = blocks_[candidate];
    return piece.previous == 0 && piece.next == 0 && piece.stamp <= since && piece.bytes() <= most;
  });
  if (id == 0) return std::nullopt;
  erase_free(id);
  const Segment segment{blocks_[id].address(), blocks_[id].bytes()};
  drop_record(id);
  return segment;
}

std::vector<Segment> SegmentArena::all() const {
  std::vector<Segment> segments;
  for (std::uint32_t id = 1; id < table_.end(); ++id) {
    const Block& first = blocks_[id];
    if (first.arena != number() || first.is(BlockState::unused) || first.previous != 0) continue;
    std::uint64_t bytes = 0;
    for (std::uint32_t piece = id; piece != 0; piece = blocks_[piece].next) bytes += blocks_[piece].bytes();
    segments.push_back({first.address(), bytes});
  }
  return segments;
}

}  // namespace weir::pool
