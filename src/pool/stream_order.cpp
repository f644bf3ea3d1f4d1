// Streams: blocks that several of them used, and whose order free memory follows.
// One stream's memory becomes another's, or nobody's, by events made on demand.
#include <algorithm>
#include <iterator>
#include <utility>

#include <weir/errors.hpp>

#include "device/event.hpp"
#include "pool/door.hpp"
#include "pool/hot_path.hpp"

namespace weir {

using track::Block;
using track::BlockState;

// Giving back must not fail: what the driver refuses here is tried again by reclaim_pending().
void Pool::Implementation::free_shared(std::uint32_t id, Lane lane, std::uint32_t now) {
  Block& block = blocks_[id];
  const auto pending = std::make_shared<Pending>(Pending{id, lane, {}});
  {
    const std::lock_guard lock(pending_mutex_);
    if (const auto found = uses_.find(id); found != uses_.end()) {
      for (const StreamId stream : found->second) pending->uses.push_back({stream, nullptr});
      uses_.erase(found);
    }
  }
  {
    const std::lock_guard lock(notes_mutex_);
    most_granules_.erase(id);
  }
  block.own(block.owner());
  block.become(BlockState::pending);
  block.stamp = now;
  pending_granules_ += block.size;
  for (Pending::Use& use : pending->uses) {
    if (backend_.capturing(use.stream)) continue;
    try {
      use.mark = lanes_.mark(use.stream);
      use.recorded = true;
    } catch (const Error& error) {
      report_fallback(error, use.stream);
    }
  }
  {
    const std::lock_guard lock(pending_mutex_);
    pending_.push_back(pending);
  }
  if (finished(*pending, core::Deadline())) take_back(pending);
  reclaim_oldest();
}

// As device::wait_for; where that is no mere look, its time is recorded.
bool Pool::Implementation::wait_for(device::EventId event, const core::Deadline& deadline) {
  const std::chrono::nanoseconds left = deadline.left();
  if (left.count() == 0 || event == device::EventId::none) return backend_.query(event);
  const auto began = track::Latency::Clock::now();
  const bool done = backend_.wait(event, left);
  wait_latency_.record_since(began);
  return done;
}

bool Pool::Implementation::finished(const Pending& pending, const core::Deadline& deadline) {
  for (const Pending::Use& use : pending.uses) {
    if (!use.recorded && backend_.capturing(use.stream)) return false;
    try {
      const pool::Lanes::Mark mark = use.recorded ? use.mark : lanes_.mark(use.stream);
      if (mark && !wait_for(*mark, deadline)) return false;
    } catch (const Error& error) {
      report_fallback(error, use.stream);
      return false;
    }
  }
  return true;
}

std::vector<std::shared_ptr<const Pool::Implementation::Pending>> Pool::Implementation::all_pending() {
  if (pending_granules_.load() == 0) return {};
  const std::lock_guard lock(pending_mutex_);
  return {pending_.begin(), pending_.end()};
}

// Entries stay in the list while they are looked at, so that other threads can wait for them too.
bool Pool::Implementation::reclaim_pending(const core::Deadline& deadline) {
  bool any = false;
  for (const std::shared_ptr<const Pending>& each : all_pending()) {
    if (finished(*each, deadline)) any = take_back(each) || any;
  }
  return any;
}

// What a free can afford to look at, however many wait: the oldest, until a few of them are not done.
void Pool::Implementation::reclaim_oldest() {
  constexpr std::size_t most_unfinished = 4;
  for (std::size_t unfinished = 0; unfinished < most_unfinished;) {
    std::shared_ptr<const Pending> each;
    {
      const std::lock_guard lock(pending_mutex_);
      if (pending_.size() <= unfinished) return;
      each = *std::next(pending_.begin(), static_cast<std::ptrdiff_t>(unfinished));
    }
    if (!finished(*each, core::Deadline())) {
      ++unfinished;
    } else if (!take_back(each)) {
      return;  // another thread is at it
    }
  }
}

// The memory of a pending block is past its uses; false if another thread was quicker.
bool Pool::Implementation::take_back(const std::shared_ptr<const Pending>& pending) {
  const Moving moving(flushing_, moved_);
  {
    const std::lock_guard lock(pending_mutex_);
    const auto found = std::find(pending_.begin(), pending_.end(), pending);
    if (found == pending_.end()) return false;
    pending_.erase(found);
  }
  Block& block = blocks_[pending->id];
  pending_granules_ -= block.size;
  block.become(BlockState::busy);
  release(pending->id, pending->lane, block.stamp);
  return true;
}

void Pool::Implementation::report_fallback(const Error& error, StreamId stream) const noexcept {
  log(LogLevel::warning, LogEvent::fallback, error.message(), 0, 0, stream);
}

void Pool::Implementation::reassign(Lane from, std::uint64_t epoch, Lane to) {
  for_each_arena([&](pool::Arena& arena) {
    const auto lock = arena.lock();
    arena.reassign(from, epoch, to, lanes_.epoch(to));
  });
}

// The lanes that have free ranges, or wholly free pages, but for the clean one; ascending.
std::vector<pool::Lane> Pool::Implementation::lanes_held(bool only_pages) const {
  std::vector<Lane> lanes;
  for_each_arena([&](pool::Arena& arena) {
    const auto lock = arena.lock();
    arena.collect_lanes(only_pages, lanes);
  });
  std::sort(lanes.begin(), lanes.end());
  lanes.erase(std::unique(lanes.begin(), lanes.end()), lanes.end());
  return lanes;
}

// Makes other streams' free memory usable in the order of `target`: at once where
// their work is done, else after an event that the target's stream waits for.
// What the driver refuses stays as it is.
void Pool::Implementation::claim_lanes(Lane target) {
  for (const Lane lane : lanes_held(false)) {
    try {
      const auto point = lanes_.record(lane);
      if (!point) continue;
      if (backend_.query(point->event())) {
        reassign(lane, point->epoch, pool::clean_lane);
      } else if (lane != target && target != pool::clean_lane && !backend_.capturing(lanes_.stream(target))) {
        backend_.stream_wait(lanes_.stream(target), point->event());
        reassign(lane, point->epoch, target);
      }
    } catch (const Error& error) {
      report_fallback(error, lanes_.stream(lane));
    }
  }
}

// Waits until the lane's work is done, and makes its ranges clean; a retired lane's number is then
// used again. False if the work goes on.
bool Pool::Implementation::clean_lane(Lane lane, const core::Deadline& deadline) {
  try {
    const auto point = lanes_.record(lane);
    if (!point || !wait_for(point->event(), deadline)) return false;
    reassign(lane, point->epoch, pool::clean_lane);
    lanes_.forget(lane, *point);
    return true;
  } catch (const Error& error) {
    report_fallback(error, lanes_.stream(lane));
    return false;
  }
}

bool Pool::Implementation::clean_lanes(const core::Deadline& deadline, bool only_pages) {
  bool any = false;
  for (const Lane lane : lanes_held(only_pages)) any = clean_lane(lane, deadline) || any;
  for (const Lane lane : lanes_.retired_last(SIZE_MAX)) clean_lane(lane, deadline);
  return any;
}

// The end of work that keeps memory back and goes on; null where there is none that can be waited for.
pool::Lanes::Mark Pool::Implementation::find_unfinished() {
  for (const std::shared_ptr<const Pending>& each : all_pending()) {
    for (const Pending::Use& use : each->uses) {
      if (!use.recorded && backend_.capturing(use.stream)) continue;
      pool::Lanes::Mark mark = use.recorded ? use.mark : lanes_.mark(use.stream);
      if (mark && !backend_.query(*mark)) return mark;
    }
  }
  for (const Lane lane : lanes_held(false)) {
    const auto point = lanes_.record(lane);
    if (point && point->mark && !backend_.query(point->event())) return point->mark;
  }
  return nullptr;
}

// Waits until some of the work that keeps memory back is done, whichever it is, and takes that memory;
// false when none is done in time.
bool Pool::Implementation::await_any(const core::Deadline& deadline) {
  constexpr std::chrono::nanoseconds first_slice = std::chrono::microseconds(50);
  constexpr std::chrono::nanoseconds longest_slice = std::chrono::milliseconds(5);
  const auto look = [&] {
    const bool finished = reclaim_pending(core::Deadline());
    return clean_lanes(core::Deadline(), false) || finished;
  };
  if (look()) return true;
  const auto began = track::Latency::Clock::now();
  bool any_slice = false;  // all slices are one wait
  const auto waited = [&](bool done) {
    if (any_slice) wait_latency_.record_since(began);
    return done;
  };
  for (auto slice = first_slice;; slice = std::min(2 * slice, longest_slice)) {
    const std::chrono::nanoseconds left = deadline.left();
    if (left.count() == 0) return waited(false);
    try {
      const pool::Lanes::Mark mark = find_unfinished();
      if (!mark) return waited(look());
      any_slice = true;
      static_cast<void>(backend_.wait(*mark, std::min(slice, left)));
    } catch (const Error& error) {
      report_fallback(error, StreamId{});
      return waited(false);
    }
    if (look()) return waited(true);
  }
}

void Pool::Implementation::retire(StreamId stream) {
  require_usable();
  lanes_.retire(stream);
  const std::uint64_t key = key_base_ | static_cast<std::uint32_t>(stream);
  std::vector<Cache*> serving;
  {
    const std::lock_guard lock(caches_mutex_);
    const auto [first, last] = serving_.equal_range(key);
    std::transform(first, last, std::back_inserter(serving), [](const auto& each) { return each.second; });
    serving_.erase(first, last);
  }
  for (Cache* cache : serving) detach(*cache, key);
  reclaim_pending(core::Deadline());
  // This stream's lane, and a few that were not done when they were retired.
  for (const Lane lane : lanes_.retired_last(few_lanes)) clean_lane(lane, core::Deadline());
}

void Pool::Implementation::stream_ends(StreamId stream) noexcept {
  if (forked()) return;
  [[maybe_unused]] const Door door(*this);
  try {
    retire(stream);
  } catch (const Error& error) {
    log(LogLevel::error, LogEvent::fallback, error.message(), 0, 0, stream);
  }
}

}  // namespace weir
