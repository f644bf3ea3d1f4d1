// Blocks that outgrow their place. An ordinary block that grows past a page moves into a
// range of address space of its own, where it grows in place from then on; one whose range
// is too short moves on into a longer one. Extents that the block alone uses move by
// remapping, once no work uses them; the rest is copied in stream order. Where work goes on
// all is copied if there is memory for both, so that growth does not wait for the device.
#include <algorithm>
#include <array>
#include <chrono>

#include <weir/errors.hpp>

#include "device/access.hpp"
#include "pool/hit_path.hpp"
#include "pool/ladder.hpp"

namespace weir {

using pool::MovePlan;
using pool::Placement;
using track::Block;

namespace {

/// What of a block's contents does not move with its extents. Bytes from its start.
struct Part {
  std::uint64_t begin;
  std::uint64_t end;
};

/// The parts of [0, bytes) that lie before and after what moves.
std::array<Part, 2> parts_beside(const MovePlan& plan, std::uint64_t page_bytes, std::uint64_t bytes) {
  const std::uint64_t first = plan.pages_before * page_bytes;
  const std::uint64_t last = first + plan.moving.pages * page_bytes;
  return {{{0, std::min(first, bytes)}, {std::min(last, bytes), bytes}}};
}

}  // namespace

std::optional<Pool::Enlarged> Pool::Implementation::enlarge(std::uint32_t id, std::size_t bytes, std::size_t max,
                                                            std::size_t contents, StreamId stream, std::size_t range) {
  return noting_refusals(bytes, stream, [&]() -> std::optional<Enlarged> {
    if (resize_here(id, bytes, stream)) return Enlarged{};
    const Block& block = blocks_[id];
    const bool in_pages = mode_ == PoolMode::pages && block.arena != pool::Space::segments_number;
    if (!in_pages || bytes <= info_.page_bytes) return std::nullopt;
    const std::uint64_t bound = std::min<std::uint64_t>(std::max(max, bytes), max_bytes_);
    const std::uint64_t kept = std::min<std::uint64_t>(contents, block.requested);
    const std::uint64_t kept_addresses = std::min<std::uint64_t>(range, bound);
    return move_to_range(id, bytes, whole_pages(index::granules_for(bound)),
                         whole_pages(index::granules_for(kept_addresses)), kept, stream);
  });
}

std::optional<Pool::Enlarged> Pool::Implementation::move_to_range(std::uint32_t id, std::size_t bytes,
                                                                  std::uint32_t max, std::uint32_t range,
                                                                  std::uint64_t contents, StreamId stream) {
  Cache& cache = cache_of(stream, Purpose::take);
  Placement wanted;
  wanted.granules = whole_pages(index::granules_for(bytes));
  wanted.range = range;
  wanted.stream_index = cache.stream_index;
  device::Fence users = users_of(id, stream);
  MovePlan plan;
  std::optional<pool::Served> served;
  const BlockHandle handle = handle_of(id);
  const std::uint32_t size = blocks_[id].size;
  pool::Tries tries;
  const auto missing = [&] {  // all, before anything was planned
    return (std::uint64_t{wanted.granules} << index::granule_shift) - plan.moving.pages * info_.page_bytes;
  };
  const auto attempt = [&] {
    make_way(bytes - std::min<std::uint64_t>(bytes, std::uint64_t{size} << index::granule_shift), stream, tries);
    require_unchanged(handle, size);
    plan = {};
    served = find_range(id, wanted, max, users, cache, plan, tries);
    return !served || served->id != 0;
  };
  if (!attempt() && !relieve(missing(), stream, tries, attempt)) refuse({missing(), stream});
  if (!served) return std::nullopt;
  const bool idle = users.empty();
  Carried carried;
  const auto tell_move = [&] {
    tell(cache, id, track::EventKind::resize, carried.copied == 0 ? track::EventWay::remapped : track::EventWay::copied,
         stream);
  };
  try {
    carry_over(id, plan, contents, users, stream, carried);
  } catch (...) {
    // With its contents the block is whole at its new place too, longer than it was asked to be.
    if (carried.all || !go_back(id, plan, stream, cache, carried.copied != 0)) {
      settle_move(id, plan, cache.stream_index, cache);
      tell_move();
    }
    throw;
  }
  settle_move(id, plan, idle && carried.copied == 0 ? pool::clean_index : cache.stream_index.load(), cache);
  count_requested(id, bytes, cache);
  tell_move();
  return Enlarged{.moved = true, .bytes_copied = carried.copied};
}

// Events are late by some microseconds even where nothing runs. A copy needs as many new handles as would move, so to
// wait about as long as those cost is worth it.
std::optional<pool::Served> Pool::Implementation::find_range(std::uint32_t id, const Placement& wanted,
                                                             std::uint32_t max, device::Fence& users, Cache& cache,
                                                             MovePlan& plan, pool::Tries& tries) {
  constexpr std::chrono::microseconds cost_of_handle{20};
  constexpr std::chrono::microseconds max_wait{1000};
  plan.pages_before = space_.list_whole(id, plan.moving);
  const auto wait = std::min<std::chrono::microseconds>(cost_of_handle * plan.moving.extents.size(), max_wait);
  try {
    if (plan.moving.pages != 0 && !order_.await(users, core::Deadline(wait, backend_.clock()))) {
      MovePlan copy;
      const std::optional<pool::Served> served = Ladder(*this, wanted, cache, tries).move(id, max, copy, false);
      if (!served || served->id != 0) {
        plan = std::move(copy);
        return served;
      }
      if (!order_.await(users, tries.begin(options_.reclaim_deadline, backend_.clock()))) {
        plan = std::move(copy);
        return served;  // no memory for both
      }
    }
    return Ladder(*this, wanted, cache, tries).move(id, max, plan, true);
  } catch (const Error& error) {
    if (!plan.lost) throw;
    drop_lost(id, plan, cache);
    if (error.code() == ErrorCode::device_lost) throw;
    throw DriverError("pool \"" + options_.name +
                          "\": the driver refused to map a block's memory at its new and at its old address; the "
                          "block and its contents are lost",
                      {.name = options_.name});
  }
}

// What is not mapped at the new place with what it holds is copied there, after the work of all who use the block.
void Pool::Implementation::carry_over(std::uint32_t id, const MovePlan& plan, std::uint64_t contents,
                                      device::Fence& users, StreamId stream, Carried& carried) {
  const std::uint64_t from = blocks_[id].address();
  const std::uint64_t to = plan.range.gaps.front().start;
  users.hold_back(stream);
  for (const auto& [begin, end] : parts_beside(plan, info_.page_bytes, contents)) {
    if (begin != end) backend_.copy(stream, to + begin, from + begin, end - begin);
    carried.copied += end - begin;
  }
  carried.all = true;
  if (!options_.zero) return;
  const std::uint64_t bytes = plan.range.gaps.front().pages * info_.page_bytes;
  for (const auto& [begin, end] : parts_beside(plan, info_.page_bytes, bytes)) {
    const std::uint64_t unwritten = std::max(begin, std::min(contents, end));
    if (unwritten != end) backend_.fill(stream, to + unwritten, 0, end - unwritten);
  }
}

void Pool::Implementation::settle_move(std::uint32_t id, const MovePlan& plan, StreamIndex stream_index, Cache& cache) {
  const auto moving = motion_.begin();
  Block& block = blocks_[id];
  const std::uint64_t moved = plan.moving.pages * info_.page_bytes;
  const std::uint64_t left = block.bytes() - moved;
  caches_.enter(cache);
  space_.finish_move(id, plan, stream_index, cache.now);
  const std::uint64_t added = block.bytes() - moved;
  const bool overdrawn = cache.allocated.spend(added) < 0;
  cache.bypassed(added);
  cache.lock.leave();
  if (overdrawn) credits_.settle(cache);
  // What was copied was there twice for a moment, which the peak counts.
  caches_.enter(cache);
  cache.allocated.returned.add(left);
  cache.passed_by(left);
  cache.lock.leave();
  notes_.set_max_granules(id, plan.max);
  block.ownership.fetch_or(Block::shared_bit, std::memory_order_relaxed);
}

// The contents could not be carried over: all is undone, once a copy that was queued is done. False where that does not
// end, or the driver refuses the way back too.
bool Pool::Implementation::go_back(std::uint32_t id, MovePlan& plan, StreamId stream, Cache& cache, bool copying) {
  for (int tries = 0; tries < 2; ++tries) {  // a failure may have passed at a second try
    try {
      device::Fence queued;
      if (copying) queued.add(device::Access::shared_backend(device_), stream);
      if (!order_.await(queued, core::Deadline(options_.reclaim_deadline, backend_.clock()))) return false;
      space_.undo_move(id, plan);
      if (plan.lost) drop_lost(id, plan, cache);
      return true;
    } catch (const Error& error) {
      journal_.note_fallback(error, stream);
    }
  }
  return false;
}

// The block ends, as if it were freed; nobody uses it, as what was to move was idle.
void Pool::Implementation::drop_lost(std::uint32_t id, const MovePlan& plan, Cache& cache) {
  const auto moving = motion_.begin();
  Block& block = blocks_[id];
  static_cast<void>(order_.pending().take_users(id));
  notes_.drop_max_granules(id);
  tell(cache, id, track::EventKind::free, track::EventWay::none, cache.stream);
  caches_.enter(cache);
  block.become(track::BlockState::busy);
  end_life(block, cache);
  cache.passed_by(block.bytes());
  cache.lock.leave();
  journal_.note(LogLevel::error, LogEvent::leak, "the driver lost a block while it moved", block.requested,
                block.address());
  space_.drop_rest(id, plan, pool::clean_index, cache.now);
}

}  // namespace weir
