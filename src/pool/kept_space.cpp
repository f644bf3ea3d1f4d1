// Blocks that grow in place: a paged arena keeps the address space behind such a
// block free of others, and maps pages there when the block grows. The space is
// cut from the end of a hole, far from where the arena itself grows.
#include <algorithm>

#include "pool/paged_arena.hpp"

namespace weir::pool {

using device::PageHandle;
using track::Block;
using track::BlockState;

namespace {

GrowthPlan plan_for(std::uint32_t piece, const Block& block, std::uint64_t pages, std::uint64_t pages_before) {
  GrowthPlan plan;
  plan.pages_before = pages_before;
  plan.piece = piece;
  plan.block_start = block.start;
  plan.missing.push_back({block.address(), std::vector<PageHandle>(pages, PageHandle::none)});
  plan.missing_pages = pages;
  return plan;
}

}  // namespace

std::optional<GrowthPlan> PagedArena::plan_growable(const Placement& wanted, std::uint32_t most) {
  const std::uint32_t hole = holes_.find(blocks_, most);
  if (hole == 0) return std::nullopt;
  erase_hole(hole);
  carve(hole, page_down(blocks_[hole].end() - most), most);
  blocks_[hole].become(BlockState::kept);
  carve(hole, blocks_[hole].start, wanted.granules);
  return plan_for(hole, blocks_[hole], pages_in(wanted.granules), 0);
}

std::uint32_t PagedArena::finish_growable(const GrowthPlan& plan, const Placement& wanted) {
  note_pages(plan.missing.front());
  open(wanted.lane);
  Block& block = blocks_[plan.piece];
  block.lane.store(wanted.lane, std::memory_order_relaxed);
  addresses_.set(block.address(), block.size, plan.piece);
  return plan.piece;
}

// A single run is mapped as a whole or not at all.
void PagedArena::abandon_growable(const GrowthPlan& plan, std::size_t) {
  keep(plan.piece);
  make_hole(plan.piece);
}

std::optional<GrowthPlan> PagedArena::plan_extension(std::uint32_t id, std::uint32_t granules) {
  const std::uint32_t next = blocks_[id].next;
  if (!blocks_[next].is(BlockState::kept) || blocks_[next].size < granules) return std::nullopt;
  carve(next, blocks_[next].start, granules);
  return plan_for(next, blocks_[next], pages_in(granules), pages_in(blocks_[id].size));
}

void PagedArena::finish_extension(const GrowthPlan& plan, std::uint32_t id) {
  note_pages(plan.missing.front());
  blocks_[plan.piece].stamp = 0;  // the block keeps its age
  merge(id, plan.piece);
}

void PagedArena::abandon_extension(const GrowthPlan& plan, std::size_t) { keep(plan.piece); }

bool PagedArena::growable(std::uint32_t id) const noexcept { return blocks_[blocks_[id].next].is(BlockState::kept); }

// Makes a piece in no list kept space, one with what is kept behind it.
void PagedArena::keep(std::uint32_t id) {
  Block& piece = blocks_[id];
  if (blocks_[piece.next].is(BlockState::kept)) merge(id, piece.next);
  piece.lane.store(clean_lane, std::memory_order_relaxed);
  piece.requested = 0;
  piece.become(BlockState::kept);
}

std::uint32_t PagedArena::tail_granules(std::uint32_t id, std::uint32_t granules) const noexcept {
  const Block& block = blocks_[id];
  std::uint64_t start = page_index(block.end() - granules);
  const std::uint64_t end = page_index(block.end());
  while (start < end && goes_on(start)) ++start;
  return static_cast<std::uint32_t>((end - start) * page_granules_);
}

LeavingPages PagedArena::take_tail(std::uint32_t id, std::uint32_t granules) {
  Block& block = blocks_[id];
  const std::uint32_t tail = new_record();
  Block& piece = blocks_[tail];
  piece.start = block.end() - granules;
  piece.size = granules;
  piece.previous = id;
  piece.next = block.next;
  piece.stamp = 0;
  piece.requested = 0;
  piece.lane.store(clean_lane, std::memory_order_relaxed);
  piece.become(BlockState::busy);
  if (block.next != 0) blocks_[block.next].previous = tail;
  block.next = tail;
  block.size -= granules;
  return {tail, run_at(piece.start, pages_in(granules))};
}

void PagedArena::tail_left(const LeavingPages& pages) {
  forget_pages(pages.run);
  keep(pages.piece);
}

void PagedArena::tail_stayed(const LeavingPages& pages, std::uint32_t id) { merge(id, pages.piece); }

}  // namespace weir::pool
