// How a space grows: a place is planned, its pages are found, and they are mapped there.
// Pages cost the driver by the handle, so that new ones come in handles of many pages as
// long as memory is to spare; near a limit they come one by one, as a handle of which a
// part is used cannot move. Free pages are moved before new ones are bought, but not in
// two growths in a row, and no extent twice (the rent-or-buy problem: a move costs the
// driver about what a new handle does): so moves cost no more than purchases, they come
// to rest, and a step that repeats ends in no driver call. Where memory is scarce there
// is no choice, and they go on.
#include <algorithm>
#include <bit>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/space/space.hpp"

namespace weir::pool {

namespace {

constexpr std::uint64_t segment_unit = std::uint64_t{2} << 20;
// Of what is mapped, a new handle has at most so many parts: what its surplus can waste is bounded by that.
constexpr std::uint64_t parts_of_mapped = 64;
// Of a limit, from so large a part on memory is scarce: a job that comes close to its limit shall have few large
// handles. With a half or a quarter, jobs that come within some percent of their limit do not always fit when they are
// repeated.
constexpr std::uint64_t scarce_from_part = 8;

// An extent that was moved once is not moved again instead of a purchase.
constexpr std::uint32_t max_moves_rented = 0;

constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

// --- What an extent may be ---

// Large handles while memory is to spare: far below a limit that the program set, or at which the device refused.
std::uint64_t Space::extent_pages(std::uint64_t missing_pages) const noexcept {
  const std::uint64_t bytes = store_.reserved() + missing_pages * page_bytes_;
  const std::uint64_t scarce_from =
      std::min(explicit_limit_.value_or(UINT64_MAX), store_.refused_at()) / scarce_from_part;
  if (bytes > scarce_from) return 1;
  const std::uint64_t part = bytes / page_bytes_ / parts_of_mapped;
  return std::clamp<std::uint64_t>(std::bit_floor(part), 1, max_growth_pages_);
}

// --- Finding pages ---

// New extents of a layout get their handles, all or none.
Taken Space::create(ExtentLayout& layout) {
  std::vector<MovableExtent> made;
  for (const auto& extents : layout.by_gap) {
    std::copy_if(extents.begin(), extents.end(), std::back_inserter(made),
                 [](const MovableExtent& extent) { return extent.handle == device::PageHandle::none; });
  }
  const Taken taken = store_.create(made);
  if (taken != Taken::yes) return taken;
  auto next = made.begin();
  for (auto& extents : layout.by_gap) {
    for (MovableExtent& extent : extents) {
      if (extent.handle == device::PageHandle::none) extent = *next++;
    }
  }
  return taken;
}

// Held extents, moved ones and new ones, in the order of their cost, and the dearer ways only where those are refused.
Taken Space::supply(GrowthPlan& plan, std::uint8_t home, Effort effort) {
  std::vector<MovableExtent> found = store_.take_held(plan.missing_pages, true);
  try {
    // A growable block cannot use free pages where they are; others rent every second time.
    const bool frugal = effort == Effort::frugal;
    const bool any_move = plan.pages_before || frugal;
    if (any_move || rents()) recycle(found, plan.missing_pages, any_move ? UINT32_MAX : max_moves_rented, home);
    const std::uint64_t growable_or_not = plan.pages_before ? max_growth_pages_ : extent_pages(plan.missing_pages);
    const std::uint64_t large = frugal ? 1 : growable_or_not;
    ExtentLayout layout;
    const auto try_with = [&](std::uint64_t max_pages) {
      layout = lay_out(plan.gaps, {max_pages, plan.pages_before, max_handle_pages_}, found);
      return create(layout);
    };
    Taken taken = try_with(large);
    if (taken != Taken::yes && large != 1) taken = try_with(1);
    if (taken != Taken::yes && effort == Effort::thorough) {
      // What the limit leaves need not be moved here.
      const std::uint64_t left = taken == Taken::limit_refused ? store_.headroom() / page_bytes_ : 0;
      recycle(found, plan.missing_pages - std::min(plan.missing_pages, left), UINT32_MAX, home);
      part_large(found);
      taken = try_with(1);
    }
    if (taken != Taken::yes) {
      store_.hold(found);
      return taken;
    }
    if (layout.new_pages != 0) may_rent_ = true;
    store_.hold(layout.unused);
    for (std::size_t i = 0; i < plan.gaps.size(); ++i) plan.gaps[i].extents = std::move(layout.by_gap[i]);
    return taken;
  } catch (...) {
    store_.hold(found);
    throw;
  }
}

// Where memory is scarce, large extents that are free become as many pages to be created: of those, single ones stay
// free when others are used.
void Space::part_large(std::vector<MovableExtent>& found) {
  std::erase_if(found, [&](const MovableExtent& extent) {
    if (extent.pages == 1) return false;
    store_.destroy({&extent, 1});
    return true;
  });
}

// Takes wholly free extents that no work touches from where they are not needed, the thread's own arena first.
void Space::recycle(std::vector<MovableExtent>& found, std::uint64_t pages, std::uint32_t max_moves,
                    std::uint8_t home) {
  std::uint64_t have = pages_of(found);
  const std::uint64_t before = have;
  const auto take_from = [&](PagedArena& arena) {
    while (have < pages) {
      LeavingPages leaving;
      bool any = false;
      {
        const auto lock = arena.lock();
        any = arena.take_pages({.max_pages = pages - have, .beyond = true, .max_moves = max_moves}, leaving);
      }
      if (!any || !unmap(arena, leaving)) return;
      have += leaving.pages;
      found.insert(found.end(), leaving.extents.begin(), leaving.extents.end());
    }
  };
  for_each_paged([&](PagedArena& arena) {
    if (arena.number() == home) take_from(arena);
  });
  for_each_paged(take_from);
  if (have == before) return;
  may_rent_ = false;
  journal_.note(LogLevel::info, LogEvent::recycle, {}, (have - before) * page_bytes_);
}

// Where addresses run out, free pages leave them, so that holes join. True if any did.
bool Space::clear_addresses(std::uint8_t home) {
  std::vector<MovableExtent> idle;
  recycle(idle, range_bytes_ / page_bytes_, UINT32_MAX, home);
  store_.hold(idle);
  return !idle.empty();
}

/// Finds the missing pages of a plan and maps them. A failure is handed to `abandon` with the number of gaps that were
/// mapped, and thrown on; so is a refusal, with none. No lock is held.
template <class Abandon>
Taken Space::fill_in(GrowthPlan& plan, std::uint8_t home, Effort effort, Abandon abandon) {
  std::size_t mapped = 0;
  try {
    for (const Gap& gap : plan.gaps) addresses_.prepare(gap.start, gap.available_pages * page_bytes_);
    const Taken taken = supply(plan, home, effort);
    if (taken != Taken::yes) {
      abandon(0);
      return taken;
    }
    for (; mapped < plan.gaps.size(); ++mapped) {
      const Gap& gap = plan.gaps[mapped];
      store_.map(gap.address(page_bytes_), gap.extents);
    }
  } catch (...) {
    for (std::size_t i = mapped; i < plan.gaps.size(); ++i) {
      store_.hold(plan.gaps[i].extents);
      plan.gaps[i].extents.clear();
    }
    abandon(mapped);
    throw;
  }
  journal_.note(LogLevel::info, LogEvent::grow, {}, plan.missing_pages * page_bytes_);
  return Taken::yes;
}

// --- Growing ---

Growth Space::grow(const Placement& wanted, std::uint8_t& home, Effort effort) {
  if (mode_ == PoolMode::pages) return grow_pages(wanted, home, effort);
  return mode_ == PoolMode::segments ? grow_segments(wanted, effort) : allocate_directly(wanted);
}

template <class Plan>
PagedArena* Space::arena_that_fits(std::uint8_t home, std::uint64_t granules, Plan plan) {
  const bool may_open = granules <= range_bytes_ >> index::granule_shift;
  for (unsigned i = 0; i < range_count_; ++i) {
    const unsigned number = (home + i) % range_count_;
    if (!may_open && arenas_[number].load(std::memory_order_acquire) == nullptr) continue;
    PagedArena& arena = paged(number);
    if (arena.number() != number) continue;  // it could not be made
    const auto lock = arena.lock();
    if (plan(arena)) return &arena;
  }
  return nullptr;
}

Growth Space::grow_pages(const Placement& wanted, std::uint8_t& home, Effort effort) {
  Placement place = wanted;
  const auto page_granules = static_cast<std::uint32_t>(page_bytes_ >> index::granule_shift);
  if (wanted.small) place = {page_granules, page_granules, wanted.stream_index, false};
  const std::uint64_t pages = round_up(place.granules, page_granules) / page_granules;
  // Also for the pages that a found extent has too many.
  const std::uint64_t surplus = std::max(extent_pages(pages), max_growth_pages_) - 1;
  GrowthPlan plan;
  const auto fits = [&](PagedArena& arena) { return arena.plan_growth(place, surplus, plan); };
  PagedArena* found = arena_that_fits(home, place.granules, fits);
  if (found == nullptr && clear_addresses(home)) found = arena_that_fits(home, place.granules, fits);
  if (found == nullptr) {
    throw Unsupported("pool \"" + journal_.pool_name() + "\": its address ranges, of " + format_bytes(range_bytes_) +
                          " each, have no free range of " + format_bytes(wanted.granules * index::granule_bytes),
                      {.name = journal_.pool_name()});
  }
  PagedArena& arena = *found;
  home = arena.number();
  const Taken taken = fill_in(plan, home, effort, [&](std::size_t mapped) {
    arena.note_mapped(plan, mapped);
    const auto lock = arena.lock();
    arena.abandon_growth(plan, mapped);
  });
  if (taken != Taken::yes) return {0, taken};
  for (const Gap& gap : plan.gaps) {  // a surplus is idle from now on
    const std::uint64_t start = gap.start >> index::granule_shift;
    arena.stamp(start, start + gap.available_pages * page_granules, clock_.now());
  }
  arena.note_mapped(plan, plan.gaps.size());
  const auto lock = arena.lock();
  const std::uint32_t id = arena.finish_growth(plan, place);
  return {wanted.small ? arena.fit_in_page(id, wanted) : id, taken};
}

Growth Space::grow_growable(const Placement& wanted, std::uint32_t max, std::uint8_t home, Effort effort) {
  GrowthPlan plan;
  PagedArena* const found =
      arena_that_fits(home, max, [&](PagedArena& each) { return each.plan_growable(wanted, max, plan); });
  if (found == nullptr) {
    throw Unsupported("pool \"" + journal_.pool_name() + "\": its address ranges, of " + format_bytes(range_bytes_) +
                          " each, have no free range to keep " +
                          format_bytes(std::uint64_t{max} * index::granule_bytes) + " for one block",
                      {.name = journal_.pool_name()});
  }
  PagedArena& arena = *found;
  const Taken taken = fill_in(plan, home, effort, [&](std::size_t) {
    const auto lock = arena.lock();
    arena.abandon_growable(plan);
  });
  if (taken != Taken::yes) return {0, taken};
  arena.note_mapped(plan, plan.gaps.size());
  const auto lock = arena.lock();
  return {arena.finish_growable(plan, wanted), taken};
}

Growth Space::extend(std::uint32_t id, std::uint32_t granules, Effort effort, GrowthPlan& plan) {
  PagedArena& arena = *paged_[blocks_[id].arena];
  {
    const auto lock = arena.lock();
    if (!arena.plan_extension(id, granules, plan)) return {0, Taken::yes};
  }
  const Taken taken = fill_in(plan, arena.number(), effort, [&](std::size_t) {
    const auto lock = arena.lock();
    arena.abandon_extension(plan);
  });
  if (taken != Taken::yes) return {0, taken};
  arena.note_mapped(plan, plan.gaps.size());
  return {id, taken};
}

void Space::finish_extension(const GrowthPlan& plan, std::uint32_t id) {
  PagedArena& arena = *paged_[blocks_[id].arena];
  const auto lock = arena.lock();
  arena.finish_extension(plan, id);
}

// --- Segments ---

Growth Space::grow_segments(const Placement& wanted, Effort effort) {
  const std::uint64_t needed =
      wanted.granules * index::granule_bytes + (wanted.alignment == 1 ? 0 : wanted.alignment * index::granule_bytes);
  const std::uint64_t exact = round_up(needed, segment_unit);
  Segment segment;
  if (effort == Effort::frugal) release_segments(UINT32_MAX, 0);
  const std::uint64_t usual = effort == Effort::frugal ? exact : std::max(exact, segment_bytes_);
  Taken taken = store_.allocate_segment(usual, segment);
  if (taken != Taken::yes && effort == Effort::thorough) {
    release_segments(UINT32_MAX, 0);
    taken = store_.allocate_segment(exact, segment);
    if (taken != Taken::yes) taken = store_.allocate_segment(needed, segment);
  }
  if (taken != Taken::yes) return {0, taken};
  return {use_segment(segment, wanted), taken};
}

Growth Space::allocate_directly(const Placement& wanted) {
  const std::uint64_t padding = wanted.alignment == 1 ? 0 : wanted.alignment * index::granule_bytes;
  Segment segment;
  const Taken taken = store_.allocate_segment(wanted.granules * index::granule_bytes + padding, segment);
  if (taken != Taken::yes) return {0, taken};
  return {use_segment(segment, wanted), taken};
}

std::uint32_t Space::use_segment(const Segment& segment, const Placement& wanted) {
  try {
    addresses_.prepare(segment.address, segment.bytes);
  } catch (...) {
    store_.free_segment(segment);
    throw;
  }
  journal_.note(LogLevel::info, LogEvent::grow, {}, segment.bytes, segment.address);
  const auto lock = segments_.lock();
  segments_.add(segment, clock_.now());
  if (const std::uint32_t id = segments_.fit(wanted)) return id;
  Placement anywhere = wanted;
  anywhere.small = false;  // a segment too short or unaligned has no page for small blocks
  return segments_.fit(anywhere);
}

}  // namespace weir::pool
