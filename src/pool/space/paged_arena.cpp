#include "pool/space/paged_arena.hpp"

#include <algorithm>

namespace weir::pool {

using track::Block;
using track::BlockState;

namespace {

// How much of an arena one search looks at, so that its lock is held for some microseconds at most.
constexpr int max_ranges = 64;             // that pages may be taken from
constexpr std::uint64_t max_steps = 2048;  // extents looked at for that

}  // namespace

device::Address Gap::address(std::uint64_t page_bytes) const noexcept {
  return from_end ? start + (available_pages - pages_of(extents)) * page_bytes : start;
}

// Extents side by side, by their pages' places in the range.
struct PagedArena::Stretch {
  std::size_t start = 0;
  std::size_t end = 0;
  [[nodiscard]] std::uint64_t pages() const noexcept { return end - start; }
};

PagedArena::PagedArena(track::BlockTable& blocks, index::AddressMap& addresses, std::uint8_t number,
                       device::Address range, std::uint64_t bytes, std::uint64_t page_bytes)
    : Arena(blocks, addresses, number, static_cast<std::uint32_t>(page_bytes >> index::granule_shift)),
      first_granule_(range >> index::granule_shift),
      pages_(bytes / page_bytes),
      free_since_(bytes / page_bytes, "the ages of pages") {
  const std::uint32_t id = new_record();
  Block& all = blocks_[id];
  all.start = first_granule_;
  all.size = static_cast<std::uint32_t>(bytes >> index::granule_shift);
  all.previous = 0;
  all.next = 0;
  settle(id, BlockState::hole);
}

// --- Growing ---

// The part of the hole that the window needs, and the pages beside it that a surplus may take.
Gap PagedArena::take_gap(std::uint32_t hole, const Window& window, std::uint64_t end, std::uint64_t surplus) {
  const Block& piece = blocks_[hole];
  const std::uint64_t needed_from = std::max<std::uint64_t>(page_down(window.start), piece.start);
  const std::uint64_t needed_to = std::min(page_up(end), piece.end());
  const std::uint64_t wished = surplus * page_granules_;
  std::uint64_t from = needed_from;
  std::uint64_t to = std::min(needed_to + wished, piece.end());
  const bool from_end = to == needed_to && wished != 0;
  if (from_end) from -= std::min(wished, needed_from - piece.start);
  Gap gap;
  gap.start = from << index::granule_shift;
  gap.pages = pages_in(needed_to - needed_from);
  gap.available_pages = pages_in(to - from);
  gap.from_end = from_end;
  erase_hole(hole);
  carve(hole, from, static_cast<std::uint32_t>(to - from));
  return gap;
}

bool PagedArena::plan_growth(const Placement& wanted, std::uint64_t surplus, GrowthPlan& plan) {
  keep_records();
  std::uint64_t steps = 0;
  const Window best = best_window(wanted, steps);
  note_loop(steps);
  if (best.cost == UINT64_MAX) return false;
  plan.block_start = best.start;
  const std::uint64_t end = best.start + wanted.granules;
  std::uint32_t id = best.first;
  for (; blocks_[id].end() <= best.start; ++steps) id = blocks_[id].next;
  while (id != 0 && blocks_[id].start < end) {
    ++steps;
    std::uint32_t next = blocks_[id].next;
    if (blocks_[id].is(BlockState::hole)) {
      // Only the outermost gaps can be longer than the window needs.
      const bool outermost = blocks_[id].start <= best.start || blocks_[id].end() >= end;
      plan.gaps.push_back(take_gap(id, best, end, outermost ? surplus : 0));
      const Gap& gap = plan.gaps.back();
      if (gap.available_pages > gap.pages) surplus = 0;
      plan.missing_pages += gap.pages;
      next = blocks_[id].next;
    } else {
      erase_free(id);
      blocks_[id].become(BlockState::busy);
    }
    if (plan.piece == 0) {
      plan.piece = id;
    } else {
      merge(plan.piece, id);
    }
    id = next;
  }
  note_loop(steps);
  return true;
}

void PagedArena::note_mapped(const GrowthPlan& plan, std::size_t mapped) {
  for (std::size_t i = 0; i < mapped; ++i) {
    const Gap& gap = plan.gaps[i];
    pages_.note(page_index(gap.address(page_bytes()) >> index::granule_shift), gap.extents);
    mapped_pages_ += pages_of(gap.extents);
  }
}

void PagedArena::note_unmapped(const LeavingPages& pages) {
  pages_.forget(page_index(pages.address >> index::granule_shift), pages.pages);
  mapped_pages_ -= pages.pages;
}

// Available pages that were not needed are a hole again, at one end of the piece.
void PagedArena::cut_rest(const GrowthPlan& plan) {
  for (const Gap& gap : plan.gaps) {
    const std::uint64_t rest = (gap.available_pages - pages_of(gap.extents)) * page_granules_;
    if (rest == 0) continue;
    Block& piece = blocks_[plan.piece];
    const std::uint32_t hole = new_record();
    Block& cut = blocks_[hole];
    cut.size = static_cast<std::uint32_t>(rest);
    piece.size -= cut.size;
    if (gap.from_end) {
      cut.start = piece.start;
      cut.previous = piece.previous;
      cut.next = plan.piece;
      piece.start = cut.end();
      piece.previous = hole;
      if (cut.previous != 0) blocks_[cut.previous].next = hole;
    } else {
      cut.start = piece.end();
      cut.previous = plan.piece;
      cut.next = piece.next;
      piece.next = hole;
      if (cut.next != 0) blocks_[cut.next].previous = hole;
    }
    cut.stamp = 0;
    make_hole(hole);
  }
}

std::uint32_t PagedArena::finish_growth(const GrowthPlan& plan, const Placement& wanted) {
  cut_rest(plan);
  Block& piece = blocks_[plan.piece];
  open(wanted.stream_index);
  piece.stream_index.store(wanted.stream_index, std::memory_order_relaxed);
  // Through the ordinary lists, so that what is left over joins its neighbours.
  settle(plan.piece, BlockState::free);
  erase_free(plan.piece);
  carve(plan.piece, plan.block_start, wanted.granules);
  piece.stream_index.store(wanted.stream_index, std::memory_order_relaxed);  // it may have joined another's
  addresses_.set(piece.address(), piece.size, plan.piece);
  return plan.piece;
}

void PagedArena::abandon_growth(const GrowthPlan& plan, std::size_t mapped) {
  std::uint32_t rest = plan.piece;
  open(blocks_[rest].stream_index.load(std::memory_order_relaxed));  // its lists may have been put aside since
  const std::uint64_t end = blocks_[rest].end();
  for (std::size_t i = 0; i < plan.gaps.size(); ++i) {
    const Gap& gap = plan.gaps[i];
    const std::uint64_t pages = i < mapped ? gap.available_pages - pages_of(gap.extents) : gap.available_pages;
    if (pages == 0) continue;
    const std::uint64_t first = gap.start >> index::granule_shift;
    const std::uint64_t start = gap.from_end ? first : first + (gap.available_pages - pages) * page_granules_;
    Block& piece = blocks_[rest];
    const bool leaves_before = start > piece.start;
    piece.become(BlockState::free);  // so that carve leaves free what is no hole
    carve(rest, start, static_cast<std::uint32_t>(pages * page_granules_));
    const std::uint32_t before = piece.previous;
    const std::uint32_t after = piece.end() < end ? piece.next : 0;
    make_hole(rest);
    if (leaves_before) rejoin(before);
    rest = after;
    if (rest == 0) return;
    erase_free(rest);
  }
  settle(rest, BlockState::free);
}

void PagedArena::rejoin(std::uint32_t id) {
  erase_free(id);
  settle(id, BlockState::free);
}

void PagedArena::make_hole(std::uint32_t id) {
  Block& piece = blocks_[id];
  piece.stream_index.store(clean_index, std::memory_order_relaxed);
  piece.requested = 0;
  settle(id, BlockState::hole);
}

// --- Shrinking ---

// Whether the extent that starts at the page may go.
bool PagedArena::leaves(std::size_t page, const PagesWanted& wanted, std::uint64_t& steps) const noexcept {
  const MovableExtent extent = pages_.at(page);
  if (extent.moves > wanted.max_moves) return false;
  if (wanted.since == UINT32_MAX) return true;
  for (std::size_t each = page; each < page + extent.pages; ++each, ++steps) {
    if (free_since_[each].load(std::memory_order_relaxed) > wanted.since) return false;
  }
  return true;
}

// The last extents of a free range that are wanted, as many as are wanted; from its end, so that what stays joins what
// lies before.
PagedArena::Stretch PagedArena::last_stretch(std::uint32_t range, const PagesWanted& wanted,
                                             std::uint64_t& steps) const {
  const std::size_t first = page_index(page_up(blocks_[range].start));
  std::size_t end = first + whole_pages(blocks_[range]);
  while (end > first && pages_.end_of(end - 1) > end) end = pages_.first_of(end - 1);  // it goes on in a block
  Stretch found{end, end};
  for (std::size_t taken = 0; found.start > first && taken < LeavingPages::max_extents && steps < max_steps;) {
    ++steps;
    const std::size_t start = pages_.first_of(found.start - 1);
    if (start < first) break;
    const std::uint64_t pages = found.end - start;
    const bool too_many = pages > wanted.max_pages && !wanted.beyond;
    if (too_many || !leaves(start, wanted, steps)) {
      if (found.pages() != 0) break;
      found = {start, start};
      continue;
    }
    found.start = start;
    ++taken;
    if (pages >= wanted.max_pages) break;
  }
  return found;
}

bool PagedArena::take_pages(const PagesWanted& wanted, LeavingPages& leaving) {
  const Ranges* list = large_ranges(clean_index);
  if (list == nullptr || wanted.max_pages == 0) return false;
  // The smallest range with enough pages keeps the large ones whole; failing that, the one with most.
  std::uint32_t best = 0;
  Stretch best_stretch;
  std::uint64_t steps = 0;
  std::uint64_t steps_before = 0;
  int ranges = 0;
  const auto consider = [&](std::uint32_t id) {
    const Stretch stretch = last_stretch(id, wanted, steps);
    if (stretch.pages() > best_stretch.pages()) {
      best = id;
      best_stretch = stretch;
    }
    return best_stretch.pages() >= wanted.max_pages || ++ranges == max_ranges || steps >= max_steps;
  };
  const std::uint64_t enough = std::min(wanted.max_pages * page_granules_, index::max_granules);
  static_cast<void>(list->find_if(blocks_, static_cast<std::uint32_t>(enough), consider));
  if (best_stretch.pages() < wanted.max_pages) {
    ranges = 0;
    steps_before = steps - std::min(steps, max_steps / 2);
    steps -= steps_before;
    static_cast<void>(list->find_if_down(blocks_, page_granules_, consider));
  }
  note_loop(steps_before + steps + 2 * max_ranges);
  if (best == 0) return false;
  leaving.pages = best_stretch.pages();
  leaving.address = granule_of(best_stretch.start) << index::granule_shift;
  for (std::size_t page = best_stretch.start; page < best_stretch.end; page = pages_.end_of(page)) {
    leaving.extents.push_back(pages_.at(page));
  }
  erase_free(best);
  leaving.piece =
      carve(best, granule_of(best_stretch.start), static_cast<std::uint32_t>(leaving.pages * page_granules_));
  return true;
}

void PagedArena::pages_left(const LeavingPages& pages) { make_hole(pages.piece); }

void PagedArena::pages_stayed(const LeavingPages& pages) { settle(pages.piece, BlockState::free); }

std::vector<MappedExtents> PagedArena::mapped_extents() const {
  std::vector<MappedExtents> all;
  bool goes_on = false;
  for (std::size_t page = 0; page < pages_.end();) {
    if (!pages_.mapped(page)) {
      goes_on = false;
      ++page;
      continue;
    }
    if (!goes_on) all.push_back({granule_of(page) << index::granule_shift, {}});
    goes_on = true;
    all.back().extents.push_back(pages_.at(page));
    page = pages_.end_of(page);
  }
  return all;
}

void PagedArena::stamp(std::uint64_t start, std::uint64_t end, std::uint32_t now) noexcept {
  for (std::uint64_t at = page_up(start); at + page_granules_ <= end; at += page_granules_) {
    free_since_[page_index(at)].store(now, std::memory_order_relaxed);
  }
}

// The pages at the edges of the block; those inside it were stamped before.
void PagedArena::became_free(std::uint64_t start, std::uint64_t end, const Block& range, std::uint32_t now) {
  for (const std::uint64_t at : {page_down(start), page_down(end - 1)}) {
    if (at >= range.start && at + page_granules_ <= range.end()) {
      free_since_[page_index(at)].store(now, std::memory_order_relaxed);
    }
  }
}

}  // namespace weir::pool
