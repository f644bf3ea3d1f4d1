// How a block that has outgrown its place moves into a range of address space of its own.
// Extents that it alone uses are unmapped where it is and mapped there, so that what they
// hold is not copied; the caller copies the rest, and sees to it that no work uses what
// moves. In three steps, as a growth: begin_move() finds the range and the pages that are
// missing and maps all by one call, which is all or nothing; finish_move() or undo_move()
// settles the records. The block's record, and so its handle, stays the same.
#include <algorithm>
#include <bit>

#include <weir/errors.hpp>

#include "pool/order/stream_epochs.hpp"
#include "pool/space/space.hpp"

namespace weir::pool {

using track::Block;

namespace {

/// Exchanges the places of two pieces, also where they are neighbours.
void exchange_places(Block* blocks, std::uint32_t one, std::uint32_t other) noexcept {
  Block& first = blocks[one];
  Block& second = blocks[other];
  std::swap(first.start, second.start);
  std::swap(first.size, second.size);
  std::swap(first.arena, second.arena);
  std::swap(first.previous, second.previous);
  std::swap(first.next, second.next);
  const auto link = [&](std::uint32_t id, std::uint32_t partner) {
    Block& block = blocks[id];
    if (block.previous == id) block.previous = partner;
    if (block.next == id) block.next = partner;
  };
  link(one, other);
  link(other, one);
  for (const std::uint32_t id : {one, other}) {
    const Block& block = blocks[id];
    if (block.previous != 0) blocks[block.previous].next = id;
    if (block.next != 0) blocks[block.next].previous = id;
  }
}

}  // namespace

// A range of twice the block's size, rounded up to a power of two, allows some growths, and thousands of blocks
// have one; a block may be given a longer one from the start. Where addresses are short, one that is just long enough,
// also in other arenas.
bool Space::find_range(const Placement& wanted, std::uint32_t max, std::uint8_t home, MovePlan& plan) {
  const std::uint64_t doubled = std::bit_ceil(std::uint64_t{wanted.granules} * 2);
  const auto ample =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(max, std::max<std::uint64_t>(doubled, wanted.range)));
  const auto usual = static_cast<std::uint32_t>(std::min<std::uint64_t>(max, doubled));
  const auto try_in = [&](PagedArena& arena, std::uint32_t granules) {
    const auto lock = arena.lock();
    if (!arena.plan_growable(wanted, granules, plan.range)) return false;
    plan.max = granules;
    return true;
  };
  for (const std::uint32_t granules : {ample, usual, wanted.granules}) {
    bool found = try_in(paged(home), granules);
    for_each_paged([&](PagedArena& arena) { found = found || try_in(arena, granules); });
    if (found) return true;
  }
  return false;
}

std::uint64_t Space::list_whole(std::uint32_t id, LeavingPages& leaving) const {
  return paged_[blocks_[id].arena]->list_whole(id, leaving);
}

Growth Space::begin_move(std::uint32_t id, const Placement& wanted, std::uint32_t max, std::uint8_t home, Effort effort,
                         MovePlan& plan) {
  plan.range = {};
  plan.range.missing_pages = std::uint64_t{wanted.granules} * index::granule_bytes / page_bytes_ - plan.moving.pages;
  if (!find_range(wanted, max, home, plan)) return {0, Taken::yes};
  PagedArena& arena = *paged_[blocks_[plan.range.piece].arena];
  const auto abandon = [&] {
    const auto lock = arena.lock();
    arena.abandon_growable(plan.range);
  };
  std::vector<MovableExtent> made;  // what is mapped there beside what moves
  try {
    const Gap whole = plan.range.gaps.front();
    addresses_.prepare(whole.start, whole.pages * page_bytes_);
    const std::uint64_t after = plan.pages_before + plan.moving.pages;
    const auto gap = [&](std::uint64_t first, std::uint64_t end) {
      if (first == end) return;
      plan.range.gaps.push_back({whole.start + first * page_bytes_, end - first, end - first, false, {}});
    };
    plan.range.gaps.clear();
    gap(0, plan.pages_before);
    gap(after, whole.pages);
    plan.range.missing_pages = whole.pages - plan.moving.pages;  // of which what moves is none
    plan.range.pages_before = plan.pages_before == 0 ? after : 0;
    const Taken taken = supply(plan.range, home, effort);
    if (taken != Taken::yes) {
      abandon();
      return {0, taken};
    }
    std::vector<MovableExtent> extents;
    for (const Gap& each : plan.range.gaps) {
      if (each.start >= whole.start + after * page_bytes_) {
        extents.insert(extents.end(), plan.moving.extents.begin(), plan.moving.extents.end());
      }
      extents.insert(extents.end(), each.extents.begin(), each.extents.end());
      made.insert(made.end(), each.extents.begin(), each.extents.end());
    }
    plan.range.gaps.assign({{whole.start, whole.pages, whole.pages, false, std::move(extents)}});
    remap(id, plan);
  } catch (...) {
    store_.hold(made);
    abandon();
    throw;
  }
  arena.note_mapped(plan.range, 1);
  journal_.note(LogLevel::info, LogEvent::grow, {}, plan.range.missing_pages * page_bytes_);
  return {plan.range.piece, Taken::yes};
}

