// Memory from the driver: what a request comes to when nothing mapped can serve
// it. Held pages first, then wholly free ones from where they are not needed,
// then new ones; segments where there is no virtual memory. Growable blocks get
// bundles of pages where the driver has such.
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/bundles.hpp"
#include "pool/ladder.hpp"
#include "pool/page_layout.hpp"

namespace weir {

using device::PageHandle;
using pool::Placement;

namespace {

constexpr std::uint64_t segment_unit = std::uint64_t{2} << 20;

// A bundle's pages are free for others only together, so that larger ones would save few calls more and bind much.
constexpr std::uint64_t most_bundle_bytes = std::uint64_t{64} << 20;

constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

// The ladder of a request that nothing mapped can serve: finished frees and all caches
// are gathered, other streams' memory is claimed, memory is taken from the driver;
// where that is refused, pending work is waited for, once, before giving up.
Pool::Implementation::Served Pool::Implementation::grow(const Placement& wanted, const Request& request, Cache& cache) {
  const Moving moving(growing_, moved_);
  try {
    return with_reclaim([&]() -> Served {
      if (mode_ != PoolMode::off) {
        if (const std::uint32_t id = fit_in_any(wanted, nullptr)) return {id, Source::arena};
        claim_lanes(wanted.lane);
        if (const std::uint32_t id = fit_in_any(wanted, nullptr)) return {id, Source::arena};
      }
      return {take_from_driver(wanted, cache.home), Source::driver};
    });
  } catch (const std::bad_alloc&) {
    Placement anywhere = wanted;
    anywhere.small = false;  // a small block may break a large range rather than be refused
    if (const std::uint32_t id = fit_in_any(anywhere, nullptr)) return {id, Source::arena};
    refuse(request);
  } catch (const DeviceLost&) {
    throw;
  } catch (const Error& error) {
    if (mode_ == PoolMode::off) throw;
    log(LogLevel::warning, LogEvent::fallback, error.message(), request.bytes, 0, request.stream);
    return {allocate_directly(wanted), Source::driver};
  }
}

// An allocation that nobody takes: no book knows of it, and what it finds or maps is free at once.
void Pool::Implementation::map_ahead(std::uint64_t bytes, StreamId stream) {
  require_usable();
  if (mode_ == PoolMode::off) {
    throw Unsupported("pool \"" + options_.name + "\" is off and keeps no memory, so none can be mapped ahead",
                      {.name = options_.name, .bytes_asked = bytes});
  }
  if (bytes == 0) return;
  Cache& cache = cache_of(stream);
  const Request request{bytes, Pool::granule, stream, Tag::none, {}};
  Placement wanted = placement(request, cache.lane);
  wanted.small = false;
  std::uint32_t id = fit_in_any(wanted, nullptr);
  if (id == 0) id = grow(wanted, request, cache).id;
  release(id, blocks_[id].lane, coarse_now());
}

// What other threads have taken out of caches or arenas is in none of them for a moment: true if there
// was such memory since, which may be there by now. The wait is bounded, for this thread may be in a callback
// of such a thread itself, and two that are both refused wait for each other.
bool Pool::Implementation::await_others(std::uint64_t moved_before) const noexcept {
  constexpr int most_yields = 100;
  const auto others = [&] { return flushing_.load() != 0 || growing_.load() > 1; };
  if (!others()) return moved_ != moved_before;
  for (int i = 0; i < most_yields && others(); ++i) std::this_thread::yield();
  // Yielding alone need not bring back a thread that has lost its core.
  if (others()) std::this_thread::sleep_for(std::chrono::microseconds(100));
  return true;
}

std::uint32_t Pool::Implementation::take_from_driver(const Placement& wanted, std::uint8_t home) {
  if (mode_ == PoolMode::pages) return grow_pages(wanted, home);
  return mode_ == PoolMode::segments ? grow_segments(wanted) : allocate_directly(wanted);
}

std::uint32_t Pool::Implementation::grow_pages(const Placement& wanted, std::uint8_t home, pool::PagesFrom from) {
  pool::PagedArena& arena = paged_arena(home);
  Placement place = wanted;
  if (wanted.small) {
    const auto page_granules = static_cast<std::uint32_t>(info_.page_bytes >> index::granule_shift);
    place = {page_granules, page_granules, wanted.lane, false};
  }
  std::optional<pool::GrowthPlan> plan;
  {
    const auto lock = arena.lock();
    plan = arena.plan_growth(place);
  }
  if (!plan) {
    throw Unsupported("pool \"" + options_.name + "\": its address range of " + format_bytes(range_bytes_) +
                          " has no place left for " + format_bytes(wanted.granules * index::granule_bytes),
                      {.name = options_.name});
  }
  plan->from = from;
  fill_in(*plan, [&](std::size_t mapped_runs) {
    const auto lock = arena.lock();
    arena.abandon_growth(*plan, mapped_runs);
  });
  const auto lock = arena.lock();
  const std::uint32_t id = arena.finish_growth(*plan, place);
  return wanted.small ? arena.fit_in_page(id, wanted) : id;
}

void Pool::Implementation::supply(pool::GrowthPlan& plan) {
  const bool lasting = plan.pages_before && backend_.max_extent_pages() > 1;
  const std::uint64_t most_bundled =
      lasting ? std::clamp<std::uint64_t>(most_bundle_bytes / info_.page_bytes, 1, backend_.max_extent_pages()) : 1;
  std::vector<PageHandle> found = store_.take_held({plan.missing_pages, true}, lasting);
  pool::PageLayout layout;
  try {
    if (plan.from == pool::PagesFrom::anywhere) recycle(found, plan.missing_pages);
    layout = pool::lay_out({plan.missing_pages, plan.pages_before.value_or(0), most_bundled}, found);
  } catch (...) {
    store_.hold(found);
    throw;
  }
  const std::span<PageHandle> pages(layout.pages);
  make_way(layout.unused, layout.fresh);
  store_.hold(layout.unused);
  try {
    store_.create(pages.first(layout.fresh));
  } catch (...) {
    store_.hold(pages.subspan(layout.fresh));
    throw;
  }
  if (plan.from == pool::PagesFrom::driver) {
    slack_.add(layout.fresh);
  } else if (layout.fresh != 0) {
    slack_.clear();
  }
  auto next = pages.begin();
  for (pool::PageRun& run : plan.missing) {
    std::copy_n(next, run.pages.size(), run.pages.begin());
    next += static_cast<std::ptrdiff_t>(run.pages.size());
  }
  plan.supplied = true;
}

// Bundles that do not fit where pages are missing are destroyed for as many new pages.
void Pool::Implementation::make_way(std::vector<PageHandle>& unused, std::uint64_t wanted) {
  std::size_t gone = 0;
  while (gone < unused.size() && gone < wanted) {
    gone += pool::pages_of_first(std::span<const PageHandle>(unused).subspan(gone));
  }
  store_.destroy(std::span<const PageHandle>(unused).first(gone));
  unused.erase(unused.begin(), unused.begin() + static_cast<std::ptrdiff_t>(gone));
}

// Takes wholly free pages from where they are not needed; first those no work touches.
void Pool::Implementation::recycle(std::vector<PageHandle>& pages, std::uint64_t wanted) {
  const auto take_clean = [&] {
    for_each_paged([&](pool::PagedArena& arena) {
      while (pages.size() < wanted) {
        std::optional<pool::LeavingPages> leaving;
        {
          const auto lock = arena.lock();
          leaving = arena.take_pages({wanted - pages.size(), true}, UINT32_MAX);
        }
        if (!leaving || !unmap(arena, *leaving)) return;
        pages.insert(pages.end(), leaving->run.pages.begin(), leaving->run.pages.end());
      }
    });
  };
  take_clean();
  if (pages.size() < wanted && clean_lanes(core::Deadline(), true)) take_clean();
  if (!pages.empty()) {
    log(LogLevel::info, LogEvent::recycle, {}, pages.size() * info_.page_bytes, 0, StreamId{});
  }
}

std::uint32_t Pool::Implementation::grow_segments(const Placement& wanted) {
  const std::uint64_t needed =
      wanted.granules * index::granule_bytes + (wanted.alignment == 1 ? 0 : wanted.alignment * index::granule_bytes);
  const std::uint64_t exact = round_up(needed, segment_unit);
  pool::Segment segment;
  try {
    segment = store_.allocate_segment(std::max(exact, options_.segment_bytes));
  } catch (const std::bad_alloc&) {
    release_idle_segments(UINT32_MAX, 0);
    segment = store_.allocate_segment(exact);
  }
  return use_segment(segment, wanted);
}

std::uint32_t Pool::Implementation::allocate_directly(const Placement& wanted) {
  const std::uint64_t padding = wanted.alignment == 1 ? 0 : wanted.alignment * index::granule_bytes;
  return use_segment(store_.allocate_segment(wanted.granules * index::granule_bytes + padding), wanted);
}

std::uint32_t Pool::Implementation::use_segment(const pool::Segment& segment, const Placement& wanted) {
  try {
    addresses_.prepare(segment.address, segment.bytes);
  } catch (...) {
    store_.free_segment(segment);
    throw;
  }
  log(LogLevel::info, LogEvent::grow, {}, segment.bytes, segment.address, StreamId{});
  const auto lock = segments_->lock();
  segments_->add(segment, coarse_now());
  if (const std::uint32_t id = segments_->fit(wanted)) return id;
  Placement anywhere = wanted;
  anywhere.small = false;  // a segment too short or unaligned has no page for small blocks
  return segments_->fit(anywhere);
}

pool::PagedArena& Pool::Implementation::paged_arena(unsigned number) {
  const std::lock_guard lock(arenas_mutex_);
  if (!paged_[number]) {
    const device::Address range = backend_.reserve(range_bytes_);
    ranges_.push_back(range);
    paged_[number] = std::make_unique<pool::PagedArena>(blocks_, addresses_, static_cast<std::uint8_t>(number), range,
                                                        range_bytes_, info_.page_bytes);
    arenas_[number].store(paged_[number].get(), std::memory_order_release);
  }
  return *paged_[number];
}

void Pool::Implementation::refuse(const Request& request) {
  const std::uint64_t taken = store_.reserved() + store_.external();
  const std::uint64_t free = store_.limit() - std::min(store_.limit(), taken);
  std::string text = "pool \"" + options_.name + "\": no room for " + format_bytes(request.bytes) + "; " +
                     format_bytes(taken) + " of " + format_bytes(store_.limit()) + " are taken";
  std::vector<LiveBlock> holders = live_blocks();
  holders.resize(std::min<std::size_t>(holders.size(), 3));
  if (!holders.empty()) text += ", the largest blocks are";
  for (const LiveBlock& holder : holders) {
    text += " " + format_bytes(holder.requested) + (holder.tag.empty() ? "" : " (" + holder.tag + ")") +
            (&holder == &holders.back() ? "" : ",");
  }
  text += "; free memory, trim other pools, or raise the limit";
  const ErrorFacts facts{.name = options_.name, .bytes_asked = request.bytes, .limit = store_.limit(), .free = free};
  if (options_.limit && free < request.bytes) throw LimitExceeded(text, facts);
  throw OutOfMemory(text, facts);
}

}  // namespace weir
