// What a refused request does before it gives up, and how pages get to where they
// are missing. Included by the files that take memory from the driver.
#pragma once

#include <weir/errors.hpp>

#include "pool/implementation.hpp"

namespace weir {

/// Gives what `take` gives, after finished frees and all caches were gathered. Where memory is refused, pending work is
/// waited for, reclaim_deadline in all, and threads that carry memory about are let finish, before the refusal stands.
template <class Take>
auto Pool::Implementation::with_reclaim(Take take) {
  constexpr int most_tries = 500;          // of up to 100 µs each, while other threads move memory
  std::optional<core::Deadline> deadline;  // from the first refusal on
  for (int tries = 0;;) {
    std::uint64_t frees_before = 0;
    if (mode_ != PoolMode::off) {
      reclaim_pending(core::Deadline());
      frees_before = flush_all();
    }
    const std::uint64_t moved_before = moved_.load();
    try {
      return take();
    } catch (const std::bad_alloc&) {
      if (!deadline) deadline.emplace(options_.reclaim_deadline);
      const bool finished = await_any(*deadline);
      const bool released = release_idle_segments(UINT32_MAX, 0) != 0;
      if (finished || released) continue;
      // What a thread frees after its cache was emptied is in no arena.
      const bool freed = mode_ != PoolMode::off && awake_frees() != frees_before;
      if (++tries > most_tries || !(freed || await_others(moved_before))) throw;
    }
  }
}

/// Finds the missing pages of a plan and maps them; a failure is handed to `abandon` with the number
/// of runs that were mapped, and thrown on. No lock is held.
template <class Abandon>
void Pool::Implementation::fill_in(pool::GrowthPlan& plan, Abandon abandon) {
  std::size_t mapped_runs = 0;
  try {
    for (const pool::PageRun& run : plan.missing) addresses_.prepare(run.address, run.pages.size() * info_.page_bytes);
    supply(plan);
    for (; mapped_runs < plan.missing.size(); ++mapped_runs) {
      const pool::PageRun& run = plan.missing[mapped_runs];
      store_.map(run.address, run.pages);
    }
  } catch (...) {
    for (std::size_t i = mapped_runs; i < plan.missing.size(); ++i) {
      if (plan.supplied) store_.hold(plan.missing[i].pages);
    }
    abandon(mapped_runs);
    throw;
  }
  log(LogLevel::info, LogEvent::grow, {}, plan.missing_pages * info_.page_bytes, 0, StreamId{});
}

}  // namespace weir
