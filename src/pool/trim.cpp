// Memory back to the driver: on request, when it has been idle for long, and at
// once where the pool is switched off.
#include <algorithm>

#include <weir/errors.hpp>

#include "pool/bundles.hpp"
#include "pool/implementation.hpp"

namespace weir {

bool Pool::Implementation::unmap(pool::PagedArena& arena, const pool::LeavingPages& pages) {
  try {
    backend_.unmap(pages.run.address, pool::extents_of(pages.run.pages));
  } catch (const Error& error) {
    log(LogLevel::warning, LogEvent::fallback, error.message(), 0, pages.run.address, StreamId{});
    const auto lock = arena.lock();
    arena.pages_stayed(pages);
    return false;
  }
  const auto lock = arena.lock();
  arena.pages_left(pages);
  return true;
}

std::uint64_t Pool::Implementation::free_bytes() const {
  std::uint64_t bytes = store_.held();
  for_each_arena([&](pool::Arena& arena) {
    const auto lock = arena.lock();
    bytes += arena.free_granules() * index::granule_bytes;
  });
  return bytes;
}

std::uint64_t Pool::Implementation::release_pages(std::uint32_t since, std::uint64_t keep_free) {
  std::uint64_t released = 0;
  const auto spare_pages = [&] {
    const std::uint64_t free = free_bytes();
    return free > keep_free ? (free - keep_free) / info_.page_bytes : 0;
  };
  const std::vector<device::PageHandle> held = store_.take_held({spare_pages()});
  store_.destroy(held);
  released += held.size() * info_.page_bytes;
  for_each_paged([&](pool::PagedArena& arena) {
    while (const std::uint64_t most = spare_pages()) {
      std::optional<pool::LeavingPages> leaving;
      {
        const auto lock = arena.lock();
        leaving = arena.take_pages({most}, since);
      }
      if (!leaving || !unmap(arena, *leaving)) return;
      store_.destroy(leaving->run.pages);
      released += leaving->run.pages.size() * info_.page_bytes;
    }
  });
  slack_.drop(released / info_.page_bytes);
  return released;
}

std::uint64_t Pool::Implementation::release_idle_segments(std::uint32_t since, std::uint64_t keep_free) {
  std::uint64_t released = 0;
  for (;;) {
    const std::uint64_t free = free_bytes();
    if (free <= keep_free) return released;
    std::optional<pool::Segment> idle;
    {
      const auto lock = segments_->lock();
      idle = segments_->take_idle(since, free - keep_free);
    }
    if (!idle) return released;
    store_.free_segment(*idle);
    released += idle->bytes;
  }
}

// With the pool off a free is the driver's: the memory must be unused, so its stream is waited for.
void Pool::Implementation::free_directly(std::uint32_t id, Lane lane, std::uint32_t now) {
  const Moving moving(flushing_, moved_);
  bool done = false;
  try {
    const auto point = lanes_.record(lane);
    done = point && wait_for(point->event(), core::Deadline(options_.reclaim_deadline));
  } catch (const Error& error) {
    report_fallback(error, lanes_.stream(lane));
  }
  {
    const auto lock = segments_->lock();
    blocks_[id].lane.store(done ? pool::clean_lane : lane, std::memory_order_relaxed);
    segments_->release(id, done ? 0 : lanes_.epoch(lane), now);
  }
  release_idle_segments(UINT32_MAX, 0);
}

std::uint64_t Pool::Implementation::trim(std::uint64_t keep_free) {
  require_usable();
  const Moving moving(flushing_, moved_);
  const core::Deadline deadline(options_.reclaim_deadline);
  reclaim_pending(deadline);
  flush_all();
  clean_lanes(deadline, false);
  const std::uint64_t released = release_pages(UINT32_MAX, keep_free) + release_idle_segments(UINT32_MAX, keep_free);
  if (released != 0) log(LogLevel::info, LogEvent::trim, {}, released, 0, StreamId{});
  return released;
}

void Pool::Implementation::maintain() {
  require_usable();
  const std::uint32_t now = coarse_now();
  next_maintenance_.store(now + maintenance_interval, std::memory_order_relaxed);
  // For threads that have not looked for long: what they free next was not freed long ago.
  for_each_cache([&](Cache& cache) { cache.now = now; });
  reclaim_pending(core::Deadline());
  clean_lanes(core::Deadline(), false);
  const Moving moving(flushing_, moved_);
  const std::int64_t age = options_.idle_age.count() >> coarse_shift;
  if (age >= now) return;
  const std::uint32_t since = now - static_cast<std::uint32_t>(age);
  flush_all(since);
  clean_lanes(core::Deadline(), false);
  const std::uint64_t released =
      release_pages(since, options_.keep_free) + release_idle_segments(since, options_.keep_free);
  if (released != 0) log(LogLevel::info, LogEvent::trim, {}, released, 0, StreamId{});
}

// Another library's bytes push idle memory out before they are refused.
std::shared_ptr<detail::Claims> Pool::Implementation::book_external(std::uint64_t bytes) {
  require_usable();
  try {
    return store_.book_external(bytes);
  } catch (const LimitExceeded&) {
    if (bytes > store_.limit() || trim(0) == 0) throw;
    return store_.book_external(bytes);
  }
}

}  // namespace weir
