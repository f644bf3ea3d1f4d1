// Blocks that grow in place: a paged arena keeps the address space behind such a
// block free of others, and maps pages there when the block grows. The space is
// cut from the end of a hole, far from where the arena itself grows. A block that was
// ordinary moves there at its first growth, and again where its range is too short.
#include <algorithm>

#include "pool/space/paged_arena.hpp"

namespace weir::pool {

using track::Block;
using track::BlockState;

namespace {

void plan_for(std::uint32_t piece, const Block& block, std::uint64_t pages, std::uint64_t pages_before,
              GrowthPlan& plan) {
  plan.pages_before = pages_before;
  plan.piece = piece;
  plan.block_start = block.start;
  plan.gaps.push_back(
      {.start = block.address(), .pages = pages, .available_pages = pages, .from_end = false, .extents = {}});
  plan.missing_pages = pages;
}

}  // namespace

bool PagedArena::plan_growable(const Placement& wanted, std::uint32_t max, GrowthPlan& plan) {
  keep_records();
  const std::uint32_t hole = holes_.find(blocks_, max);
  if (hole == 0) return false;
  erase_hole(hole);
  carve(hole, page_down(blocks_[hole].end() - max), max);
  blocks_[hole].become(BlockState::kept);
  carve(hole, blocks_[hole].start, wanted.granules);
  plan_for(hole, blocks_[hole], pages_in(wanted.granules), 0, plan);
  return true;
}

std::uint32_t PagedArena::finish_growable(const GrowthPlan& plan, const Placement& wanted) {
  open(wanted.stream_index);
  Block& block = blocks_[plan.piece];
  block.stream_index.store(wanted.stream_index, std::memory_order_relaxed);
  addresses_.set(block.address(), block.size, plan.piece);
  return plan.piece;
}

// The extents of a single gap are mapped as a whole or not at all.
void PagedArena::abandon_growable(const GrowthPlan& plan) {
  keep(plan.piece);
  make_hole(plan.piece);
}

bool PagedArena::plan_extension(std::uint32_t id, std::uint32_t granules, GrowthPlan& plan) {
  keep_records();
  const std::uint32_t next = blocks_[id].next;
  if (!blocks_[next].is(BlockState::kept) || blocks_[next].size < granules) return false;
  carve(next, blocks_[next].start, granules);
  plan_for(next, blocks_[next], pages_in(granules), pages_in(blocks_[id].size), plan);
  return true;
}

void PagedArena::finish_extension(const GrowthPlan& plan, std::uint32_t id) {
  blocks_[plan.piece].stamp = 0;  // the block keeps its age
  merge(id, plan.piece);
}

void PagedArena::abandon_extension(const GrowthPlan& plan) { keep(plan.piece); }

bool PagedArena::growable(std::uint32_t id) const noexcept { return blocks_[blocks_[id].next].is(BlockState::kept); }

// Makes a piece in no list kept space, one with what is kept behind it.
void PagedArena::keep(std::uint32_t id) {
  Block& piece = blocks_[id];
  if (blocks_[piece.next].is(BlockState::kept)) merge(id, piece.next);
  piece.stream_index.store(clean_index, std::memory_order_relaxed);
  piece.requested = 0;
  piece.become(BlockState::kept);
}

std::uint32_t PagedArena::tail_granules(std::uint32_t id, std::uint32_t granules) const noexcept {
  const Block& block = blocks_[id];
  const std::size_t end = page_index(block.end());
  std::size_t start = page_index(block.end() - granules);
  if (start < end && pages_.first_of(start) != start) start = pages_.end_of(start);
  return static_cast<std::uint32_t>((end - start) * page_granules_);
}

void PagedArena::list_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving) const {
  const Block& block = blocks_[id];
  leaving.address = block.address() + block.bytes() - std::uint64_t{granules} * index::granule_bytes;
  leaving.pages = pages_in(granules);
  leaving.extents.reserve(leaving.pages);
  const std::size_t end = page_index(block.end());
  for (std::size_t page = end - leaving.pages; page < end; page = pages_.end_of(page)) {
    leaving.extents.push_back(pages_.at(page));
  }
}

// Parts a piece that is in no list; gives what begins at `from`, in none either.
std::uint32_t PagedArena::cut_end(std::uint32_t id, std::uint64_t from) {
  Block& block = blocks_[id];
  const std::uint32_t end = new_record();
  Block& piece = blocks_[end];
  piece.start = from;
  piece.size = static_cast<std::uint32_t>(block.end() - from);
  piece.previous = id;
  piece.next = block.next;
  piece.stamp = 0;
  piece.requested = 0;
  piece.stream_index.store(clean_index, std::memory_order_relaxed);
  piece.become(BlockState::busy);
  if (block.next != 0) blocks_[block.next].previous = end;
  block.next = end;
  block.size -= piece.size;
  return end;
}

void PagedArena::take_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving) {
  leaving.piece = cut_end(id, blocks_[id].end() - granules);
}

void PagedArena::tail_left(const LeavingPages& pages) { keep(pages.piece); }

void PagedArena::tail_stayed(const LeavingPages& pages, std::uint32_t id) { merge(id, pages.piece); }

// --- Moving ---

std::uint64_t PagedArena::list_whole(std::uint32_t id, LeavingPages& leaving) const {
  const Block& block = blocks_[id];
  if (block.start != page_down(block.start)) return 0;
  const std::size_t start = page_index(block.start);
  const std::size_t end = page_index(page_down(block.end()));
  std::size_t page = start;
  while (page < end && pages_.first_of(page) < start) page = pages_.end_of(page);
  const std::uint64_t before = page - start;
  leaving.address = granule_of(page) << index::granule_shift;
  for (; page < end && pages_.end_of(page) <= end; page = pages_.end_of(page)) {
    leaving.extents.push_back(pages_.at(page));
    leaving.pages += leaving.extents.back().pages;
  }
  return leaving.pages == 0 ? 0 : before;
}

void PagedArena::leave(std::uint32_t id, const LeavingPages& left, std::uint64_t epoch, std::uint32_t now) {
  if (left.pages == 0) return release(id, epoch, now);
  const StreamIndex stream_index = blocks_[id].stream_index.load(std::memory_order_relaxed);
  const std::uint64_t first = left.address >> index::granule_shift;
  const std::uint64_t last = first + left.pages * page_granules_;
  const std::uint32_t after = last < blocks_[id].end() ? cut_end(id, last) : 0;
  const bool any_before = first > blocks_[id].start;
  const std::uint32_t hole = any_before ? cut_end(id, first) : id;
  const std::uint32_t behind = blocks_[hole].next;
  if (blocks_[behind].is(BlockState::kept)) make_hole(behind);
  make_hole(hole);
  if (any_before) release(id, epoch, now);
  if (after == 0) return;
  blocks_[after].stream_index.store(stream_index, std::memory_order_relaxed);
  release(after, epoch, now);
}

}  // namespace weir::pool