/// Takes the extents that move from where the block is to where it goes, and maps those beside them. Throws what the
/// driver throws; all is as before then, or lost.
void Space::remap(std::uint32_t id, MovePlan& plan) {
  LeavingPages& moving = plan.moving;
  if (moving.pages != 0) store_.unmap(moving.address, moving.extents);
  try {
    store_.map(plan.range.gaps.front().start, plan.range.gaps.front().extents);
  } catch (...) {
    if (moving.pages != 0) map_back(id, plan);
    throw;
  }
  if (moving.pages != 0) paged_[blocks_[id].arena]->note_unmapped(moving);
}

/// Maps what had moved where it was. Where the driver refuses that too, it is held for others, and lost.
void Space::map_back(std::uint32_t id, MovePlan& plan) noexcept {
  PagedArena& arena = *paged_[blocks_[id].arena];
  for (int tries = 0; tries < 2; ++tries) {
    try {
      store_.map(plan.moving.address, plan.moving.extents);
      return;
    } catch (const Error& error) {
      journal_.note_fallback(error);
    }
  }
  plan.lost = true;
  arena.note_unmapped(plan.moving);
  store_.hold(plan.moving.extents);
}

void Space::finish_move(std::uint32_t id, const MovePlan& plan, StreamIndex stream_index, std::uint32_t now) {
  Block& block = blocks_[id];
  PagedArena& from = *paged_[block.arena];
  PagedArena& to = *paged_[blocks_[plan.range.piece].arena];
  from.stamp(block.start, block.end(), now);
  Arena::Lock first;
  Arena::Lock second;
  if (&from == &to) {
    first = from.lock();
  } else {  // two arenas are entered in the order of their numbers
    first = (from.number() < to.number() ? from : to).lock();
    second = (from.number() < to.number() ? to : from).lock();
  }
  const std::uint32_t old = plan.range.piece;
  exchange_places(blocks_.data(), id, old);
  blocks_[old].small = std::exchange(block.small, false);
  blocks_[old].stream_index.store(stream_index, std::memory_order_relaxed);
  addresses_.set(block.address(), block.size, id);
  from.leave(old, plan.moving, epochs_.epoch(stream_index), now);
}

/// The block loses its place: what moved out of it is gone.
void Space::drop_rest(std::uint32_t id, const MovePlan& plan, StreamIndex stream_index, std::uint32_t now) {
  PagedArena& arena = *paged_[blocks_[id].arena];
  const auto lock = arena.lock();
  blocks_[id].stream_index.store(stream_index, std::memory_order_relaxed);
  arena.leave(id, plan.moving, epochs_.epoch(stream_index), now);
}

void Space::undo_move(std::uint32_t id, MovePlan& plan) {
  PagedArena& arena = *paged_[blocks_[plan.range.piece].arena];
  Gap& gap = plan.range.gaps.front();
  LeavingPages all;
  all.address = gap.start;
  all.pages = gap.pages;
  all.extents = gap.extents;
  store_.unmap(all.address, all.extents);
  arena.note_unmapped(all);
  if (plan.moving.pages != 0) {
    PagedArena& from = *paged_[blocks_[id].arena];
    GrowthPlan back;
    back.gaps.push_back({plan.moving.address, plan.moving.pages, plan.moving.pages, false, plan.moving.extents});
    from.note_mapped(back, 1);  // which map_back takes off again if it fails
    map_back(id, plan);
  }
  const auto moved = [&](const MovableExtent& extent) {
    return std::any_of(plan.moving.extents.begin(), plan.moving.extents.end(),
                       [&](const MovableExtent& each) { return each.handle == extent.handle; });
  };
  std::erase_if(all.extents, moved);
  store_.hold(all.extents);
  const auto lock = arena.lock();
  arena.abandon_growable(plan.range);
}

}  // namespace weir::pool
