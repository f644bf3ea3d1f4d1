// Pages and segments on their way back: to where they are needed, to the driver, and all
// of them at a pool's end.
#include <algorithm>

#include <weir/errors.hpp>

#include "pool/space/space.hpp"

namespace weir::pool {

bool Space::unmap(PagedArena& arena, LeavingPages& leaving) {
  try {
    store_.unmap(leaving.address, leaving.extents);
  } catch (const Error& error) {
    journal_.note(LogLevel::warning, LogEvent::fallback, error.message(), 0, leaving.address);
    const auto lock = arena.lock();
    arena.pages_stayed(leaving);
    return false;
  }
  arena.note_unmapped(leaving);
  const auto lock = arena.lock();
  arena.pages_left(leaving);
  return true;
}

std::uint64_t Space::release_pages(std::uint32_t since, std::uint64_t keep_free) {
  std::uint64_t released = 0;
  const auto spare_pages = [&] {
    const std::uint64_t free = free_bytes();
    return free > keep_free ? (free - keep_free) / page_bytes_ : 0;
  };
  const std::vector<MovableExtent> held = store_.take_held(spare_pages(), false);
  store_.destroy(held);
  released += pages_of(held) * page_bytes_;
  for_each_paged([&](PagedArena& arena) {
    while (const std::uint64_t spare = spare_pages()) {
      LeavingPages leaving;
      bool any = false;
      {
        const auto lock = arena.lock();
        any = arena.take_pages({.max_pages = spare, .since = since}, leaving);
      }
      if (!any || !unmap(arena, leaving)) return;
      store_.destroy(leaving.extents);
      released += leaving.pages * page_bytes_;
    }
  });
  return released;
}

std::uint64_t Space::release_segments(std::uint32_t since, std::uint64_t keep_free) {
  std::uint64_t released = 0;
  for (;;) {
    const std::uint64_t free = free_bytes();
    if (free <= keep_free) return released;
    std::optional<Segment> idle;
    {
      const auto lock = segments_.lock();
      idle = segments_.take_idle(since, free - keep_free);
    }
    if (!idle) return released;
    store_.free_segment(*idle);
    released += idle->bytes;
  }
}

// --- The tail of a growable block ---

std::uint32_t Space::tail_granules(std::uint32_t id, std::uint32_t granules) {
  PagedArena& arena = *paged_[blocks_[id].arena];
  const auto lock = arena.lock();
  return arena.tail_granules(id, granules);
}

void Space::list_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving) const {
  paged_[blocks_[id].arena]->list_tail(id, granules, leaving);
}

void Space::take_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving) {
  PagedArena& arena = *paged_[blocks_[id].arena];
  const auto lock = arena.lock();
  arena.take_tail(id, granules, leaving);
}

void Space::unmap_tail(LeavingPages& leaving) {
  store_.unmap(leaving.address, leaving.extents);
  paged_[blocks_[leaving.piece].arena]->note_unmapped(leaving);
  store_.hold(leaving.extents);
}

void Space::tail_left(const LeavingPages& leaving, std::uint32_t id) {
  PagedArena& arena = *paged_[blocks_[id].arena];
  const auto lock = arena.lock();
  arena.tail_left(leaving);
}

void Space::tail_stayed(const LeavingPages& leaving, std::uint32_t id) {
  PagedArena& arena = *paged_[blocks_[id].arena];
  const auto lock = arena.lock();
  arena.tail_stayed(leaving, id);
}

// --- The end ---

bool Space::unmap_for_good(MappedExtents& mapped) noexcept {
  for (int tries = 0; tries < 2; ++tries) {
    try {
      store_.unmap(mapped.address, mapped.extents);
      return true;
    } catch (const DeviceLost&) {
      return true;
    } catch (const Error& error) {
      journal_.note_fallback(error);
    }
  }
  return false;
}

void Space::return_everything() noexcept {
  bool all_unmapped = true;
  for_each_paged([&](PagedArena& arena) {
    for (MappedExtents& mapped : arena.mapped_extents()) {
      if (unmap_for_good(mapped)) {
        store_.destroy(mapped.extents);
      } else {
        all_unmapped = false;
      }
    }
  });
  store_.destroy(store_.take_held(UINT64_MAX, false));
  for (const Segment& segment : segments_.all()) store_.free_segment(segment);
  if (all_unmapped) {
    unreserve_ranges();
  } else {
    leave_ranges();
    journal_.note(LogLevel::error, LogEvent::leak, "pages could not be unmapped; their memory is not freed",
                  store_.reserved());
  }
}

void Space::unreserve_ranges() noexcept {
  for (const Range& range : ranges_) {
    if (range.bytes != 0) backend_.unreserve(range.address, range.bytes);
  }
  leave_ranges();
}

}  // namespace weir::pool
