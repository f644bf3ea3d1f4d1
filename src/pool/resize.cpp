// Blocks that change their size where they are, and plain ones, which the driver
// made and nothing moves. A block that can grow has address space of its own, in
// whole pages; it is marked as shared, so that no thread cache ever keeps it. Pages
// of one extent leave it together, so it may stay larger than it was asked to be.
#include <algorithm>
#include <string>

#include <weir/bytes.hpp>

#include "device/access.hpp"
#include "pool/hit_path.hpp"
#include "pool/ladder.hpp"

namespace weir {

using pool::Placement;
using track::Block;

std::uint32_t Pool::Implementation::whole_pages(std::uint64_t granules) const noexcept {
  const std::uint64_t page = info_.page_bytes >> index::granule_shift;
  return static_cast<std::uint32_t>((granules + page - 1) / page * page);
}

bool Pool::Implementation::resize(std::uint32_t id, std::size_t bytes, StreamId stream) {
  return noting_refusals(bytes, stream, [&] { return resize_here(id, bytes, stream); });
}

bool Pool::Implementation::resize_here(std::uint32_t id, std::size_t bytes, StreamId stream) {
  Block& block = blocks_[id];
  if (bytes == 0) {
    throw InvalidArgument("pool \"" + options_.name + "\": a block cannot be resized to 0 B; release it instead",
                          {.name = options_.name, .bytes_asked = 0});
  }
  if (bytes > max_bytes_) refuse_size({bytes, stream});
  Cache& cache = cache_of(stream, Purpose::take);
  const std::uint32_t max = notes_.max_granules(id);
  auto granules = static_cast<std::uint32_t>(index::granules_for(bytes));
  if (max != 0) granules = whole_pages(granules);
  // What a shrink left in the block may hold anything; nobody's bytes lie there.
  const std::uint64_t end = std::min<std::uint64_t>(bytes, block.bytes());
  if (options_.zero && end > block.requested) {
    backend_.fill(stream, block.address() + block.requested, 0, end - block.requested);
  }
  if (granules > block.size) {
    if (granules > max || !extend(id, granules - block.size, stream, cache)) return false;
  } else if (granules < block.size && max != 0 && bytes < block.requested) {  // who asks for more does not wait
    cut(id, block.size - granules, stream, cache);
  }
  count_requested(id, bytes, cache);
  tell(cache, id, track::EventKind::resize, track::EventWay::in_place, stream);
  return true;
}

void Pool::Implementation::count_requested(std::uint32_t id, std::size_t bytes, Cache& cache) {
  Block& block = blocks_[id];
  caches_.enter(cache);
  bool overdrawn = false;
  if (bytes > block.requested) {
    overdrawn = cache.requested.spend(bytes - block.requested) < 0;
  } else {
    cache.requested.returned.add(block.requested - bytes);
  }
  block.requested = bytes;
  cache.lock.leave();
  if (overdrawn) credits_.settle(cache);
}

bool Pool::Implementation::extend(std::uint32_t id, std::uint32_t granules, StreamId stream, Cache& cache) {
  const std::uint64_t bytes = std::uint64_t{granules} * index::granule_bytes;
  Placement wanted;
  wanted.granules = granules;
  wanted.stream_index = cache.stream_index;
  pool::GrowthPlan plan;
  std::optional<pool::Served> served;
  const BlockHandle handle = handle_of(id);
  const std::uint32_t size = blocks_[id].size;
  pool::Tries tries;
  const auto attempt = [&] {
    make_way(bytes, stream, tries);
    require_unchanged(handle, size);
    plan = {};
    served = Ladder(*this, wanted, cache, tries).extend(id, plan);
    return !served || served->id != 0;
  };
  if (!attempt() && !relieve(bytes, stream, tries, attempt)) refuse({bytes, stream});
  if (!served) return false;
  caches_.enter(cache);
  space_.finish_extension(plan, id);
  const bool overdrawn = cache.allocated.spend(bytes) < 0;
  cache.bypassed(bytes);
  cache.lock.leave();
  if (overdrawn) credits_.settle(cache);
  if (!options_.zero) return true;
  try {
    backend_.fill(stream, plan.gaps.front().start, 0, bytes);
  } catch (...) {
    // What could not be cleared is not handed out.
    try {
      cut(id, granules, stream, cache);
    } catch (const Error& error) {
      journal_.note_fallback(error, stream);  // the block stays larger than it was asked to be
      tell(cache, id, track::EventKind::resize, track::EventWay::in_place, stream);
    }
    throw;
  }
  return true;
}

// The work that may use the block: what is queued on its stream, the caller's, and those named by used_on.
device::Fence Pool::Implementation::users_of(std::uint32_t id, StreamId stream) {
  device::Fence fence;
  fence.add(device::Access::shared_backend(device_),
            order_.epochs().stream(blocks_[id].stream_index.load(std::memory_order_relaxed)));
  fence.add(device::Access::shared_backend(device_), stream);
  for (const StreamId user : order_.pending().users(id)) fence.add(device::Access::shared_backend(device_), user);
  return fence;
}

void Pool::Implementation::await_users(std::uint32_t id, StreamId stream) {
  device::Fence fence = users_of(id, stream);
  if (order_.await(fence, core::Deadline(options_.reclaim_deadline))) return;
  throw Timeout("pool \"" + options_.name +
                    "\": the block was not shrunk: the work that uses it did not end within reclaim_deadline; "
                    "wait for that work, and try again",
                {.name = options_.name});
}

void Pool::Implementation::cut(std::uint32_t id, std::uint32_t max, StreamId stream, Cache& cache) {
  const std::uint32_t granules = space_.tail_granules(id, max);
  if (granules == 0) return;
  await_users(id, stream);
  pool::LeavingPages tail;
  space_.list_tail(id, granules, tail);
  caches_.enter(cache);
  space_.take_tail(id, granules, tail);
  cache.lock.leave();
  try {
    space_.unmap_tail(tail);
  } catch (...) {
    caches_.enter(cache);
    space_.tail_stayed(tail, id);
    cache.lock.leave();
    throw;
  }
  const std::uint64_t bytes = std::uint64_t{granules} * index::granule_bytes;
  caches_.enter(cache);
  space_.tail_left(tail, id);
  cache.allocated.returned.add(bytes);
  cache.passed_by(bytes);
  cache.lock.leave();
}

}  // namespace weir
