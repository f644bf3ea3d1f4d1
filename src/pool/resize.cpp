// Blocks that change their size where they are, and plain ones, which the driver
// made and nothing moves. A block that can grow has address space of its own, in
// whole pages; it is marked as shared, so that no thread cache ever keeps it. Pages
// that are bundled leave it together, so it may stay larger than it was asked to be.
#include <algorithm>
#include <string>

#include <weir/bytes.hpp>

#include "device/event.hpp"
#include "pool/bundles.hpp"
#include "pool/hot_path.hpp"
#include "pool/ladder.hpp"

namespace weir {

using pool::Placement;
using track::Block;

std::uint32_t Pool::Implementation::whole_pages(std::uint64_t granules) const noexcept {
  const std::uint64_t page = info_.page_bytes >> index::granule_shift;
  return static_cast<std::uint32_t>((granules + page - 1) / page * page);
}

std::uint32_t Pool::Implementation::most_granules(std::uint32_t id) const {
  const std::lock_guard lock(notes_mutex_);
  const auto found = most_granules_.find(id);
  return found == most_granules_.end() ? 0 : found->second;
}

std::uint32_t Pool::Implementation::allocate_growable(const Request& request, std::size_t most) {
  if (request.bytes == 0) return 0;
  require_usable();
  const std::size_t bound = std::min<std::uint64_t>(std::max(most, request.bytes), most_bytes_);
  if (mode_ != PoolMode::pages || request.bytes <= info_.page_bytes) return allocate(request);
  Cache& cache = cache_of(request.stream);
  const std::uint32_t most_granules = whole_pages(index::granules_for(bound));
  const std::uint32_t id = serve_by(request, cache, [&]() -> Served {
    Placement wanted = placement(request, cache.lane);
    wanted.granules = whole_pages(wanted.granules);
    wanted.small = false;
    const Moving moving(growing_, moved_);
    try {
      const auto take = [&] { return take_growable(wanted, most_granules, cache); };
      return {timed_growth([&] { return with_reclaim(take); }), Source::driver};
    } catch (const std::bad_alloc&) {
      refuse(request);
    }
  });
  {
    const std::lock_guard lock(notes_mutex_);
    most_granules_.insert_or_assign(id, most_granules);
  }
  blocks_[id].claim.fetch_or(Block::shared_bit, std::memory_order_relaxed);
  return id;
}

std::uint32_t Pool::Implementation::take_growable(const Placement& wanted, std::uint32_t most, Cache& cache) {
  pool::PagedArena& arena = paged_arena(cache.home);
  std::optional<pool::GrowthPlan> plan;
  {
    const auto lock = arena.lock();
    plan = arena.plan_growable(wanted, most);
  }
  if (!plan) {
    throw Unsupported("pool \"" + options_.name + "\": its address range of " + format_bytes(range_bytes_) +
                          " cannot keep " + format_bytes(std::uint64_t{most} * index::granule_bytes) + " for one block",
                      {.name = options_.name});
  }
  fill_in(*plan, [&](std::size_t mapped_runs) {
    const auto lock = arena.lock();
    arena.abandon_growable(*plan, mapped_runs);
  });
  const auto lock = arena.lock();
  return arena.finish_growable(*plan, wanted);
}

std::uint32_t Pool::Implementation::allocate_plain(const Request& request) {
  if (request.bytes == 0) return 0;
  require_usable();
  Cache& cache = cache_of(request.stream);
  const std::uint32_t id = serve_by(request, cache, [&]() -> Served {
    Placement wanted = placement(request, cache.lane);
    wanted.small = false;
    const Moving moving(growing_, moved_);
    try {
      const auto take = [&] { return allocate_directly(wanted); };
      return {timed_growth([&] { return with_reclaim(take); }), Source::driver};
    } catch (const std::bad_alloc&) {
      refuse(request);
    }
  });
  blocks_[id].claim.fetch_or(Block::shared_bit, std::memory_order_relaxed);
  return id;
}

bool Pool::Implementation::resize(std::uint32_t id, std::size_t bytes, StreamId stream) {
  require_usable();
  try {
    return resize_here(id, bytes, stream);
  } catch (const Error& error) {
    ++refusals_;
    log(LogLevel::warning, LogEvent::refuse, error.message(), bytes, 0, stream);
    throw;
  }
}

bool Pool::Implementation::resize_here(std::uint32_t id, std::size_t bytes, StreamId stream) {
  Block& block = blocks_[id];
  if (bytes == 0) {
    throw InvalidArgument("pool \"" + options_.name + "\": a block cannot be resized to 0 B; release it instead",
                          {.name = options_.name, .bytes_asked = 0});
  }
  if (bytes > most_bytes_) refuse_arguments({bytes, 1, stream, Tag::none, {}});
  Cache& cache = cache_of(stream);
  const std::uint32_t most = most_granules(id);
  auto granules = static_cast<std::uint32_t>(index::granules_for(bytes));
  if (most != 0) granules = whole_pages(granules);
  // What a shrink left in the block may hold anything; nobody's bytes lie there.
  const std::uint64_t end = std::min<std::uint64_t>(bytes, block.bytes());
  if (options_.zero && end > block.requested) {
    backend_.fill(stream, block.address() + block.requested, 0, end - block.requested);
  }
  if (granules > block.size) {
    if (granules > most || !extend(id, granules - block.size, stream, cache)) return false;
  } else if (granules < block.size && most != 0) {
    cut(id, block.size - granules, stream, cache);
  }
  enter(cache);
  bool overdrawn = false;
  if (bytes > block.requested) {
    overdrawn = cache.requested.spend(bytes - block.requested) < 0;
  } else {
    cache.requested.room.add(block.requested - bytes);
  }
  block.requested = bytes;
  cache.lock.leave();
  if (overdrawn) settle_peaks(cache);
  return true;
}

bool Pool::Implementation::extend(std::uint32_t id, std::uint32_t granules, StreamId stream, Cache& cache) {
  const Moving moving(growing_, moved_);
  Block& block = blocks_[id];
  pool::PagedArena& arena = *paged_[block.arena];
  std::optional<pool::GrowthPlan> plan;
  const auto map_more = [&] {
    {
      const auto lock = arena.lock();
      plan = arena.plan_extension(id, granules);
    }
    if (!plan) return false;
    fill_in(*plan, [&](std::size_t mapped_runs) {
      const auto lock = arena.lock();
      arena.abandon_extension(*plan, mapped_runs);
    });
    return true;
  };
  const std::uint64_t bytes = std::uint64_t{granules} * index::granule_bytes;
  try {
    if (!with_reclaim(map_more)) return false;
  } catch (const std::bad_alloc&) {
    refuse({bytes, 1, stream, Tag::none, {}});
  }
  enter(cache);
  {
    const auto lock = arena.lock();
    arena.finish_extension(*plan, id);
  }
  const bool overdrawn = cache.allocated.spend(bytes) < 0;
  cache.bypassed(bytes);
  cache.lock.leave();
  if (overdrawn) settle_peaks(cache);
  if (!options_.zero) return true;
  try {
    backend_.fill(stream, plan->missing.front().address, 0, bytes);
  } catch (...) {
    // What could not be cleared is not handed out.
    try {
      cut(id, granules, stream, cache);
    } catch (const Error& error) {
      report_fallback(error, stream);  // the block stays larger than it was asked to be
    }
    throw;
  }
  return true;
}

// Waits for the work that may use the block: what is queued on its stream, the caller's, and those named by used_on.
void Pool::Implementation::await_users(std::uint32_t id, StreamId stream) {
  std::vector<StreamId> users{stream};
  {
    const std::lock_guard lock(pending_mutex_);
    if (const auto found = uses_.find(id); found != uses_.end()) {
      users.insert(users.end(), found->second.begin(), found->second.end());
    }
  }
  const auto point = lanes_.record(blocks_[id].lane.load(std::memory_order_relaxed));
  const core::Deadline deadline(options_.reclaim_deadline);
  bool done = point && wait_for(point->event(), deadline);
  for (const StreamId user : users) {
    if (!done) break;
    const pool::Lanes::Mark mark = lanes_.mark(user);
    done = !mark || wait_for(*mark, deadline);
  }
  if (done) return;
  throw Timeout("pool \"" + options_.name +
                    "\": the work that uses a block did not end in time for it to shrink; it is as it was",
                {.name = options_.name});
}

void Pool::Implementation::cut(std::uint32_t id, std::uint32_t most, StreamId stream, Cache& cache) {
  pool::PagedArena& arena = *paged_[blocks_[id].arena];
  std::uint32_t granules = 0;
  {
    const auto lock = arena.lock();
    granules = arena.tail_granules(id, most);
  }
  if (granules == 0) return;
  await_users(id, stream);
  pool::LeavingPages tail;
  enter(cache);
  {
    const auto lock = arena.lock();
    tail = arena.take_tail(id, granules);
  }
  cache.lock.leave();
  try {
    backend_.unmap(tail.run.address, pool::extents_of(tail.run.pages));
  } catch (...) {
    enter(cache);
    {
      const auto lock = arena.lock();
      arena.tail_stayed(tail, id);
    }
    cache.lock.leave();
    throw;
  }
  store_.hold(tail.run.pages);
  const std::uint64_t bytes = std::uint64_t{granules} * index::granule_bytes;
  enter(cache);
  {
    const auto lock = arena.lock();
    arena.tail_left(tail);
  }
  cache.allocated.room.add(bytes);
  cache.passed_by(bytes);
  cache.lock.leave();
}

}  // namespace weir
