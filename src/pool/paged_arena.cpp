#include "pool/paged_arena.hpp"

#include <algorithm>

#include "pool/bundles.hpp"

namespace weir::pool {

using device::PageHandle;
using track::Block;
using track::BlockState;

struct PagedArena::Window {
  std::uint64_t start = 0;
  std::uint32_t first = 0;  ///< a piece at or before the start, in the same run
  std::uint64_t cost = UINT64_MAX;
  std::uint64_t room = UINT64_MAX;
};

// Pages side by side, by their place in the range.
struct PagedArena::Stretch {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

PagedArena::PagedArena(track::BlockTable& blocks, index::AddressMap& addresses, std::uint8_t number,
                       device::Address range, std::uint64_t bytes, std::uint64_t page_bytes)
    : Arena(blocks, addresses, number, static_cast<std::uint32_t>(page_bytes >> index::granule_shift)),
      first_granule_(range >> index::granule_shift),
      pages_(bytes / page_bytes),
      free_since_(bytes / page_bytes) {
  const std::uint32_t id = new_record();
  Block& all = blocks_[id];
  all.start = first_granule_;
  all.size = static_cast<std::uint32_t>(bytes >> index::granule_shift);
  all.previous = 0;
  all.next = 0;
  settle(id, BlockState::hole);
}

// --- Growing ---

bool PagedArena::open_to(std::uint32_t id, Lane lane) const noexcept {
  const Block& block = blocks_[id];
  if (block.is(BlockState::hole)) return true;
  const Lane theirs = block.lane.load(std::memory_order_relaxed);
  return block.is(BlockState::free) && (theirs == lane || theirs == clean_lane);
}

std::uint64_t PagedArena::pages_missing(std::uint32_t first, std::uint64_t start, std::uint64_t end) const noexcept {
  std::uint64_t granules = 0;
  for (std::uint32_t id = first; id != 0 && blocks_[id].start < end; id = blocks_[id].next) {
    const Block& piece = blocks_[id];
    if (!piece.is(BlockState::hole)) continue;
    const std::uint64_t from = std::max<std::uint64_t>(page_down(start), piece.start);
    const std::uint64_t to = std::min(page_up(end), piece.end());
    if (to > from) granules += to - from;
  }
  return pages_in(granules);
}

// A run is what lies between two blocks: holes and free ranges. The block may start
// where any piece of the run starts, or end where one ends.
void PagedArena::consider_run(std::uint32_t first_hole, const Placement& wanted, std::uint64_t alignment,
                              Window& best) const {
  std::uint32_t first = first_hole;
  for (std::uint32_t id = blocks_[first].previous; id != 0 && open_to(id, wanted.lane); id = blocks_[id].previous) {
    if (blocks_[id].is(BlockState::hole)) return;  // seen from that hole
    first = id;
  }
  std::uint32_t past = first;
  std::uint64_t end = 0;
  for (; past != 0 && open_to(past, wanted.lane); past = blocks_[past].next) end = blocks_[past].end();
  const std::uint64_t start = blocks_[first].start;
  const std::uint64_t room = end - start;
  if (room < wanted.granules) return;
  const auto consider = [&](std::uint64_t at) {
    if (at < start || at + wanted.granules > end) return;
    const std::uint64_t cost = pages_missing(first, at, at + wanted.granules);
    if (cost < best.cost || (cost == best.cost && room < best.room)) best = {at, first, cost, room};
  };
  for (std::uint32_t id = first; id != past; id = blocks_[id].next) {
    const Block& piece = blocks_[id];
    consider((piece.start + alignment - 1) / alignment * alignment);
    if (piece.end() >= start + wanted.granules) consider((piece.end() - wanted.granules) / alignment * alignment);
  }
}

std::optional<GrowthPlan> PagedArena::plan_growth(const Placement& wanted) {
  Window best;
  const bool whole = wanted.granules == page_down(wanted.granules);
  const std::uint64_t alignment = whole ? std::max(page_granules_, wanted.alignment) : wanted.alignment;
  holes_.for_each(blocks_, [&](std::uint32_t hole) { consider_run(hole, wanted, alignment, best); });
  if (best.cost == UINT64_MAX) return std::nullopt;

  GrowthPlan plan;
  plan.block_start = best.start;
  const std::uint64_t end = best.start + wanted.granules;
  std::uint32_t id = best.first;
  while (blocks_[id].end() <= best.start) id = blocks_[id].next;
  while (id != 0 && blocks_[id].start < end) {
    const std::uint32_t next = blocks_[id].next;
    if (blocks_[id].is(BlockState::hole)) {
      const std::uint64_t from = std::max<std::uint64_t>(page_down(best.start), blocks_[id].start);
      const std::uint64_t to = std::min(page_up(end), blocks_[id].end());
      erase_hole(id);
      carve(id, from, static_cast<std::uint32_t>(to - from));
      const std::uint64_t pages = pages_in(to - from);
      plan.missing.push_back({from << index::granule_shift, std::vector<PageHandle>(pages, PageHandle::none)});
      plan.missing_pages += pages;
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
  return plan;
}

void PagedArena::note_pages(const PageRun& run) {
  const std::size_t first = page_index(run.address >> index::granule_shift);
  pages_end_ = std::max(pages_end_, first + run.pages.size());
  std::copy(run.pages.begin(), run.pages.end(), pages_.begin() + first);
  mapped_pages_.add(run.pages.size());
}

std::uint32_t PagedArena::finish_growth(const GrowthPlan& plan, const Placement& wanted) {
  for (const PageRun& run : plan.missing) note_pages(run);
  Block& piece = blocks_[plan.piece];
  open(wanted.lane);
  piece.lane.store(wanted.lane, std::memory_order_relaxed);
  // Through the ordinary lists, so that what is left over joins its neighbours.
  settle(plan.piece, BlockState::free);
  erase_free(plan.piece);
  carve(plan.piece, plan.block_start, wanted.granules);
  piece.lane.store(wanted.lane, std::memory_order_relaxed);  // it may have joined another's
  addresses_.set(piece.address(), piece.size, plan.piece);
  return plan.piece;
}

void PagedArena::abandon_growth(const GrowthPlan& plan, std::size_t mapped_runs) {
  for (std::size_t i = 0; i < mapped_runs; ++i) note_pages(plan.missing[i]);
  std::uint32_t rest = plan.piece;
  open(blocks_[rest].lane.load(std::memory_order_relaxed));  // its lists may have been put aside since
  const std::uint64_t end = blocks_[rest].end();
  for (std::size_t i = mapped_runs; i < plan.missing.size(); ++i) {
    const PageRun& run = plan.missing[i];
    Block& piece = blocks_[rest];
    const std::uint64_t start = run.address >> index::granule_shift;
    const bool leaves_before = start > piece.start;
    piece.become(BlockState::free);  // so that carve leaves free what is no hole
    carve(rest, start, static_cast<std::uint32_t>(run.pages.size() * page_granules_));
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
  piece.lane.store(clean_lane, std::memory_order_relaxed);
  piece.requested = 0;
  settle(id, BlockState::hole);
}

// --- Shrinking ---

PageRun PagedArena::run_at(std::uint64_t start, std::uint64_t pages) const {
  const PageHandle* first = pages_.begin() + page_index(start);
  return {start << index::granule_shift, {first, first + pages}};
}

bool PagedArena::goes_on(std::uint64_t page) const noexcept { return page < pages_end_ && pages_[page] == bundled; }

// Where the pages that a stretch can give start; its end if it can give none.
std::uint64_t PagedArena::start_of_last(const Stretch& stretch, const PagesWanted& wanted) const noexcept {
  if (stretch.start == stretch.end) return stretch.end;
  std::uint64_t start = stretch.end - std::min(stretch.end - stretch.start, wanted.most);
  if (wanted.beyond) {
    while (goes_on(start)) --start;
  } else {
    while (start < stretch.end && goes_on(start)) ++start;
  }
  return start;
}

std::optional<LeavingPages> PagedArena::take_pages(const PagesWanted& wanted, std::uint32_t since) {
  const Ranges* list = large_ranges(clean_lane);
  if (list == nullptr || wanted.most == 0) return std::nullopt;
  // The smallest stretch with enough pages keeps the large ones whole; failing that, the largest.
  std::uint32_t best = 0;
  Stretch best_stretch;
  const auto consider = [&](std::uint32_t id, Stretch stretch) {
    while (stretch.start < stretch.end && goes_on(stretch.start)) ++stretch.start;
    while (stretch.start < stretch.end && goes_on(stretch.end)) --stretch.end;
    if (start_of_last(stretch, wanted) == stretch.end) return;
    const std::uint64_t pages = stretch.end - stretch.start;
    const std::uint64_t best_pages = best_stretch.end - best_stretch.start;
    const bool enough = pages >= wanted.most;
    const bool better = best == 0 || (best_pages >= wanted.most ? enough && pages < best_pages : pages > best_pages);
    if (!better) return;
    best = id;
    best_stretch = stretch;
  };
  list->for_each_from(blocks_, page_granules_, [&](std::uint32_t id) {
    const std::uint64_t first = page_index(page_up(blocks_[id].start));
    const std::uint64_t end = first + whole_pages(blocks_[id]);
    Stretch stretch{end, end};
    for (std::uint64_t page = end; page-- > first;) {
      if (free_since_[page] <= since) {
        stretch.start = page;
        if (page == first) consider(id, stretch);
      } else {
        if (stretch.start != stretch.end) consider(id, stretch);
        stretch = {page, page};
      }
    }
  });
  if (best == 0) return std::nullopt;

  // From the end of the stretch, so that what stays joins what lies before.
  const std::uint64_t from = start_of_last(best_stretch, wanted);
  const std::uint64_t pages = best_stretch.end - from;
  const std::uint64_t start = first_granule_ + from * page_granules_;
  erase_free(best);
  carve(best, start, static_cast<std::uint32_t>(pages * page_granules_));
  return LeavingPages{best, run_at(start, pages)};
}

std::uint64_t PagedArena::spare_pages(Lane lane) const {
  std::uint64_t pages = 0;
  for (const Lane each : {clean_lane, lane}) {
    const Ranges* list = large_ranges(each);
    if (list == nullptr) continue;
    list->for_each_from(blocks_, page_granules_, [&](std::uint32_t id) { pages += whole_pages(blocks_[id]); });
  }
  return pages >= mapped_pages() / share_to_spare ? pages : 0;
}

void PagedArena::pages_left(const LeavingPages& pages) {
  forget_pages(pages.run);
  make_hole(pages.piece);
}

void PagedArena::forget_pages(const PageRun& run) {
  const std::size_t first = page_index(run.address >> index::granule_shift);
  std::fill_n(pages_.begin() + first, run.pages.size(), PageHandle::none);
  mapped_pages_.add(-run.pages.size());
}

void PagedArena::pages_stayed(const LeavingPages& pages) { settle(pages.piece, BlockState::free); }

std::vector<PageRun> PagedArena::mapped_runs() const {
  std::vector<PageRun> runs;
  for (std::size_t page = 0; page < pages_end_; ++page) {
    if (pages_[page] == PageHandle::none) continue;
    if (page == 0 || pages_[page - 1] == PageHandle::none) {
      runs.push_back({(first_granule_ + page * page_granules_) << index::granule_shift, {}});
    }
    runs.back().pages.push_back(pages_[page]);
  }
  return runs;
}

void PagedArena::became_free(std::uint64_t start, std::uint64_t end, const Block& range, std::uint32_t now) {
  const std::uint64_t from = std::max(page_down(start), page_up(range.start));
  const std::uint64_t to = std::min(page_up(end), page_down(range.end()));
  for (std::uint64_t at = from; at < to; at += page_granules_) free_since_[page_index(at)] = now;
}

}  // namespace weir::pool
