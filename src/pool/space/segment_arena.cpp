#include "pool/space/segment_arena.hpp"

namespace weir::pool {

using track::Block;
using track::BlockState;

void SegmentArena::add(const Segment& segment, std::uint32_t now) {
  keep_records();
  const std::uint32_t id = new_record();
  Block& piece = blocks_[id];
  piece.start = segment.address >> index::granule_shift;
  piece.size = static_cast<std::uint32_t>(segment.bytes >> index::granule_shift);
  piece.previous = 0;
  piece.next = 0;
  piece.stream_index.store(clean_index, std::memory_order_relaxed);
  piece.requested = 0;
  piece.stamp = now;
  settle(id, BlockState::free);
}

// Small ones first; where there are many free ranges, whole segments are among the largest.
std::optional<Segment> SegmentArena::take_idle(std::uint32_t since, std::uint64_t most) {
  const Ranges* list = large_ranges(clean_index);
  if (list == nullptr) return std::nullopt;
  constexpr std::uint64_t max_looks = 2048;  // ranges, from either end
  std::uint64_t looks = 0;
  const auto idle = [&](std::uint32_t candidate) {
    const Block& piece = blocks_[candidate];
    return piece.previous == 0 && piece.next == 0 && piece.stamp <= since && piece.bytes() <= most;
  };
  const auto idle_or_enough = [&](std::uint32_t candidate) { return ++looks == max_looks || idle(candidate); };
  std::uint32_t id = list->find_if(blocks_, 1, idle_or_enough);
  const bool all_seen = looks < max_looks;
  note_loop(looks);
  if (id != 0 && !idle(id)) id = 0;
  if (id == 0 && !all_seen) {
    looks = 0;
    id = list->find_if_down(blocks_, 1, idle_or_enough);
    note_loop(max_looks + looks);
  }
  if (id == 0 || !idle(id)) return std::nullopt;
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
